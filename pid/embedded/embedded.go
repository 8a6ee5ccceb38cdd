// Package embedded holds the networks of the default job, all trained by this project's own engine on Fashion-MNIST (28×28 padded to 32 and
// halved to 16×16): a diffusion teacher, a classifier whose activations make the perceptual distance, another classifier whose features
// the Fréchet distance compares, so that the judge is not the loss, and the statistics of those features over the 10,000 test images.
//
// README.md beside this file has the commands that made them.
package embedded

import (
	_ "embed"

	"onestep/nn"
	"onestep/nn/weights"
	"onestep/tensor"
)

//go:embed teacher.safetensors
var teacher []byte

//go:embed perceptual.safetensors
var perceptual []byte

//go:embed features.safetensors
var features []byte

//go:embed reference.safetensors
var reference []byte

// Teacher is a weight file of role teacher, for [weights.LoadUNet].
func Teacher() (*tensor.SafeTensors, error) { return read("teacher", teacher) }

// Reference is the statistics of the test images in the features of [Classifier], for [onestep/pid/judge.LoadGaussian].
func Reference() (*tensor.SafeTensors, error) { return read("reference", reference) }

// Fits says whether a network draws images like those of the embedded networks, which alone they know.
func Fits(net *nn.UNet) bool { return net.Resolution == 16 && net.InChannels == 1 }

// Perceptual is the distance that the loss may use.
func Perceptual(d *tensor.Device) (*nn.LPIPS, error) {
	net, err := classifier(d, "perceptual", perceptual)
	if err != nil {
		return nil, err
	}
	return nn.NewUniformLPIPS(d, net, net.TapChannels()), nil
}

// Classifier is the network whose features judge images. The loss never sees it.
func Classifier(d *tensor.Device) (*nn.Classifier, error) { return classifier(d, "features", features) }

func classifier(d *tensor.Device, name string, data []byte) (*nn.Classifier, error) {
	f, err := read(name, data)
	if err != nil {
		return nil, err
	}
	net, err := weights.LoadClassifier(d, f)
	if err != nil {
		return nil, err
	}
	net.Freeze()
	return net, nil
}

func read(name string, data []byte) (*tensor.SafeTensors, error) {
	return tensor.ReadSafeTensors("embedded "+name, data)
}
