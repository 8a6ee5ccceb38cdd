package main

import (
	"fmt"

	"onestep/kernels"
	"onestep/kernels/cuda"
)

// work is one kernel at one size. Its fields in JSON are what peer.py needs to do the same.
type work struct {
	Name  string         `json:"name"`
	Op    string         `json:"op"`
	Type  string         `json:"type"` // f16 or f32
	Sizes map[string]int `json:"sizes"`
	FLOPs float64        `json:"-"`
	Bytes float64        `json:"-"` // that must cross the memory bus
	Peak  string         `json:"-"` // which peak it is measured by: f16, f32, dram

	set func(a *arena) func(d *cuda.Device) // allocates one set of buffers and returns the operation on it
}

// arena allocates buffers with some contents for one work.
type arena struct {
	d     *cuda.Device
	bufs  []kernels.Buf
	bytes int
}

// buf is n elements with values from −1 to 1.
func (a *arena) buf(t kernels.DType, n int) kernels.Buf {
	b := a.d.Alloc(t, n)
	x := make([]float32, min(n, 1<<20))
	for i := range x {
		x[i] = float32(i*2654435761%65536)/32768 - 1
	}
	for at := 0; at < n; at += len(x) {
		m := min(len(x), n-at)
		a.d.Upload(b.Slice(at, at+m), x[:m])
	}
	a.bufs = append(a.bufs, b)
	a.bytes += b.Bytes()
	return b
}

func (a *arena) free() {
	for _, b := range a.bufs {
		a.d.Free(b)
	}
}

var types = map[string]kernels.DType{"f16": kernels.F16, "f32": kernels.F32}

// works lists everything that is timed: the products, convolutions, attention and norms of the CIFAR-10 and ImageNet-64 networks and of VGG16 at
// a batch that a GPU is given, and the elementwise operations.
func works(small bool) []work {
	var ws []work
	batch, side := 64, 1
	if small {
		batch, side = 1, 4
	}
	for _, t := range []string{"f16", "f32"} {
		n := 4096 / (side * side * side)
		ws = append(ws, gemm(t, n, n, n))
	}
	convs := []struct{ side, in, out, k int }{
		{32, 256, 256, 3}, {32, 512, 256, 3}, {16, 256, 256, 3}, {8, 256, 256, 3}, {32, 512, 256, 1}, {16, 256, 768, 1}, {32, 3, 128, 3}, {32, 256, 3, 3},
		{224, 64, 64, 3}, {112, 128, 128, 3}, {56, 256, 256, 3}, {28, 512, 512, 3}, {14, 512, 512, 3}, {224, 3, 64, 3},
	}
	for _, c := range convs {
		if small {
			c.side, c.in, c.out = min(c.side, 8), max(c.in/4, 3), max(c.out/4, 3)
		}
		for _, pass := range []string{"forward", "input grad", "weight grad"} {
			ws = append(ws, conv("f16", pass, batch, c.side, c.in, c.out, c.k))
		}
	}
	ws = append(ws, conv("f32", "forward", batch, 32/side, 256/side, 256/side, 3))
	for _, a := range []struct{ l, h, d int }{{256, 1, 256}, {1024, 6, 64}, {256, 9, 64}} {
		if small {
			a.l, a.d = a.l/8, a.d/4
		}
		ws = append(ws, attention(batch, a.l, a.h, a.d, false), attention(batch, a.l, a.h, a.d, true))
	}
	for _, g := range []struct{ side, c int }{{32, 256}, {16, 256}, {8, 512}, {64, 192}} {
		ws = append(ws, groupNorm(batch, g.side/side, g.c, false), groupNorm(batch, g.side/side, g.c, true))
	}
	n := batch << 18 / (side * side * side)
	return append(ws, axpby(n), cast(n))
}

func gemm(t string, m, n, k int) work {
	return work{
		Name: fmt.Sprintf("GEMM %d×%d×%d %s", m, n, k, t), Op: "gemm", Type: t, Sizes: map[string]int{"m": m, "n": n, "k": k},
		FLOPs: 2 * float64(m) * float64(n) * float64(k), Peak: t,
		set: func(a *arena) func(*cuda.Device) {
			dt := types[t]
			args := kernels.GEMMArgs{C: a.buf(dt, m*n), A: a.buf(dt, m*k), B: a.buf(dt, k*n), M: m, N: n, K: k, LDA: k, LDB: n, LDC: n}
			return func(d *cuda.Device) { kernels.GEMM.Run(d, args) }
		},
	}
}

