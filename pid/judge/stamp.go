package judge

import (
	"fmt"

	"onestep/nn"
)

// Stamp is what numbers stand on. Features of two sets of images are compared only if the same weights and the same resizing made them, from images
// of one size.
type Stamp struct {
	Images   Source `json:"images"`
	Count    int    `json:"count"`
	Height   int    `json:"height"`
	Width    int    `json:"width"`
	Channels int    `json:"channels"`
	Pixels   string `json:"pixels_sha256"`  // of all bytes (N,H,W,C)
	Weights  string `json:"weights_sha256"` // see Network.Digest
	Layout   string `json:"layout"`         // of the weights: pytorch-fid or tensorflow
	Resize   string `json:"resize"`         // how images become the network's input
	Device   string `json:"device"`         // what computed the features: kinds of devices differ by rounding
}

// resizing is what a stamp says of how each publisher makes images of bytes u the network's input.
var resizing = map[nn.InceptionLayout]string{
	nn.InceptionPyTorch:    "bilinear to 299x299 by half-pixel centres, u/127.5 - 1",
	nn.InceptionTensorFlow: "bilinear to 299x299 by pixels' corners, (u - 128)/128",
}

// stamp is that of images, with the hash of their pixels if they were gathered.
func (n *Network) stamp(images Images, g *gathered) *Stamp {
	s := &Stamp{Images: images.Source(), Weights: n.Digest, Layout: n.Layout.String(), Resize: resizing[n.Input], Device: n.Device.Name()}
	s.Count, s.Height, s.Width, s.Channels = images.Shape()
	if g != nil {
		s.Pixels = fmt.Sprintf("%x", g.pixels.Sum(nil))
	}
	return s
}

// differences lists in what two stamps differ, as far as it makes a comparison meaningless.
func (s *Stamp) differences(other *Stamp) (what []string) {
	differ := func(name string, a, b any) {
		if a != b {
			what = append(what, printable(fmt.Sprintf("%s: %v, the reference has %v", name, a, b)))
		}
	}
	differ("SHA-256 of the Inception weights", s.Weights, other.Weights)
	differ("resizing", s.Resize, other.Resize)
	differ("size of images", fmt.Sprintf("%dx%d", s.Height, s.Width), fmt.Sprintf("%dx%d", other.Height, other.Width))
	return what
}
