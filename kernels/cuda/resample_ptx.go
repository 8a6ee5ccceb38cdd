package cuda

import (
	"fmt"

	"onestep/kernels/cuda/asm"
)

var resamplePTX = &family{name: "resample", part: "resampling", about: `
images halved or doubled with a separable filter of k taps, of which pixels outside are zero.

	down: y[p,q] = gain * sum over i of f[i] * sum over j of f[j]*x[2p+i-pad, 2q+j-pad]
	up:   y[h,w] = the same over f[i], f[j], x[p,q] with 2p+i-pad = h, 2q+j-pad = w: every second tap

A thread has 16 bytes of one pixel's channels, or one channel in kernels named _any; grid (images*rows, parts of a row) of what is written.
Kernels are for up to 2, 4 and 8 taps, the last for buffers that start anywhere only. Neighbouring pixels share what they read through the caches.
Error: (2k+1) roundings of float32.`}

// resampleTaps are how many taps a kernel has room for. The most are for single elements only.
var resampleTaps = []int{2, 4, 8}

func init() {
	resamplePTX.all(func(add func(*Kernel)) {
		for _, t := range floats {
			for _, c := range widths(t) {
				for _, taps := range resampleTaps {
					if taps == 8 && c.width > 1 {
						continue
					}
					add(resampleKernel(false, taps, c))
					add(resampleKernel(true, taps, c))
				}
			}
		}
	})
}

func resampleKernel(up bool, taps int, c chunk) *Kernel {
	name, write := "resample_down", writeResampleDown
	if up {
		name, write = "resample_up", writeResampleUp
	}
	return resamplePTX.kernel(fmt.Sprintf("%s_%d%s", name, taps, c.suffix()), 256, func(k *asm.Kernel) { write(k, c, taps) })
}

// resampler is what both directions have in common.
type resampler struct {
	*imageRow
	c        chunk
	y, x     asm.Reg
	gain     asm.Reg
	pad, k   asm.Reg // k: taps that are given
	filter   []asm.Reg
	inH, inW asm.Reg
	outW     asm.Reg
}

func newResampler(k *asm.Kernel, c chunk, taps int) *resampler {
	r := &resampler{c: c, y: k.Ptr("y"), x: k.Ptr("x")}
	r.imageRow = newImageRow(k)
	r.inH, r.inW, r.outW = k.I32("in_h"), k.I32("in_w"), k.I32("out_w")
	r.gain, r.pad, r.k = k.F32("gain"), k.I32("pad"), k.I32("k")
	for i := range taps {
		r.filter = append(r.filter, k.F32(fmt.Sprintf("f%d", i)))
	}
	return r
}

// tap is one pixel along an axis that counts where valid holds, and its weight.
type tap struct{ at, valid, f asm.Reg }

// axis lists the taps; at gives pixel, weight and number of the i-th.
func (r *resampler) axis(n int, extent asm.Reg, at func(i int) (pixel, f, number asm.Reg)) []tap {
	taps := make([]tap, n)
	for i := range taps {
		pixel, f, number := at(i)
		inside := pixel.As(asm.U32).Lt(extent)
		taps[i] = tap{pixel, inside.And(number.Lt(r.k)), f}
	}
	return taps
}

// sum adds the pixels of rows and columns of taps and writes the chunk.
func (r *resampler) sum(rows, cols []tap) {
	acc := variables(r.Kernel, r.c.width, 0)
	for _, row := range rows {
		line := r.n.FMA(r.inH, row.at).Mul(r.inW)
		sum := make([]asm.Reg, r.c.width)
		for j, col := range cols {
			at := line.Add(col.at).FMA(r.chunks.by, r.u)
			for e, x := range r.c.loadIf(r.Kernel, row.valid.And(col.valid), r.x.Index(at, r.c.bytes())) {
				if j == 0 {
					sum[e] = col.f.Mul(x)
				} else {
					sum[e] = col.f.FMA(x, sum[e])
				}
			}
		}
		for e, s := range sum {
			acc[e] = row.f.FMA(s, acc[e])
		}
	}
	for e := range acc {
		acc[e] = acc[e].Mul(r.gain)
	}
	at := r.CTAID().FMA(r.outW, r.w).FMA(r.chunks.by, r.u)
	r.c.store(r.Kernel, r.y.Index(at, r.c.bytes()), acc)
}

func writeResampleDown(k *asm.Kernel, c chunk, taps int) {
	r := newResampler(k, c, taps)
	r.each(func() {
		along := func(out, extent asm.Reg) []tap {
			first := out.Shl(1).Sub(r.pad)
			return r.axis(taps, extent, func(i int) (asm.Reg, asm.Reg, asm.Reg) {
				return first.Add(i), r.filter[i], k.Const(asm.S32, i)
			})
		}
		r.sum(along(r.h, r.inH), along(r.w, r.inW))
	})
}

func writeResampleUp(k *asm.Kernel, c chunk, taps int) {
	r := newResampler(k, c, taps)
	r.each(func() {
		along := func(out, extent asm.Reg) []tap {
			from := out.Add(r.pad)
			odd := from.And(1)
			isOdd, half := odd.Ne(0), from.Shr(1)
			return r.axis(taps/2, extent, func(a int) (asm.Reg, asm.Reg, asm.Reg) {
				return half.Sub(a), isOdd.Select(asm.F32, r.filter[2*a+1], r.filter[2*a]), odd.Add(2 * a)
			})
		}
		r.sum(along(r.h, r.inH), along(r.w, r.inW))
	})
}
