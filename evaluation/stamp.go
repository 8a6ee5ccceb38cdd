package evaluation

import "onestep/nn"

// Stamp is what numbers stand on. Two sets of features may be compared if they were made by the same weights, from images of one size.
type Stamp struct {
	Images   Source `json:"images"`
	Count    int    `json:"count"`
	Height   int    `json:"height"`
	Width    int    `json:"width"`
	Channels int    `json:"channels"`
	Pixels   string `json:"pixels_sha256"`  // of all bytes (N,H,W,C)
	Weights  string `json:"weights_sha256"` // see Network.Digest
	Layout   string `json:"layout"`         // pytorch-fid or tensorflow
	Resize   string `json:"resize"`         // how images become the network's input
	Device   string `json:"device"`         // what computed the features: devices differ by rounding
}

// layoutNames are the layouts in a stamp, and what each does to images.
var layoutNames = map[nn.InceptionLayout]struct{ name, resize string }{
	nn.InceptionPyTorch:    {"pytorch-fid", "bilinear to 299x299, half-pixel centres; u/127.5 - 1"},
	nn.InceptionTensorFlow: {"tensorflow", "bilinear to 299x299, pixel (0,0) at (0,0); (u - 128)/128"},
}
