// Package embedded holds the networks of the default job, all trained by this project's own engine on Fashion-MNIST (28×28 padded to 32 and
// halved to 16×16): a diffusion teacher, a classifier whose activations make the perceptual distance, another classifier whose features
// the Fréchet distance compares, so that the judge is not the loss, and the statistics of those features over the 10,000 test images.
//
// README.md beside this file has the commands that made them.
package embedded

import (
	_ "embed"

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

// Teacher is a weight file of role teacher, for [onestep/weights.LoadUNet].
func Teacher() (*tensor.SafeTensors, error) { return read("teacher", teacher) }

// Perceptual is a classifier for the loss, for [onestep/weights.LoadClassifier].
func Perceptual() (*tensor.SafeTensors, error) { return read("perceptual", perceptual) }

// Features is a classifier for the judge.
func Features() (*tensor.SafeTensors, error) { return read("features", features) }

// Reference is the judge's statistics of the test images, for [onestep/pid.LoadReference].
func Reference() (*tensor.SafeTensors, error) { return read("reference", reference) }

func read(name string, data []byte) (*tensor.SafeTensors, error) {
	return tensor.ReadSafeTensors("embedded "+name, data)
}
