package cuda

import (
	"fmt"
	"slices"

	"onestep/kernels"
)

func init() {
	registerTyped(&kernels.Resample, resample, func(a kernels.ResampleArgs) bool { return sameType(a.Y, a.X) })
}

func resample(d *Device, a kernels.ResampleArgs) {
	at := slices.IndexFunc(resampleTaps, func(taps int) bool { return len(a.Filter) <= taps })
	if at < 0 {
		panic(fmt.Errorf("kernels/cuda: resample: a filter of %d taps; at most 8", len(a.Filter)))
	}
	taps := resampleTaps[at]
	inH, inW, outH, outW := a.BigH, a.BigW, a.SmallH, a.SmallW
	if a.Up {
		inH, inW, outH, outW = a.SmallH, a.SmallW, a.BigH, a.BigW
	}
	args := []Arg{I32(inH), I32(inW), I32(outW), F32(a.Gain), I32(a.Pad), I32(len(a.Filter))}
	for i := range taps {
		f := float32(0)
		if i < len(a.Filter) {
			f = a.Filter[i]
		}
		args = append(args, F32(f))
	}
	kernel := func(c chunk) *Kernel { return resampleKernel(a.Up, taps, c) }
	d.launchImage(kernel, taps < 8, a.N, outH, outW, a.C, buffers{a.Y, a.X}, args...)
}
