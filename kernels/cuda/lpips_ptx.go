package cuda

import (
	"fmt"

	"onestep/kernels/cuda/asm"
)

var lpipsPTX = &family{name: "lpips", part: "LPIPS beside its convolutions", about: `
a layer's share of the perceptual distance, and its gradient.

	d[n] = sum over p, c of w[c]*(x/(|x|+e) - y/(|y|+e))^2 / P,   e = 1e-10

A pixel's channels are in the registers of a group of 8, 16 or 32 lanes, so many chunks of 16 bytes each as the name says (l16v1: 16 lanes,
1 chunk); kernels named _any read channel by channel, up to three times, from memory or the caches. Forward: grid (samples, parts), a group goes
through 8 pixels in order, a block adds up in a fixed tree into part[n,b], and finish (distance) adds the parts. Backward: the same, over the pixels of all samples;
add, if given, is added, and with relu dx is 0 where x is not positive.
Every feature is read once, and written once.
Error: sums over channels are trees or in order; about 10 roundings of float32 for each term.`}

func init() {
	lpipsPTX.all(func(add func(*Kernel)) {
		for _, t := range floats {
			for _, s := range lpipsShapes(t) {
				add(lpipsKernel(s))
				add(lpipsBackwardKernel(s))
			}
		}
	})
}

func lpipsKernel(s lpipsShape) *Kernel {
	return lpipsPTX.kernel("lpips_"+s.name(), lpipsThreads, func(k *asm.Kernel) {
		if s.chunks == 0 {
			writeLPIPSAny(k, s.t)
		} else {
			writeLPIPS(k, s)
		}
	})
}

func lpipsBackwardKernel(s lpipsShape) *Kernel {
	return lpipsPTX.kernel("lpips_backward_"+s.name(), lpipsThreads, func(k *asm.Kernel) {
		if s.chunks == 0 {
			writeLPIPSBackwardAny(k, s.t)
		} else {
			writeLPIPSBackward(k, s)
		}
	})
}

// lpipsShape is how a pixel's channels are spread over lanes: chunk r·lanes + lane is the lane's r-th. Without chunks a warp goes through any
// channels one by one.
type lpipsShape struct {
	chunk
	lanes, chunks int
}

// lpipsShapes are those that there are kernels for, by the channels that they hold.
func lpipsShapes(t asm.Type) []lpipsShape {
	c := widths(t)
	return []lpipsShape{{c[0], 8, 1}, {c[0], 16, 1}, {c[0], 32, 1}, {c[0], 32, 2}, {c[0], 32, 4}, {c[1], 32, 0}}
}

func (s lpipsShape) name() string {
	if s.chunks == 0 {
		return s.t.String() + "_any"
	}
	return fmt.Sprintf("%s_l%dv%d", s.t, s.lanes, s.chunks)
}

// groups is how many pixels a block has at a time.
func (s lpipsShape) groups() int { return lpipsThreads / s.lanes }

// lpipsGroup is a thread's place: its group within the block and its lane in that.
type lpipsGroup struct {
	*asm.Kernel
	lpipsShape
	group, lane asm.Reg
	mine        []asm.Reg // which of its chunks a pixel has
	count       asm.Reg   // chunks of a pixel
}

func newLPIPSGroup(k *asm.Kernel, s lpipsShape, count asm.Reg) *lpipsGroup {
	g := &lpipsGroup{Kernel: k, lpipsShape: s, count: count}
	g.group, g.lane = k.TID().Shr(log2(s.lanes)), k.TID().And(s.lanes-1)
	for r := range s.chunks {
		g.mine = append(g.mine, g.lane.Add(r*s.lanes).Lt(count))
	}
	return g
}

// read is the lane's channels of a pixel of x, zeros where it has none.
func (g *lpipsGroup) read(x, pixel, valid asm.Reg) (xs []asm.Reg) {
	at := x.Index(pixel.FMA(g.count, g.lane), g.bytes())
	for r := range g.chunks {
		xs = append(xs, g.loadIf(g.Kernel, valid.And(g.mine[r]), at.Add(r*g.lanes*g.bytes()))...)
	}
	return xs
}

// weights are the lane's channels of w, which is float32.
func (g *lpipsGroup) weights(w asm.Reg) (ws []asm.Reg) {
	at := w.Index(g.lane, 4*g.width)
	for r := range g.chunks {
		for i := 0; i < g.width; i += 4 {
			ws = append(ws, chunk{asm.F32, 4}.loadIf(g.Kernel, g.mine[r], at.Add(4*(r*g.lanes*g.width+i)))...)
		}
	}
	return ws
}

