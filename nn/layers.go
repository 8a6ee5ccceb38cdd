package nn

import (
	"math"

	"onestep/autograd"
)

// fans are the inputs and outputs of one unit of a layer, times the taps of its kernel: what initial values are scaled by.
type fans struct{ in, out int }

// style is how a family of networks initialises a layer: given the fans, one rule for the weight and one for the bias.
type style func(f fans) (weight, bias Init)

// xavier is SongUNet's: uniform with variance 2/(in+out), times a gain; biases are zero.
func xavier(gain float64) style {
	return func(f fans) (Init, Init) {
		return uniform(gain * math.Sqrt(6/float64(f.in+f.out))), Constant(0)
	}
}

// kaiming is DhariwalUNet's: uniform in ±1/√in for weight and bias.
func kaiming(f fans) (weight, bias Init) {
	a := 1 / math.Sqrt(float64(f.in))
	return uniform(a), uniform(a)
}

// he is for layers before a rectifier: normal with variance 2/in; biases are zero.
func he(f fans) (weight, bias Init) { return normal(math.Sqrt(2 / float64(f.in))), Constant(0) }

// zeros starts a layer that adds nothing at first.
func zeros(fans) (weight, bias Init) { return Constant(0), Constant(0) }

// Linear is y = x·Wᵀ + b in PyTorch's terms.
type Linear struct {
	Weight *autograd.Var // (in,out)
	Bias   *autograd.Var // (out), or nil
}

// NewLinear declares weight and, if wanted, bias.
func NewLinear(s Scope, in, out int, bias bool, init style) *Linear {
	w, b := init(fans{in, out})
	l := &Linear{Weight: s.Linear("weight", out, in, w)}
	if bias {
		l.Bias = s.Vector("bias", out, b)
	}
	return l
}

// Forward maps (N,in) to (N,out).
func (l *Linear) Forward(x *autograd.Var) *autograd.Var { return autograd.Linear(x, l.Weight, l.Bias) }

// GroupNorm is group normalisation with min(32, C/4) groups, as EDM's networks have it.
type GroupNorm struct {
	Weight, Bias *autograd.Var // (C)
	Groups       int
	Eps          float32
}

// NewGroupNorm declares weight and bias.
func NewGroupNorm(s Scope, channels int, eps float32) *GroupNorm {
	return &GroupNorm{
		Weight: s.Vector("weight", channels, Constant(1)),
		Bias:   s.Vector("bias", channels, Constant(0)),
		Groups: min(32, channels/4),
		Eps:    eps,
	}
}

// Forward normalises (N,H,W,C). Of m, groups and ε are set here; the rest says what else is done in the same pass.
func (g *GroupNorm) Forward(x *autograd.Var, m autograd.Norm) *autograd.Var {
	m.Groups, m.Eps = g.Groups, g.Eps
	return autograd.GroupNorm(x, g.Weight, g.Bias, m)
}

// Conv2d is EDM's convolution with optional resampling by 2. Kernel 0 has no weight: it only resamples.
type Conv2d struct {
	Weight, Bias *autograd.Var // (K,K,I,O), (O); nil for kernel 0
	ConvConfig
}

// ConvConfig is the geometry of a Conv2d.
type ConvConfig struct {
	In, Out, Kernel int
	Up, Down        bool
	Filter          []float32 // taps; nil: [1,1]
	Fused           bool      // resample beside the convolution's padding, see Forward
	perm            []int     // of the output channels, between file and kernels
}

// NewConv2d declares weight, bias and filter.
func NewConv2d(s Scope, c ConvConfig, init style) *Conv2d {
	l := &Conv2d{ConvConfig: c}
	if c.Filter == nil {
		l.Filter = []float32{1, 1}
	}
	if c.Kernel > 0 {
		w, b := init(fans{c.In * c.Kernel * c.Kernel, c.Out * c.Kernel * c.Kernel})
		l.Weight = s.Conv("weight", c.Out, c.In, c.Kernel, c.perm, w)
		l.Bias = s.permuted("bias", []int{c.Out}, layout{out: c.Out, in: 1, taps: 1, perm: c.perm}, b)
	}
	if c.Up || c.Down {
		n := len(l.Filter)
		s.Fixed("resample_filter", []int{1, 1, n, n}, outer(l.Filter))
	}
	return l
}

// outer is f⊗f/(Σf)².
func outer(f []float32) []float32 {
	var sum float32
	for _, v := range f {
		sum += v
	}
	var r []float32
	for _, a := range f {
		for _, b := range f {
			r = append(r, a*b/(sum*sum))
		}
	}
	return r
}

// Forward resamples, then convolves (N,H,W,In). A fused layer going down convolves with the filter's padding too and resamples
// without any; a fused layer going up takes the convolution's padding from the filter's.
func (l *Conv2d) Forward(x *autograd.Var) *autograd.Var { return l.ForwardTo(x, autograd.Conv{}) }

// ForwardTo is Forward with a residual and a scale in the convolution.
func (l *Conv2d) ForwardTo(x *autograd.Var, c autograd.Conv) *autograd.Var {
	pad, filterPad := l.Kernel/2, (len(l.Filter)-1)/2
	f := autograd.Filter{Taps: l.Filter, Pad: filterPad}
	switch {
	case l.Fused && l.Kernel > 0 && l.Up:
		f.Pad = max(filterPad-pad, 0)
		return l.conv(f.Up(x), max(pad-filterPad, 0), c)
	case l.Fused && l.Kernel > 0 && l.Down:
		f.Pad = 0
		return f.Down(l.conv(x, pad+filterPad, c))
	case l.Up:
		x = f.Up(x)
	case l.Down:
		x = f.Down(x)
	}
	if l.Kernel == 0 {
		return x
	}
	return l.conv(x, pad, c)
}

func (l *Conv2d) conv(x *autograd.Var, pad int, c autograd.Conv) *autograd.Var {
	c.PadH, c.PadW = pad, pad
	t := x.Value.DType()
	return autograd.Conv2D(x, autograd.Cast(l.Weight, t), autograd.Cast(l.Bias, t), c)
}
