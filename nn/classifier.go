package nn

import (
	"encoding/json"
	"fmt"

	"onestep/autograd"
	"onestep/tensor"
)

// ClassifierConfig describes a [Classifier]; it is JSON in its weight files.
type ClassifierConfig struct {
	Channels int   `json:"channels"` // of the images: 1 or 3
	Widths   []int `json:"widths"`   // of the stages: two convolutions each, with a halving of the image between stages
	Hidden   int   `json:"hidden"`   // length of the penultimate layer
	Classes  int   `json:"classes"`
}

// SmallClassifier is the classifier of the default job, for 16×16 to 32×32 pixels in ten classes.
func SmallClassifier(channels int) ClassifierConfig {
	return ClassifierConfig{Channels: channels, Widths: []int{32, 64}, Hidden: 64, Classes: 10}
}

// Check says what is wrong with a configuration.
func (c ClassifierConfig) Check() error {
	if c.Channels < 1 || len(c.Widths) < 1 || c.Hidden < 1 || c.Classes < 1 {
		return fmt.Errorf("classifier: %d channels, widths %v, %d hidden units, %d classes: all must be positive", c.Channels, c.Widths, c.Hidden, c.Classes)
	}
	for _, w := range c.Widths {
		if w < 1 {
			return fmt.Errorf("classifier: widths %v: all must be positive", c.Widths)
		}
	}
	return nil
}

// LeastParameters is a number of parameters that the classifier has at least, as [UNetConfig.LeastParameters].
func (c ClassifierConfig) LeastParameters() float64 {
	first, last := float64(c.Widths[0]), float64(c.Widths[len(c.Widths)-1])
	n := 9*float64(c.Channels)*first + float64(c.Hidden)*(last+float64(c.Classes))
	for _, w := range c.Widths {
		n += 9 * float64(w) * float64(w) // the second convolution of each stage
	}
	return n
}

// JSON is the configuration as it stands in a weight file.
func (c ClassifierConfig) JSON() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain data
	}
	return string(b)
}

// ParseClassifierConfig reads what [ClassifierConfig.JSON] wrote.
func ParseClassifierConfig(s string) (ClassifierConfig, error) {
	var c ClassifierConfig
	if err := json.Unmarshal([]byte(s), &c); err != nil {
		return c, fmt.Errorf("classifier: %w", err)
	}
	return c, c.Check()
}

// Classifier is a small network for small images. The default job trains two: the features of one are what the Fréchet distance compares,
// the activations of the other make a perceptual distance ([NewUniformLPIPS]).
//
//	h = relu(conv(h)) twice, mean of 2×2 pixels, relu(conv(h)) twice, …
//	f = hidden( mean over pixels of h )          the features: without a rectifier, so that a Gaussian may fit them
//	y = logits( dropout( silu(f) ) )
type Classifier struct {
	*Params
	ClassifierConfig

	convs          [][2]*Conv2d
	hidden, logits *Linear
}

// NewClassifier declares a classifier; its parameters have undefined values until they are loaded or initialised.
func NewClassifier(d *tensor.Device, c ClassifierConfig) (*Classifier, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	ps, s := NewParams(d)
	n := &Classifier{Params: ps, ClassifierConfig: c}
	in := c.Channels
	for i, w := range c.Widths {
		var stage [2]*Conv2d
		for k := range stage {
			stage[k] = NewConv2d(s.In(fmt.Sprintf("conv%d", 2*i+k)), ConvConfig{In: in, Out: w, Kernel: 3}, he)
			in = w
		}
		n.convs = append(n.convs, stage)
	}
	n.hidden = NewLinear(s.In("hidden"), in, c.Hidden, true, kaiming)
	n.logits = NewLinear(s.In("logits"), c.Hidden, c.Classes, true, kaiming)
	return n, nil
}

// Taps are the outputs of all convolutions, rectified.
func (n *Classifier) Taps(x *autograd.Var) []*autograd.Var {
	var taps []*autograd.Var
	for i, stage := range n.convs {
		if i > 0 {
			x = autograd.AvgPool2D(x)
		}
		for _, c := range stage {
			x = c.ForwardTo(x, autograd.Conv{ReLU: true})
			taps = append(taps, x)
		}
	}
	return taps
}

// TapChannels are the channels of every tap.
func (n *Classifier) TapChannels() []int {
	var c []int
	for _, w := range n.Widths {
		c = append(c, w, w)
	}
	return c
}

// Features are the penultimate layer f. Shapes: x (N,H,W,Channels) in [−1,1]; result (N,Hidden).
func (n *Classifier) Features(x *autograd.Var) *autograd.Var {
	return autograd.Scope(n.Device, func() *autograd.Var {
		taps := n.Taps(x)
		return n.hidden.Forward(autograd.MeanPixels(taps[len(taps)-1]))
	})
}

// Logits are the unnormalised log-probabilities of the classes, (N,Classes); drop may be nil.
func (n *Classifier) Logits(x *autograd.Var, drop *Dropout) *autograd.Var {
	return autograd.Scope(n.Device, func() *autograd.Var {
		return n.logits.Forward(drop.apply(autograd.SiLU(n.Features(x)), 0))
	})
}