// sum adds up over the group; all its lanes get the result.
func (g *lpipsGroup) sum(x asm.Reg) asm.Reg {
	for lanes := g.lanes / 2; lanes > 0; lanes /= 2 {
		x = x.Add(x.Shuffle("bfly", lanes))
	}
	return x
}

// dot is the scalar product of the group's channels.
func (g *lpipsGroup) dot(x, y []asm.Reg) asm.Reg {
	var sums [4]asm.Reg // of every fourth
	for i := range x {
		if i < len(sums) {
			sums[i] = x[i].Mul(y[i])
		} else {
			sums[i%4] = x[i].FMA(y[i], sums[i%4])
		}
	}
	return g.sum(pairwise(sums[:]))
}

// unit is 1/(√sum + e).
func unit(sum asm.Reg) asm.Reg { return sum.Sqrt().Add(1e-10).Rcp() }

func writeLPIPS(k *asm.Kernel, s lpipsShape) {
	part, x, y, w, pixels, count, parts := k.Ptr("part"), k.Ptr("x"), k.Ptr("y"), k.Ptr("w"), k.I32("pixels"), k.I32("count"), k.I32("parts")
	g := newLPIPSGroup(k, s, count)
	ws := g.weights(w)
	n, groups := k.CTAID(), s.groups()
	total := k.Var(asm.F32, 0)
	first := k.CTAIDY().Mul(groups * lpipsPixels).Add(g.group)
	k.For(0, lpipsPixels*groups, groups, func(i asm.Reg) {
		p := first.Add(i)
		valid, at := p.Lt(pixels), n.FMA(pixels, p)
		xs, ys := g.read(x, at, valid), g.read(y, at, valid)
		rx, ry := unit(g.dot(xs, xs)), unit(g.dot(ys, ys))
		for e := range xs {
			d := xs[e].Mul(rx).Sub(ys[e].Mul(ry))
			total.Set(ws[e].Mul(d).FMA(d, total))
		}
	})
	lpipsFinish(k, part, parts, total)
}

// lpipsFinish writes the block's sum.
func lpipsFinish(k *asm.Kernel, part, parts, x asm.Reg) {
	total := blockSum(k, x, 8)
	k.If(k.TID().Eq(0), func() { k.Store(asm.Global, part.Index(k.CTAID().FMA(parts, k.CTAIDY()), 4), 0, total) })
}

func writeLPIPSBackward(k *asm.Kernel, s lpipsShape) {
	dx, dd, x, y, w, add, relu := k.Ptr("dx"), k.Ptr("dd"), k.Ptr("x"), k.Ptr("y"), k.Ptr("w"), k.Ptr("add"), k.I32("relu")
	all, count, pixels, by := k.I32("all"), k.I32("count"), newDivider(k, "pixels"), k.F32("by") // all pixels of all samples; by = P/2
	g := newLPIPSGroup(k, s, count)
	ws, groups, added, passes := g.weights(w), s.groups(), add.Ne(0), relu.Eq(0)
	first := k.CTAID().Mul(groups * lpipsPixels).Add(g.group)
	k.For(0, lpipsPixels*groups, groups, func(i asm.Reg) {
		p := first.Add(i)
		valid := p.Lt(all)
		xs, ys, others := g.read(x, p, valid), g.read(y, p, valid), g.read(add, p, valid.And(added))
		scale := k.Load(asm.Global, asm.F32, dd.Index(pixels.quotient(p.Min(all.Sub(1))), 4), 0).Div(by)
		xx := g.dot(xs, xs)
		rx, ry := unit(xx), unit(g.dot(ys, ys))
		us := make([]asm.Reg, len(xs))
		for e := range us {
			us[e] = scale.Mul(ws[e]).Mul(xs[e].Mul(rx).Sub(ys[e].Mul(ry)))
		}
		along, zero := lpipsAlong(g.dot(us, xs), rx, xx)
		at := dx.Index(p.FMA(count, g.lane), s.bytes())
		for e := range us {
			us[e] = lpipsGradient(us[e], xs[e], rx, along, zero, others[e], passes)
		}
		for r := range s.chunks {
			k.If(valid.And(g.mine[r]), func() {
				s.store(k, at.Add(r*s.lanes*s.bytes()), us[r*s.width:(r+1)*s.width])
			})
		}
	})
}

// lpipsAlong is what of x is taken from u/(|x|+e), and whether |x| = 0.
func lpipsAlong(ux, rx, xx asm.Reg) (along, zero asm.Reg) {
	return ux.Mul(rx).Mul(rx).Div(xx.Sqrt()), xx.Eq(0)
}

// lpipsGradient is dx of a channel, with what else reaches it; where x is not positive only if it passes.
func lpipsGradient(u, x, rx, along, zero, other, passes asm.Reg) asm.Reg {
	dx := zero.Select(asm.F32, 0, u.Mul(rx).Sub(x.Mul(along))).Add(other)
	return passes.Or(x.Gt(0)).Select(asm.F32, dx, 0)
}

