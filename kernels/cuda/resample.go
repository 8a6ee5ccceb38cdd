package cuda

import (
	_ "embed"
	"fmt"

	"onestep/kernels"
)

//go:embed resample.ptx
var resamplePTX string

var resampleModule = NewModule("resample.ptx", resamplePTX)

func init() {
	registerTyped(&kernels.Resample, resample, func(a kernels.ResampleArgs) bool { return sameType(a.Y, a.X) })
}

func resample(d *Device, a kernels.ResampleArgs) {
	taps := 2
	for taps < len(a.Filter) {
		taps *= 2
	}
	if taps > 8 {
		panic(fmt.Errorf("kernels/cuda: resample: a filter of %d taps; at most 8", len(a.Filter)))
	}
	name, inH, inW, outH, outW := "resample_down", a.BigH, a.BigW, a.SmallH, a.SmallW
	if a.Up {
		name, inH, inW, outH, outW = "resample_up", a.SmallH, a.SmallW, a.BigH, a.BigW
	}
	args := []Arg{I32(inH), I32(inW), I32(outW), F32(a.Gain), I32(a.Pad), I32(len(a.Filter))}
	for i := range taps {
		f := float32(0)
		if i < len(a.Filter) {
			f = a.Filter[i]
		}
		args = append(args, F32(f))
	}
	d.launchImage(resampleModule, fmt.Sprintf("%s_%d", name, taps), taps < 8, a.N, outH, outW, a.C, buffers{a.Y, a.X}, args...)
}
