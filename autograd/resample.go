package autograd

import (
	"onestep/kernels"
	"onestep/tensor"
)

// Filter is EDM's resampling of an image by 2 with the separable filter of the given taps, which are normalised to sum 1.
// [kernels.Resample] has the formula; up has the gain 4.
type Filter struct {
	Taps []float32
	Pad  int // of the large image
}

// Down halves an image: (N,H,W,C) becomes (N,(H+2·Pad−K)/2+1,…,C) for K taps.
func (f Filter) Down(x *Var) *Var {
	k := len(f.Taps)
	return f.resample(x, false, 1, (x.Dim(1)+2*f.Pad-k)/2+1, (x.Dim(2)+2*f.Pad-k)/2+1)
}

// Up doubles an image: (N,H,W,C) becomes (N,2·(H−1)−2·Pad+K,…,C) for K taps.
func (f Filter) Up(x *Var) *Var {
	k := len(f.Taps)
	return f.resample(x, true, 4, 2*(x.Dim(1)-1)-2*f.Pad+k, 2*(x.Dim(2)-1)-2*f.Pad+k)
}

func (f Filter) resample(x *Var, up bool, gain float32, oh, ow int) *Var {
	n, h, w, c := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
	check(oh > 0 && ow > 0, "Filter: image %v is too small for %d taps", x.Shape(), len(f.Taps))
	taps := make([]float32, len(f.Taps))
	var sum float32
	for _, t := range f.Taps {
		sum += t
	}
	for i, t := range f.Taps {
		taps[i] = t / sum
	}
	d := x.Device()
	y := d.New(x.Value.DType(), n, oh, ow, c)
	args := kernels.ResampleArgs{
		Y: y.Buf(), X: x.Buf(), Filter: taps, Pad: f.Pad, Gain: gain, Up: up, N: n, C: c, BigH: h, BigW: w, SmallH: oh, SmallW: ow,
	}
	if up {
		args.BigH, args.BigW, args.SmallH, args.SmallW = oh, ow, h, w
	}
	kernels.Resample.Run(d, args)
	return record(y, vars(x), nil, func(dy *tensor.Tensor) {
		dx := d.New(dy.DType(), n, h, w, c)
		back := args
		back.Y, back.X, back.Up = dx.Buf(), dy.Buf(), !up
		kernels.Resample.Run(d, back)
		x.accumulate(dx)
	})
}
