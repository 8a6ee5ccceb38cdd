package main

import "onestep/kernels/cuda/ptx/build"

func init() { files["bilinear.ptx"] = bilinear }

func bilinear() *build.File {
	f := build.NewFile(`bilinear.ptx: images resized by bilinear interpolation, and its gradient.
With s = (2*dst*in + shift)/(2*out), not below 0, where shift is in - out for pixels that stand for their centres and 0 for those that stand for
their top left corners, a destination pixel lies between the source pixels lo = floor(s) and lo+1, or is the last; quotient and remainder are
whole numbers, so that lo is exact and the weight t of lo+1 has two roundings.

Forward: grid (rows of y, parts of a row); a thread has 4 (f32) or 8 (f16) neighbouring elements of a row, or one in kernels named _any.
Neighbouring elements find their sources in the caches; every byte of y is written once.

Gradient: a block has a row h of the small image and some channels of it. It first adds up, for every pixel q of a row of the large image, the
rows p that h was a source of, in order, weighted, into shared memory (q,c); then each of its threads adds the q that its pixel was a source
of, in order. Each row of the gradient is read by the two blocks that it has a share in.
Error: two roundings for each addend in float32.`)
	for _, t := range []build.Type{build.F32, build.F16} {
		for _, c := range widths(t) {
			bilinearForward(f.Kernel("bilinear"+c.suffix(), 256), c)
		}
		bilinearBackward(f.Kernel("bilinear_backward_"+t.String(), 256), t)
	}
	return f
}

// bilinearAxis is one direction of the images.
type bilinearAxis struct {
	*build.Kernel
	in, out build.Reg
	shift   build.Reg // in−out, or 0
	twice   divider   // by 2·out
	unit    build.Reg // 1/(2·out)
}

func newBilinearAxis(k *build.Kernel, name string) bilinearAxis {
	a := bilinearAxis{Kernel: k, in: k.I32(name + "_in"), out: k.I32(name + "_out"), shift: k.I32(name + "_shift"), twice: newDivider(k, name+"_twice")}
	a.unit = a.twice.by.To(build.F32).Rcp()
	return a
}

// source is where pixel dst of the large image comes from: (1−t)·lo + t·hi.
func (a bilinearAxis) source(dst build.Reg) (lo, hi, t build.Reg) {
	last := a.in.Sub(1)
	lo, rest := a.twice.split(dst.Shl(1).FMA(a.in, a.shift).Max(0))
	t = rest.To(build.F32).Mul(a.unit)
	lo = lo.Min(last)
	return lo, lo.Add(1).Min(last), t
}

// reach is the range of destinations that source i has a share in; a few at the ends may have none.
//
//	|s − i| < 1:   (i−1)·2·out < 2·dst·in + shift < (i+1)·2·out
func (a bilinearAxis) reach(i build.Reg, by divider) (from, to build.Reg) {
	twice, inner := a.twice.by, a.shift.Neg()
	from = by.quotient(i.Sub(1).FMA(twice, inner).Max(0))
	to = by.quotient(i.Add(1).FMA(twice, inner).Max(0)).Add(1).Min(a.out)
	isLast := i.Eq(a.in.Sub(1))
	return from, isLast.Select(build.S32, a.out, to)
}

// share is the weight of source i in a destination.
func (a bilinearAxis) share(dst, i build.Reg) build.Reg {
	lo, hi, t := a.source(dst)
	first := lo.Eq(i).Select(build.F32, t.Neg().Add(1), 0)
	return first.Add(hi.Eq(i).Select(build.F32, t, 0))
}

func bilinearForward(k *build.Kernel, c chunk) {
	y, x := k.Ptr("y"), k.Ptr("x")
	rows, cols := newBilinearAxis(k, "h"), newBilinearAxis(k, "w")
	image, channels, count := newDivider(k, "rows"), newDivider(k, "c"), k.I32("count") // count: elements of a row
	n, p := image.split(k.CTAID())
	at := k.CTAIDY().FMA(k.NTID(), k.TID()).Mul(c.width)
	k.If(at.Lt(count), func() {
		lo, hi, t := rows.source(p)
		row := func(h build.Reg) build.Reg { return n.FMA(rows.in, h).Mul(cols.in) }
		top, bottom := row(lo), row(hi)
		q, ch := channels.split(at)
		ys := make([]build.Reg, c.width)
		for e := range ys {
			if e > 0 {
				ch = ch.Add(1)
				next := ch.Eq(channels.by)
				ch, q = next.Select(build.S32, 0, ch), next.Select(build.S32, q.Add(1), q)
			}
			left, right, s := cols.source(q)
			line := func(start build.Reg) build.Reg {
				pixel := func(w build.Reg) build.Reg {
					return loadFloats(k, build.GlobalNC, c.t, 1, x.Index(start.Add(w).FMA(channels.by, ch), c.t.Size()), 0)[0]
				}
				return mix(pixel(left), pixel(right), s)
			}
			ys[e] = mix(line(top), line(bottom), t)
		}
		c.store(k, y.Index(k.CTAID().FMA(count, at), c.t.Size()), ys)
	})
}

// mix is (1−t)·a + t·b.
func mix(a, b, t build.Reg) build.Reg { return t.Neg().Add(1).FMA(a, t.Mul(b)) }

func bilinearBackward(k *build.Kernel, t build.Type) {
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
	k.For(from.Add(k.TID()), to, k.NTID(), func(p build.Reg) {
		k.Store(build.Shared, weights.Index(p.Sub(from), 4), 0, rows.share(p, h))
	})
	k.Barrier()
	k.For(k.TID(), cols.out.Mul(part.by), k.NTID(), func(i build.Reg) {
		q, c := part.split(i)
		k.If(c.Lt(have), func() {
			sum := k.Var(build.F32, 0)
			k.For(from, to, 1, func(p build.Reg) {
				at := n.FMA(rows.out, p).FMA(cols.out, q).FMA(channels, first.Add(c))
				g := loadFloats(k, build.GlobalNC, t, 1, dy.Index(at, t.Size()), 0)[0]
				sum.Set(k.Load(build.Shared, build.F32, weights.Index(p.Sub(from), 4), 0).FMA(g, sum))
			})
			k.Store(build.Shared, sums.Index(i, 4), 0, sum)
		})
	})
	k.Barrier()
	k.For(k.TID(), cols.in.Mul(part.by), k.NTID(), func(i build.Reg) {
		w, c := part.split(i)
		k.If(c.Lt(have), func() {
			sum := k.Var(build.F32, 0)
			from, to := cols.reach(w, twiceW)
			k.For(from, to, 1, func(q build.Reg) {
				sum.Set(cols.share(q, w).FMA(k.Load(build.Shared, build.F32, sums.Index(q.FMA(part.by, c), 4), 0), sum))
			})
			storeFloats(k, build.Global, t, dx.Index(k.CTAID().FMA(cols.in, w).FMA(channels, first.Add(c)), t.Size()), 0, []build.Reg{sum})
		})
	})
}
