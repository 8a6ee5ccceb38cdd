package cuda

import "onestep/kernels/cuda/asm"

var bilinearPTX = &family{name: "bilinear", part: "LPIPS beside its convolutions", about: `
images resized by bilinear interpolation, and its gradient.
With s = (2*dst*in + shift)/(2*out), not below 0, where shift is in - out for pixels that stand for their centres and 0 for those that stand for
their top left corners, a destination pixel lies between the source pixels lo = floor(s) and lo+1, or is the last; quotient and remainder are
whole numbers, so that lo is exact and the weight t of lo+1 has two roundings.

Forward: grid (rows of y, parts of a row); a thread has 4 (f32) or 8 (f16) neighbouring elements of a row, or one in kernels named _any.
Neighbouring elements find their sources in the caches; every byte of y is written once.

Gradient: a block has a row h of the small image and some channels of it. It first adds up, for every pixel q of a row of the large image, the
rows p that h was a source of, in order, weighted, into shared memory (q,c); then each of its threads adds the q that its pixel was a source
of, in order. Each row of the gradient is read by the two blocks that it has a share in.
Error: two roundings for each addend in float32.`}

func init() {
	bilinearPTX.all(func(add func(*Kernel)) {
		for _, t := range floats {
			for _, c := range widths(t) {
				add(bilinearKernel(c))
			}
			add(bilinearBackwardKernel(t))
		}
	})
}

func bilinearKernel(c chunk) *Kernel {
	return bilinearPTX.kernel("bilinear"+c.suffix(), 256, func(k *asm.Kernel) { writeBilinear(k, c) })
}

func bilinearBackwardKernel(t asm.Type) *Kernel {
	return bilinearPTX.kernel(typed("bilinear_backward", t), 256, func(k *asm.Kernel) { writeBilinearBackward(k, t) })
}

// bilinearAxis is one direction of the images.
type bilinearAxis struct {
	*asm.Kernel
	in, out asm.Reg
	shift   asm.Reg // in−out, or 0
	twice   divider // by 2·out
	unit    asm.Reg // 1/(2·out)
}

func newBilinearAxis(k *asm.Kernel, name string) bilinearAxis {
	a := bilinearAxis{Kernel: k, in: k.I32(name + "_in"), out: k.I32(name + "_out"), shift: k.I32(name + "_shift"), twice: newDivider(k, name+"_twice")}
	a.unit = a.twice.by.To(asm.F32).Rcp()
	return a
}

// source is where pixel dst of the large image comes from: (1−t)·lo + t·hi.
func (a bilinearAxis) source(dst asm.Reg) (lo, hi, t asm.Reg) {
	last := a.in.Sub(1)
	lo, rest := a.twice.split(dst.Shl(1).FMA(a.in, a.shift).Max(0))
	t = rest.To(asm.F32).Mul(a.unit)
	lo = lo.Min(last)
	return lo, lo.Add(1).Min(last), t
}

// reach is the range of destinations that source i has a share in; a few at the ends may have none.
//
//	|s − i| < 1:   (i−1)·2·out < 2·dst·in + shift < (i+1)·2·out
func (a bilinearAxis) reach(i asm.Reg, by divider) (from, to asm.Reg) {
	twice, inner := a.twice.by, a.shift.Neg()
	from = by.quotient(i.Sub(1).FMA(twice, inner).Max(0))
	to = by.quotient(i.Add(1).FMA(twice, inner).Max(0)).Add(1).Min(a.out)
	isLast := i.Eq(a.in.Sub(1))
	return from, isLast.Select(asm.S32, a.out, to)
}

// share is the weight of source i in a destination.
func (a bilinearAxis) share(dst, i asm.Reg) asm.Reg {
	lo, hi, t := a.source(dst)
	first := lo.Eq(i).Select(asm.F32, t.Neg().Add(1), 0)
	return first.Add(hi.Eq(i).Select(asm.F32, t, 0))
}

