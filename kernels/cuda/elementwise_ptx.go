package cuda

import (
	"fmt"

	"onestep/kernels/cuda/asm"
)

var elementwisePTX = &family{name: "elementwise", part: "elementwise", about: `
y = a*x + b*z with coefficients for all, for each sample (row) or for each channel; y = x*z; copies of channels.
Thread i has the 16 bytes of elements from i*(16/size), of the wider type where types differ; kernels named _any have one element a thread, for
buffers that start elsewhere. Types are in the order of the parameters. Every element is read and written once.
Error: one rounding of b*z and one of the result.`}

var (
	axpbyKernels         = pointwise{of: elementwisePTX, name: "axpby", inputs: []string{"x", "z"}, each: eachAxpby}
	scaleKernels         = pointwise{of: elementwisePTX, name: "scale", inputs: []string{"x"}, each: eachScale}
	mulKernels           = pointwise{of: elementwisePTX, name: "mul", inputs: []string{"x", "z"}, each: eachMul}
	channelAffineKernels = pointwise{of: elementwisePTX, name: "channel_affine", inputs: []string{"x"}, each: eachChannelAffine}
	channelScaleKernels  = pointwise{of: elementwisePTX, name: "channel_scale", inputs: []string{"x"}, each: eachChannelScale}
	sampleAxpbyKernels   = pointwise{of: elementwisePTX, name: "sample_axpby", inputs: []string{"x", "z"}, rows: true, each: eachSampleAxpby}
	sampleScaleKernels   = pointwise{of: elementwisePTX, name: "sample_scale", inputs: []string{"x"}, rows: true, each: eachSampleScale}
)

// sampleAxpbyTypes are those of y, x and z that there is a kernel for; without z there is one for each.
var sampleAxpbyTypes = [][]asm.Type{{asm.F32, asm.F32, asm.F32}, {asm.F32, asm.F32, asm.F16}, {asm.F32, asm.F16, asm.F16}, {asm.F16, asm.F16, asm.F16}}

// copyUnits are the bytes that a thread copies at a time.
var copyUnits = []int{16, 4, 2}

func init() {
	elementwisePTX.all(func(add func(*Kernel)) {
		for _, t := range floats {
			axpbyKernels.add(add, t, t, t)
			scaleKernels.add(add, t, t)
			mulKernels.add(add, t, t, t)
			channelAffineKernels.add(add, t, t)
			channelScaleKernels.add(add, t, t)
		}
		for _, types := range sampleAxpbyTypes {
			sampleAxpbyKernels.add(add, types...)
		}
		for _, y := range floats {
			for _, x := range floats {
				sampleScaleKernels.add(add, y, x)
			}
		}
		for _, bytes := range copyUnits {
			add(copyChannelsKernel(bytes))
		}
	})
}

func eachAxpby(p *point) eachPoint {
	a, b := p.F32("a"), p.F32("b")
	return eachOne(func(x []asm.Reg) asm.Reg { return a.FMA(x[0], b.Mul(x[1])) })
}

func eachScale(p *point) eachPoint {
	a := p.F32("a")
	return eachOne(func(x []asm.Reg) asm.Reg { return a.Mul(x[0]) })
}

func eachMul(*point) eachPoint {
	return eachOne(func(x []asm.Reg) asm.Reg { return x[0].Mul(x[1]) })
}

func eachSampleAxpby(p *point) eachPoint {
	a, b := p.Load(asm.Global, asm.F32, p.Ptr("a").Index(p.r, 4), 0), p.Load(asm.Global, asm.F32, p.Ptr("b").Index(p.r, 4), 0)
	return eachOne(func(x []asm.Reg) asm.Reg { return a.FMA(x[0], b.Mul(x[1])) })
}

func eachSampleScale(p *point) eachPoint {
	a := p.Load(asm.Global, asm.F32, p.Ptr("a").Index(p.r, 4), 0)
	return eachOne(func(x []asm.Reg) asm.Reg { return a.Mul(x[0]) })
}

func eachChannelAffine(p *point) eachPoint { return perChannel(p, true) }

func eachChannelScale(p *point) eachPoint { return perChannel(p, false) }

// perChannel is x·a[c] + b[c], or x·a[c], for the channel c of every element, which repeat after C elements.
func perChannel(p *point, shift bool) eachPoint {
	a, channels := p.Ptr("a"), newDivider(p.Kernel, "c")
	var b asm.Reg
	if shift {
		b = p.Ptr("b")
	}
	return func(n int, xs [][]asm.Reg) []asm.Reg {
		_, c := channels.split(p.j)
		ys := make([]asm.Reg, n)
		for i := range ys {
			if i > 0 {
				c = c.Add(1)
				c = c.Eq(channels.by).Select(asm.S32, 0, c)
			}
			scale := p.Load(asm.GlobalNC, asm.F32, a.Index(c, 4), 0)
			if shift {
				ys[i] = xs[0][i].FMA(scale, p.Load(asm.GlobalNC, asm.F32, b.Index(c, 4), 0))
			} else {
				ys[i] = xs[0][i].Mul(scale)
			}
		}
		return ys
	}
}

// copyChannelsKernel copies units of so many bytes, which all sizes are given in; thread i has unit i mod c of pixel i/c.
func copyChannelsKernel(bytes int) *Kernel {
	return elementwisePTX.kernel(fmt.Sprintf("copy_channels_%d", bytes), 256, func(k *asm.Kernel) { writeCopyChannels(k, bytes) })
}

func writeCopyChannels(k *asm.Kernel, bytes int) {
	y, x, n, c := k.Ptr("y"), k.Ptr("x"), k.I32("n"), newDivider(k, "c")
	yWidth, yFrom, xWidth, xFrom := k.I32("y_width"), k.I32("y_from"), k.I32("x_width"), k.I32("x_from")
	i := k.GlobalIndex()
	k.If(i.Lt(n), func() {
		m, unit := c.split(i)
		from, to := x.Index(m.FMA(xWidth, unit.Add(xFrom)), bytes), y.Index(m.FMA(yWidth, unit.Add(yFrom)), bytes)
		switch bytes {
		case 16:
			k.StoreV(asm.Global, to, 0, k.LoadV(asm.Global, asm.B32, 4, from, 0))
		case 4:
			k.Store(asm.Global, to, 0, k.Load(asm.Global, asm.B32, from, 0))
		default:
			k.Store(asm.Global, to, 0, k.Load(asm.Global, asm.B16, from, 0))
		}
	})
}
