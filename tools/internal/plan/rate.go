package plan

import (
	"time"

	"onestep/kernels"
	"onestep/tensor"
)

// Rate is how fast a device is, as measured in a moment.
type Rate struct {
	Products float64 // FLOP/s of convolutions like the network's
	Bytes    float64 // bytes/s read and written by what is no product
}

// Measure is the rate of the device that the job is for, from measurements of a moment each. A CPU is measured by a device of its own, so that the
// run's takes no memory for it. Of the interpreter, whose speed says nothing, there is no rate.
func (j Job) Measure(d *tensor.Device, moment time.Duration) (*Rate, error) {
	switch {
	case j.Machine.Name == "emulated":
		return nil, nil
	case d.Kind() == "cpu":
		cpu := kernels.NewCPU(j.Machine.Threads)
		defer cpu.Close()
		d = tensor.On(cpu)
	}
	r, err := j.measureRate(d, moment)
	return &r, err
}

// measureRate times convolutions of the network's widths, forward and backward, and an addition that no cache can hold.
func (j Job) measureRate(d *tensor.Device, moment time.Duration) (r Rate, err error) {
	defer tensor.Recover(&err)
	t, net := kernels.F32, j.Net
	if j.Config.FP16 {
		t = kernels.F16
	}
	seconds, flops := 0.0, 0.0
	for level, mult := range net.ChannelMult {
		size, c := net.Resolution>>level, net.ModelChannels*mult
		s := kernels.ConvShape{N: min(j.micro(), 4), H: size, W: size, I: c, O: c, KH: 3, KW: 3, Stride: 1, PadH: 1, PadW: 1}.Out()
		seconds += convolutions(d, t, s, moment)
		flops += 3 * 2 * float64(s.MACs())
	}
	r.Products = flops / seconds

	const n = 1 << 22
	d.Scope(func() []*tensor.Tensor {
		x, y := d.FromFloat32(make([]float32, n), n), d.New(kernels.F32, n)
		r.Bytes = 8 * n / best(d, y, moment, func() { kernels.Axpby.Run(d.Device, kernels.AxpbyArgs{Y: y.Buf(), X: x.Buf(), A: 1, N: n}) })
		return nil
	})
	return r, nil
}

// convolutions is the seconds of a convolution and its two gradients.
func convolutions(d *tensor.Device, t kernels.DType, s kernels.ConvShape, moment time.Duration) (seconds float64) {
	d.Scope(func() []*tensor.Tensor {
		x, w := d.New(t, s.N, s.H, s.W, s.I), d.New(t, s.KH, s.KW, s.I, s.O)
		x.CopyFrom(make([]float32, x.Len())) // zeros take as long as other numbers
		w.CopyFrom(make([]float32, w.Len()))
		y, dx, dw := x.NewLike(), x.NewLike(), d.New(kernels.F32, w.Shape()...)
		seconds = best(d, y, moment, func() {
			kernels.Conv2D.Run(d.Device, kernels.Conv2DArgs{Y: y.Buf(), X: x.Buf(), Weight: w.Buf(), Scale: 1, ConvShape: s})
			kernels.Conv2DInputGrad.Run(d.Device, kernels.Conv2DInputGradArgs{DX: dx.Buf(), DY: y.Buf(), Weight: w.Buf(), Scale: 1, ConvShape: s})
			kernels.Conv2DWeightGrad.Run(d.Device, kernels.Conv2DWeightGradArgs{DWeight: dw.Buf(), X: x.Buf(), DY: y.Buf(), Scale: 1, ConvShape: s})
		})
		return nil
	})
	return seconds
}

// best is the least time of f, after a first one that is not counted. Its end is seen by a word of y.
func best(d *tensor.Device, y *tensor.Tensor, moment time.Duration, f func()) (seconds float64) {
	word, b := make([]float32, 1), y.Buf().Slice(0, 1)
	once := func() float64 {
		start := time.Now()
		f()
		d.Download(word, b)
		return time.Since(start).Seconds()
	}
	once()
	seconds = once()
	for end := time.Now().Add(moment); time.Now().Before(end); {
		seconds = min(seconds, once())
	}
	return seconds
}