func writeBilinear(k *asm.Kernel, c chunk) {
	y, x := k.Ptr("y"), k.Ptr("x")
	rows, cols := newBilinearAxis(k, "h"), newBilinearAxis(k, "w")
	image, channels, count := newDivider(k, "rows"), newDivider(k, "c"), k.I32("count") // count: elements of a row
	n, p := image.split(k.CTAID())
	at := k.CTAIDY().FMA(k.NTID(), k.TID()).Mul(c.width)
	k.If(at.Lt(count), func() {
		lo, hi, t := rows.source(p)
		row := func(h asm.Reg) asm.Reg { return n.FMA(rows.in, h).Mul(cols.in) }
		top, bottom := row(lo), row(hi)
		q, ch := channels.split(at)
		ys := make([]asm.Reg, c.width)
		for e := range ys {
			if e > 0 {
				ch = ch.Add(1)
				next := ch.Eq(channels.by)
				ch, q = next.Select(asm.S32, 0, ch), next.Select(asm.S32, q.Add(1), q)
			}
			left, right, s := cols.source(q)
			line := func(start asm.Reg) asm.Reg {
				pixel := func(w asm.Reg) asm.Reg {
					return loadFloats(k, asm.GlobalNC, c.t, 1, x.Index(start.Add(w).FMA(channels.by, ch), c.t.Size()), 0)[0]
				}
				return mix(pixel(left), pixel(right), s)
			}
			ys[e] = mix(line(top), line(bottom), t)
		}
		c.store(k, y.Index(k.CTAID().FMA(count, at), c.t.Size()), ys)
	})
}

// mix is (1−t)·a + t·b.
func mix(a, b, t asm.Reg) asm.Reg { return t.Neg().Add(1).FMA(a, t.Mul(b)) }

func writeBilinearBackward(k *asm.Kernel, t asm.Type) {
	dx, dy := k.Ptr("dx"), k.Ptr("dy")
	rows, cols := newBilinearAxis(k, "h"), newBilinearAxis(k, "w")
	image := newDivider(k, "rows")
	twiceH, twiceW := newDivider(k, "twice_h"), newDivider(k, "twice_w") // twice the small image's size
	channels, part := k.I32("c"), newDivider(k, "part")
	sums := k.Dynamic(16)                             // (q, c) of the block's channels
	weights := sums.Add(cols.out.Mul(part.by).Shl(2)) // of h in every row of the large image from the first

	n, h := image.split(k.CTAID())
	first := k.CTAIDY().Mul(part.by)
	have := channels.Sub(first).Min(part.by)
	from, to := rows.reach(h, twiceH)
	k.For(from.Add(k.TID()), to, k.NTID(), func(p asm.Reg) {
		k.Store(asm.Shared, weights.Index(p.Sub(from), 4), 0, rows.share(p, h))
	})
	k.Barrier()
	k.For(k.TID(), cols.out.Mul(part.by), k.NTID(), func(i asm.Reg) {
		q, c := part.split(i)
		k.If(c.Lt(have), func() {
			sum := k.Var(asm.F32, 0)
			k.For(from, to, 1, func(p asm.Reg) {
				at := n.FMA(rows.out, p).FMA(cols.out, q).FMA(channels, first.Add(c))
				g := loadFloats(k, asm.GlobalNC, t, 1, dy.Index(at, t.Size()), 0)[0]
				sum.Set(k.Load(asm.Shared, asm.F32, weights.Index(p.Sub(from), 4), 0).FMA(g, sum))
			})
			k.Store(asm.Shared, sums.Index(i, 4), 0, sum)
		})
	})
	k.Barrier()
	k.For(k.TID(), cols.in.Mul(part.by), k.NTID(), func(i asm.Reg) {
		w, c := part.split(i)
		k.If(c.Lt(have), func() {
			sum := k.Var(asm.F32, 0)
			from, to := cols.reach(w, twiceW)
			k.For(from, to, 1, func(q asm.Reg) {
				sum.Set(cols.share(q, w).FMA(k.Load(asm.Shared, asm.F32, sums.Index(q.FMA(part.by, c), 4), 0), sum))
			})
			storeFloats(k, asm.Global, t, dx.Index(k.CTAID().FMA(cols.in, w).FMA(channels, first.Add(c)), t.Size()), 0, []asm.Reg{sum})
		})
	})
}