// lpipsLine is a pixel whose channels a warp goes through one by one.
type lpipsLine struct {
	*asm.Kernel
	t        asm.Type
	x, y     asm.Reg
	channels asm.Reg
	start    asm.Reg // element where the pixel begins
}

// sum adds up f of the channels, each lane its own in order, then over lanes.
func (l *lpipsLine) sum(f func(c, x, y, sum asm.Reg) asm.Reg) asm.Reg {
	sum := l.Var(asm.F32, 0)
	l.each(func(c, x, y asm.Reg) { sum.Set(f(c, x, y, sum)) })
	return sum.WarpReduce(func(a, b asm.Reg) asm.Reg { return a.Add(b) })
}

// each runs f for the lane's channels.
func (l *lpipsLine) each(f func(c, x, y asm.Reg)) {
	l.For(l.Lane(), l.channels, 32, func(c asm.Reg) {
		at := l.start.Add(c)
		x := loadFloats(l.Kernel, asm.Global, l.t, 1, l.x.Index(at, l.t.Size()), 0)[0]
		f(c, x, loadFloats(l.Kernel, asm.Global, l.t, 1, l.y.Index(at, l.t.Size()), 0)[0])
	})
}

// norms are the sums of squares.
func (l *lpipsLine) norms() (xx, yy asm.Reg) {
	xx = l.sum(func(_, x, _, sum asm.Reg) asm.Reg { return x.FMA(x, sum) })
	return xx, l.sum(func(_, _, y, sum asm.Reg) asm.Reg { return y.FMA(y, sum) })
}

func writeLPIPSAny(k *asm.Kernel, t asm.Type) {
	part, x, y, w, pixels, channels, parts := k.Ptr("part"), k.Ptr("x"), k.Ptr("y"), k.Ptr("w"), k.I32("pixels"), k.I32("count"), k.I32("parts")
	total := k.Var(asm.F32, 0)
	first := k.CTAIDY().Mul(8 * lpipsPixels)
	k.For(first.Add(k.Warp()), first.Add(8*lpipsPixels).Min(pixels), 8, func(p asm.Reg) {
		l := &lpipsLine{Kernel: k, t: t, x: x, y: y, channels: channels, start: k.CTAID().FMA(pixels, p).Mul(channels)}
		xx, yy := l.norms()
		rx, ry := unit(xx), unit(yy)
		l.each(func(c, x, y asm.Reg) {
			d := x.Mul(rx).Sub(y.Mul(ry))
			total.Set(k.Load(asm.GlobalNC, asm.F32, w.Index(c, 4), 0).Mul(d).FMA(d, total))
		})
	})
	lpipsFinish(k, part, parts, total)
}

func writeLPIPSBackwardAny(k *asm.Kernel, t asm.Type) {
	dx, dd, x, y, w, add, relu := k.Ptr("dx"), k.Ptr("dd"), k.Ptr("x"), k.Ptr("y"), k.Ptr("w"), k.Ptr("add"), k.I32("relu")
	added, passes := add.Ne(0), relu.Eq(0)
	all, channels, pixels, by := k.I32("all"), k.I32("count"), newDivider(k, "pixels"), k.F32("by")
	first := k.CTAID().Mul(8 * lpipsPixels)
	k.For(first.Add(k.Warp()), first.Add(8*lpipsPixels).Min(all), 8, func(p asm.Reg) {
		l := &lpipsLine{Kernel: k, t: t, x: x, y: y, channels: channels, start: p.Mul(channels)}
		scale := k.Load(asm.Global, asm.F32, dd.Index(pixels.quotient(p), 4), 0).Div(by)
		xx, yy := l.norms()
		rx, ry := unit(xx), unit(yy)
		u := func(c, x, y asm.Reg) asm.Reg {
			return scale.Mul(k.Load(asm.GlobalNC, asm.F32, w.Index(c, 4), 0)).Mul(x.Mul(rx).Sub(y.Mul(ry)))
		}
		along, zero := lpipsAlong(l.sum(func(c, x, y, sum asm.Reg) asm.Reg { return u(c, x, y).FMA(x, sum) }), rx, xx)
		l.each(func(c, x, y asm.Reg) {
			other := chunk{t, 1}.loadIf(k, added, add.Index(l.start.Add(c), t.Size()))[0]
			g := lpipsGradient(u(c, x, y), x, rx, along, zero, other, passes)
			storeFloats(k, asm.Global, t, dx.Index(l.start.Add(c), t.Size()), 0, []asm.Reg{g})
		})
	})
}
