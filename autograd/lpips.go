package autograd

import (
	"slices"

	"onestep/kernels"
	"onestep/tensor"
)

// LPIPSLayer is one layer's share of the perceptual distance; [kernels.LPIPSLayer] has the formula.
// Shapes: x, y (N,H,W,C); w (C), which gets no gradient; result (N) float32.
func LPIPSLayer(x, y *Var, w *tensor.Tensor) *Var {
	check(slices.Equal(x.Shape(), y.Shape()) && w.Len() == x.Dim(3), "LPIPSLayer: features %v and %v, weight %v", x.Shape(), y.Shape(), w.Shape())
	dev := x.Device()
	n, p, c := x.Dim(0), x.Dim(1)*x.Dim(2), x.Dim(3)
	d := dev.New(kernels.F32, n)
	kernels.LPIPSLayer.Run(dev, kernels.LPIPSLayerArgs{D: d.Buf(), X: x.Buf(), Y: y.Buf(), W: w.Buf(), N: n, P: p, C: c})
	back := func(x, y *Var, dd *tensor.Tensor) {
		if x.needs {
			dx := x.Value.NewLike()
			args := kernels.LPIPSLayerBackwardArgs{
				DX: dx.Buf(), DD: dd.Buf(), X: x.Buf(), Y: y.Buf(), W: w.Buf(), ReLU: x.rectified(), N: n, P: p, C: c,
			}
			if g := x.whole(); g != nil {
				args.Add = g.Buf()
			}
			kernels.LPIPSLayerBackward.Run(dev, args)
			x.replace(dx, known{masked: x.rectified()})
		}
	}
	return record(d, vars(x, y), append(values(x, y), w), func(dd *tensor.Tensor) {
		back(x, y, dd)
		back(y, x, dd)
	}).last()
}
