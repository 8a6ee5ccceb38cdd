package autograd

import (
	"onestep/kernels"
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
