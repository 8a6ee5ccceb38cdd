package main

import (
	"fmt"

	"onestep/kernels/cuda/ptx/build"
)

func init() { files["elementwise.ptx"] = elementwise }

func elementwise() *build.File {
	f := build.NewFile(`elementwise.ptx: y = a*x + b*z with coefficients for all, for each sample (row) or for each channel; y = x*z; copies of channels.
Thread i has the 16 bytes of elements from i*(16/size), of the wider type where types differ; kernels named _any have one element a thread, for
buffers that start elsewhere. Types are in the order of the parameters. Every element is read and written once.
Error: one rounding of b*z and one of the result.`)
	const f32, f16 = build.F32, build.F16
	for _, t := range []build.Type{f32, f16} {
		pointwise{name: typed("axpby", t), types: []build.Type{t, t, t}, inputs: []string{"x", "z"}, each: axpby}.add(f)
		pointwise{name: typed("scale", t), types: []build.Type{t, t}, inputs: []string{"x"}, each: scale}.add(f)
		pointwise{name: typed("mul", t), types: []build.Type{t, t, t}, inputs: []string{"x", "z"}, each: func(*point) func(int, [][]build.Reg) []build.Reg {
			return eachOne(func(x []build.Reg) build.Reg { return x[0].Mul(x[1]) })
		}}.add(f)
		pointwise{name: typed("channel_affine", t), types: []build.Type{t, t}, inputs: []string{"x"}, each: channelAffine}.add(f)
		pointwise{name: typed("channel_scale", t), types: []build.Type{t, t}, inputs: []string{"x"}, each: channelScale}.add(f)
	}
	for _, t := range [][]build.Type{{f32, f32, f32}, {f32, f32, f16}, {f32, f16, f16}, {f16, f16, f16}} {
		pointwise{name: typed("sample_axpby", t...), types: t, inputs: []string{"x", "z"}, rows: true, each: sampleAxpby}.add(f)
	}
	for _, t := range [][]build.Type{{f32, f32}, {f32, f16}, {f16, f32}, {f16, f16}} {
		pointwise{name: typed("sample_scale", t...), types: t, inputs: []string{"x"}, rows: true, each: sampleScale}.add(f)
	}
	for _, bytes := range []int{16, 4, 2} {
		copyChannels(f, bytes)
	}
	return f
}

func axpby(p *point) func(int, [][]build.Reg) []build.Reg {
	a, b := p.F32("a"), p.F32("b")
	return eachOne(func(x []build.Reg) build.Reg { return a.FMA(x[0], b.Mul(x[1])) })
}

func scale(p *point) func(int, [][]build.Reg) []build.Reg {
	a := p.F32("a")
	return eachOne(func(x []build.Reg) build.Reg { return a.Mul(x[0]) })
}

func sampleAxpby(p *point) func(int, [][]build.Reg) []build.Reg {
	a, b := p.Load(build.Global, build.F32, p.Ptr("a").Index(p.r, 4), 0), p.Load(build.Global, build.F32, p.Ptr("b").Index(p.r, 4), 0)
	return eachOne(func(x []build.Reg) build.Reg { return a.FMA(x[0], b.Mul(x[1])) })
}

func sampleScale(p *point) func(int, [][]build.Reg) []build.Reg {
	a := p.Load(build.Global, build.F32, p.Ptr("a").Index(p.r, 4), 0)
	return eachOne(func(x []build.Reg) build.Reg { return a.Mul(x[0]) })
}

func channelAffine(p *point) func(int, [][]build.Reg) []build.Reg { return perChannel(p, true) }

func channelScale(p *point) func(int, [][]build.Reg) []build.Reg { return perChannel(p, false) }

// perChannel is x·a[c] + b[c], or x·a[c], for the channel c of every element, which repeat after C elements.
func perChannel(p *point, shift bool) func(int, [][]build.Reg) []build.Reg {
	a, channels := p.Ptr("a"), newDivider(p.Kernel, "c")
	var b build.Reg
	if shift {
		b = p.Ptr("b")
	}
	return func(n int, xs [][]build.Reg) []build.Reg {
		_, c := channels.split(p.j)
		ys := make([]build.Reg, n)
		for i := range ys {
			if i > 0 {
				c = c.Add(1)
				c = c.Eq(channels.by).Select(build.S32, 0, c)
			}
			scale := p.Load(build.GlobalNC, build.F32, a.Index(c, 4), 0)
			if shift {
				ys[i] = xs[0][i].FMA(scale, p.Load(build.GlobalNC, build.F32, b.Index(c, 4), 0))
			} else {
				ys[i] = xs[0][i].Mul(scale)
			}
		}
		return ys
	}
}

// copyChannels adds the kernel that copies units of so many bytes, which all sizes are given in; thread i has unit i mod c of pixel i/c.
func copyChannels(f *build.File, bytes int) {
	k := f.Kernel(fmt.Sprintf("copy_channels_%d", bytes), 256)
	y, x, n, c := k.Ptr("y"), k.Ptr("x"), k.I32("n"), newDivider(k, "c")
	yWidth, yFrom, xWidth, xFrom := k.I32("y_width"), k.I32("y_from"), k.I32("x_width"), k.I32("x_from")
	i := k.GlobalIndex()
	k.If(i.Lt(n), func() {
		m, unit := c.split(i)
		from, to := x.Index(m.FMA(xWidth, unit.Add(xFrom)), bytes), y.Index(m.FMA(yWidth, unit.Add(yFrom)), bytes)
		switch bytes {
		case 16:
			k.StoreV(build.Global, to, 0, k.LoadV(build.Global, build.B32, 4, from, 0))
		case 4:
			k.Store(build.Global, to, 0, k.Load(build.Global, build.B32, from, 0))
		default:
			k.Store(build.Global, to, 0, k.Load(build.Global, build.B16, from, 0))
		}
	})
}