func conv(t, pass string, n, side, in, out, k int) work {
	s := kernels.ConvShape{N: n, H: side, W: side, I: in, O: out, KH: k, KW: k, Stride: 1, PadH: k / 2, PadW: k / 2}.Out()
	return work{
		Name: fmt.Sprintf("conv %dx%d %d→%d @%d, batch %d, %s %s", k, k, in, out, side, n, pass, t), Op: "conv " + pass, Type: t,
		Sizes: map[string]int{"n": n, "side": side, "in": in, "out": out, "k": k}, FLOPs: 2 * float64(s.MACs()), Peak: t,
		set: func(a *arena) func(*cuda.Device) {
			dt := types[t]
			x, y, w := a.buf(dt, n*side*side*in), a.buf(dt, n*side*side*out), a.buf(dt, k*k*in*out)
			switch pass {
			case "forward":
				args := kernels.Conv2DArgs{Y: y, X: x, Weight: w, Bias: a.buf(kernels.F32, out), Scale: 1, ConvShape: s}
				return func(d *cuda.Device) { kernels.Conv2D.Run(d, args) }
			case "input grad":
				args := kernels.Conv2DInputGradArgs{DX: x, DY: y, Weight: w, Scale: 1, ConvShape: s}
				return func(d *cuda.Device) { kernels.Conv2DInputGrad.Run(d, args) }
			}
			args := kernels.Conv2DWeightGradArgs{DWeight: a.buf(kernels.F32, k*k*in*out), DBias: a.buf(kernels.F32, out), X: x, DY: y, Scale: 1, ConvShape: s}
			return func(d *cuda.Device) { kernels.Conv2DWeightGrad.Run(d, args) }
		},
	}
}

func attention(n, l, h, dim int, backward bool) work {
	w := work{
		Name: fmt.Sprintf("attention %d heads of %d, %d pixels, batch %d f16", h, dim, l, n), Op: "attention", Type: "f16",
		Sizes: map[string]int{"n": n, "l": l, "h": h, "d": dim}, FLOPs: 4 * float64(n*h) * float64(l) * float64(l) * float64(dim), Peak: "f16",
	}
	if backward {
		w.Name, w.Op = w.Name+", backward", "attention backward"
		w.FLOPs *= 2.5
	}
	w.set = func(a *arena) func(*cuda.Device) {
		o, qkv := a.buf(kernels.F16, n*l*h*dim), a.buf(kernels.F16, 3*n*l*h*dim)
		lse := a.buf(kernels.F32, n*h*l)
		args := kernels.AttentionArgs{O: o, LSE: lse, QKV: qkv, N: n, L: l, H: h, D: dim}
		if !backward {
			return func(d *cuda.Device) { kernels.Attention.Run(d, args) }
		}
		kernels.Attention.Run(a.d, args)
		back := kernels.AttentionBackwardArgs{DQKV: a.buf(kernels.F16, qkv.Len), DO: a.buf(kernels.F16, o.Len), O: o, LSE: lse, QKV: qkv, N: n, L: l, H: h, D: dim}
		return func(d *cuda.Device) { kernels.AttentionBackward.Run(d, back) }
	}
	return w
}

func groupNorm(n, side, c int, backward bool) work {
	numbers := n * side * side * c
	w := work{
		Name: fmt.Sprintf("group norm + SiLU %d @%d, batch %d f16", c, side, n), Op: "group norm", Type: "f16",
		Sizes: map[string]int{"n": n, "side": side, "c": c, "groups": min(32, c/4)}, Bytes: 2 * 2 * float64(numbers), Peak: "dram",
	}
	if backward {
		w.Name, w.Op = w.Name+", backward", "group norm backward"
		w.Bytes = 3 * 2 * float64(numbers)
	}
	w.set = func(a *arena) func(*cuda.Device) {
		g := min(32, c/4)
		x, y := a.buf(kernels.F16, numbers), a.buf(kernels.F16, numbers)
		args := kernels.GroupNormArgs{
			Y: y, Mean: a.buf(kernels.F32, n*g), Rstd: a.buf(kernels.F32, n*g), X: x, W: a.buf(kernels.F32, c), B: a.buf(kernels.F32, c),
			N: n, I: side * side, C: c, G: g, Eps: 1e-5, SiLU: true,
		}
		if !backward {
			return func(d *cuda.Device) { kernels.GroupNorm.Run(d, args) }
		}
		kernels.GroupNorm.Run(a.d, args)
		back := kernels.GroupNormBackwardArgs{
			DX: a.buf(kernels.F16, numbers), DW: a.buf(kernels.F32, c), DB: a.buf(kernels.F32, c), DY: y, X: x, Mean: args.Mean, Rstd: args.Rstd,
			W: args.W, B: args.B, N: n, I: side * side, C: c, G: g, SiLU: true,
		}
		return func(d *cuda.Device) { kernels.GroupNormBackward.Run(d, back) }
	}
	return w
}

func axpby(n int) work {
	return work{
		Name: fmt.Sprintf("axpby of %d f16", n), Op: "axpby", Type: "f16", Sizes: map[string]int{"n": n}, Bytes: 6 * float64(n), Peak: "dram",
		set: func(a *arena) func(*cuda.Device) {
			args := kernels.AxpbyArgs{Y: a.buf(kernels.F16, n), X: a.buf(kernels.F16, n), Z: a.buf(kernels.F16, n), A: 0.5, B: 2, N: n}
			return func(d *cuda.Device) { kernels.Axpby.Run(d, args) }
		},
	}
}

func cast(n int) work {
	return work{
		Name: fmt.Sprintf("cast of %d, f32 to f16", n), Op: "cast", Type: "f16", Sizes: map[string]int{"n": n}, Bytes: 6 * float64(n), Peak: "dram",
		set: func(a *arena) func(*cuda.Device) {
			args := kernels.CastArgs{Y: a.buf(kernels.F16, n), X: a.buf(kernels.F32, n), N: n}
			return func(d *cuda.Device) { kernels.Cast.Run(d, args) }
		},
	}
}
