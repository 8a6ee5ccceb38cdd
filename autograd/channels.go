package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// FirstChannels is the first channels of x as a constant: no gradient flows back.
// Shapes: x (N,H,W,C); result (N,H,W,channels).
func FirstChannels(x *Var, channels int) *Var {
	c := x.Dim(3)
	check(channels <= c, "FirstChannels: %d of %v", channels, x.Shape())
	y := x.Device().New(x.Value.DType(), x.Dim(0), x.Dim(1), x.Dim(2), channels)
	kernels.CopyChannels.Run(x.Device(), kernels.CopyChannelsArgs{
		Y: y.Buf(), X: x.Buf(), M: x.Len() / c, C: channels, YWidth: channels, XWidth: c,
	})
	return Const(y)
}

// CopyInto writes x into the channels of y that begin with channel from: [Concat] without its copies. No gradient flows back.
// Shapes: y (N,H,W,width); x (N,H,W,C).
func CopyInto(y *tensor.Tensor, from int, x *Var) {
	width, c := y.Dim(3), x.Dim(3)
	check(from+c <= width && x.Len()/c == y.Len()/width, "CopyInto: %v from channel %d of %v", x.Shape(), from, y.Shape())
	kernels.CopyChannels.Run(y.Device(), kernels.CopyChannelsArgs{Y: y.Buf(), X: x.Buf(), M: x.Len() / c, C: c, YWidth: width, YFrom: from, XWidth: c})
}

// Conv2DInto writes the result of a convolution into the channels of y that begin with channel from. No gradient flows back.
// Shapes: y (N,OH,OW,width); the others as for [Conv2D].
func Conv2DInto(y *tensor.Tensor, from int, x, weight, bias *Var, c Conv) {
	c, s := c.shape(x, weight, bias)
	width := y.Dim(3)
	check(from+s.O <= width && s.N*s.OH*s.OW == y.Len()/width && c.Residual == nil, "Conv2DInto: %dx%d pixels of %d channels from channel %d of %v",
		s.OH, s.OW, s.O, from, y.Shape())
	kernels.Conv2D.Run(y.Device(), kernels.Conv2DArgs{
		Y: y.Buf().Slice(from, y.Len()), X: x.Buf(), Weight: weight.Buf(), Bias: optional(bias), Scale: c.Scale, ReLU: c.ReLU, Width: width, ConvShape: s,
	})
}
