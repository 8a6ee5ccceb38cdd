package main

import (
	"fmt"

	"onestep/kernels/cuda/ptx/build"
)

func init() { files["lpips.ptx"] = lpips }

// lpipsPixels is how many pixels a group of lanes goes through (kernels/cuda: lpipsPixels).
const lpipsPixels = 8

func lpips() *build.File {
	f := build.NewFile(`lpips.ptx: a layer's share of the perceptual distance, and its gradient.

	d[n] = sum over p, c of w[c]*(x/(|x|+e) - y/(|y|+e))^2 / P,   e = 1e-10

A pixel's channels are in the registers of a group of 8, 16 or 32 lanes, so many chunks of 16 bytes each as the name says (l16v1: 16 lanes,
1 chunk); kernels named _any read channel by channel, up to three times, from memory or the caches. Forward: grid (samples, parts), a group goes
through 8 pixels in order, a block adds up in a fixed tree into part[n,b], and finish (distance.ptx) adds the parts. Backward: the same, over the pixels of all samples;
add, if given, is added, and with relu dx is 0 where x is not positive.
Every feature is read once, and written once.
Error: sums over channels are trees or in order; about 10 roundings of float32 for each term.`)
	for _, t := range []build.Type{build.F32, build.F16} {
		for _, s := range lpipsShapes(t) {
			lpipsForward(f.Kernel("lpips_"+s.name(), 256), s)
			lpipsBackward(f.Kernel("lpips_backward_"+s.name(), 256), s)
		}
		lpipsForwardAny(f.Kernel("lpips_"+t.String()+"_any", 256), t)
		lpipsBackwardAny(f.Kernel("lpips_backward_"+t.String()+"_any", 256), t)
	}
	return f
}

// lpipsShape is how a pixel's channels are spread: chunk r·lanes + lane is the lane's r-th.
type lpipsShape struct {
	chunk
	lanes, chunks int
}

// lpipsShapes are those that there are kernels for, by the channels that they hold (kernels/cuda: lpipsEntry).
func lpipsShapes(t build.Type) []lpipsShape {
	c := widths(t)[0]
	return []lpipsShape{{c, 8, 1}, {c, 16, 1}, {c, 32, 1}, {c, 32, 2}, {c, 32, 4}}
}

func (s lpipsShape) name() string { return fmt.Sprintf("%s_l%dv%d", s.t, s.lanes, s.chunks) }

// lpipsGroup is a thread's place: its group within the block and its lane in that.
type lpipsGroup struct {
	*build.Kernel
	lpipsShape
	group, lane build.Reg
	mine        []build.Reg // which of its chunks a pixel has
	count       build.Reg   // chunks of a pixel
}

func newLPIPSGroup(k *build.Kernel, s lpipsShape, count build.Reg) *lpipsGroup {
	g := &lpipsGroup{Kernel: k, lpipsShape: s, count: count}
	g.group, g.lane = k.TID().Shr(log2(s.lanes)), k.TID().And(s.lanes-1)
	for r := range s.chunks {
		g.mine = append(g.mine, g.lane.Add(r*s.lanes).Lt(count))
	}
	return g
}

// read is the lane's channels of a pixel of x, zeros where it has none.
func (g *lpipsGroup) read(x, pixel, valid build.Reg) (xs []build.Reg) {
	at := x.Index(pixel.FMA(g.count, g.lane), g.bytes())
	for r := range g.chunks {
		xs = append(xs, g.loadIf(g.Kernel, valid.And(g.mine[r]), at.Add(r*g.lanes*g.bytes()))...)
	}
	return xs
}

// weights are the lane's channels of w, which is float32.
func (g *lpipsGroup) weights(w build.Reg) (ws []build.Reg) {
	at := w.Index(g.lane, 4*g.width)
	for r := range g.chunks {
		for i := 0; i < g.width; i += 4 {
			ws = append(ws, chunk{build.F32, 4}.loadIf(g.Kernel, g.mine[r], at.Add(4*(r*g.lanes*g.width+i)))...)
		}
	}
	return ws
}

// sum adds up over the group; all its lanes get the result.
func (g *lpipsGroup) sum(x build.Reg) build.Reg {
	for lanes := g.lanes / 2; lanes > 0; lanes /= 2 {
		x = x.Add(x.Shuffle("bfly", lanes))
	}
	return x
}

// dot is the scalar product of the group's channels.
func (g *lpipsGroup) dot(x, y []build.Reg) build.Reg {
	var sums [4]build.Reg // of every fourth
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
func unit(sum build.Reg) build.Reg { return sum.Sqrt().Add(1e-10).Rcp() }

func lpipsForward(k *build.Kernel, s lpipsShape) {
	part, x, y, w, pixels, count, parts := k.Ptr("part"), k.Ptr("x"), k.Ptr("y"), k.Ptr("w"), k.I32("pixels"), k.I32("count"), k.I32("parts")
	g := newLPIPSGroup(k, s, count)
	ws := g.weights(w)
	n, groups := k.CTAID(), 256/s.lanes
	total := k.Var(build.F32, 0)
	first := k.CTAIDY().Mul(groups * lpipsPixels).Add(g.group)
	k.For(0, lpipsPixels*groups, groups, func(i build.Reg) {
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
func lpipsFinish(k *build.Kernel, part, parts, x build.Reg) {
	total := blockSum(k, x, 8)
	k.If(k.TID().Eq(0), func() { k.Store(build.Global, part.Index(k.CTAID().FMA(parts, k.CTAIDY()), 4), 0, total) })
}

func lpipsBackward(k *build.Kernel, s lpipsShape) {
	dx, dd, x, y, w, add, relu := k.Ptr("dx"), k.Ptr("dd"), k.Ptr("x"), k.Ptr("y"), k.Ptr("w"), k.Ptr("add"), k.I32("relu")
	all, count, pixels, by := k.I32("all"), k.I32("count"), newDivider(k, "pixels"), k.F32("by") // all pixels of all samples; by = P/2
	g := newLPIPSGroup(k, s, count)
	ws, groups, added, passes := g.weights(w), 256/s.lanes, add.Ne(0), relu.Eq(0)
	first := k.CTAID().Mul(groups * lpipsPixels).Add(g.group)
	k.For(0, lpipsPixels*groups, groups, func(i build.Reg) {
		p := first.Add(i)
		valid := p.Lt(all)
		xs, ys, others := g.read(x, p, valid), g.read(y, p, valid), g.read(add, p, valid.And(added))
		scale := k.Load(build.Global, build.F32, dd.Index(pixels.quotient(p.Min(all.Sub(1))), 4), 0).Div(by)
		xx := g.dot(xs, xs)
		rx, ry := unit(xx), unit(g.dot(ys, ys))
		us := make([]build.Reg, len(xs))
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
func lpipsAlong(ux, rx, xx build.Reg) (along, zero build.Reg) {
	return ux.Mul(rx).Mul(rx).Div(xx.Sqrt()), xx.Eq(0)
}

// lpipsGradient is dx of a channel, with what else reaches it; where x is not positive only if it passes.
func lpipsGradient(u, x, rx, along, zero, other, passes build.Reg) build.Reg {
	dx := zero.Select(build.F32, 0, u.Mul(rx).Sub(x.Mul(along))).Add(other)
	return passes.Or(x.Gt(0)).Select(build.F32, dx, 0)
}

// lpipsLine is a pixel whose channels a warp goes through one by one.
type lpipsLine struct {
	*build.Kernel
	t        build.Type
	x, y     build.Reg
	channels build.Reg
	start    build.Reg // element where the pixel begins
}

// sum adds up f of the channels, each lane its own in order, then over lanes.
func (l *lpipsLine) sum(f func(c, x, y, sum build.Reg) build.Reg) build.Reg {
	sum := l.Var(build.F32, 0)
	l.each(func(c, x, y build.Reg) { sum.Set(f(c, x, y, sum)) })
	return sum.WarpReduce(func(a, b build.Reg) build.Reg { return a.Add(b) })
}

// each runs f for the lane's channels.
func (l *lpipsLine) each(f func(c, x, y build.Reg)) {
	l.For(l.Lane(), l.channels, 32, func(c build.Reg) {
		at := l.start.Add(c)
		x := loadFloats(l.Kernel, build.Global, l.t, 1, l.x.Index(at, l.t.Size()), 0)[0]
		f(c, x, loadFloats(l.Kernel, build.Global, l.t, 1, l.y.Index(at, l.t.Size()), 0)[0])
	})
}

// norms are the sums of squares.
func (l *lpipsLine) norms() (xx, yy build.Reg) {
	xx = l.sum(func(_, x, _, sum build.Reg) build.Reg { return x.FMA(x, sum) })
	return xx, l.sum(func(_, _, y, sum build.Reg) build.Reg { return y.FMA(y, sum) })
}

func lpipsForwardAny(k *build.Kernel, t build.Type) {
	part, x, y, w, pixels, channels, parts := k.Ptr("part"), k.Ptr("x"), k.Ptr("y"), k.Ptr("w"), k.I32("pixels"), k.I32("count"), k.I32("parts")
	total := k.Var(build.F32, 0)
	first := k.CTAIDY().Mul(8 * lpipsPixels)
	k.For(first.Add(k.Warp()), first.Add(8*lpipsPixels).Min(pixels), 8, func(p build.Reg) {
		l := &lpipsLine{Kernel: k, t: t, x: x, y: y, channels: channels, start: k.CTAID().FMA(pixels, p).Mul(channels)}
		xx, yy := l.norms()
		rx, ry := unit(xx), unit(yy)
		l.each(func(c, x, y build.Reg) {
			d := x.Mul(rx).Sub(y.Mul(ry))
			total.Set(k.Load(build.GlobalNC, build.F32, w.Index(c, 4), 0).Mul(d).FMA(d, total))
		})
	})
	lpipsFinish(k, part, parts, total)
}

func lpipsBackwardAny(k *build.Kernel, t build.Type) {
	dx, dd, x, y, w, add, relu := k.Ptr("dx"), k.Ptr("dd"), k.Ptr("x"), k.Ptr("y"), k.Ptr("w"), k.Ptr("add"), k.I32("relu")
	added, passes := add.Ne(0), relu.Eq(0)
	all, channels, pixels, by := k.I32("all"), k.I32("count"), newDivider(k, "pixels"), k.F32("by")
	first := k.CTAID().Mul(8 * lpipsPixels)
	k.For(first.Add(k.Warp()), first.Add(8*lpipsPixels).Min(all), 8, func(p build.Reg) {
		l := &lpipsLine{Kernel: k, t: t, x: x, y: y, channels: channels, start: p.Mul(channels)}
		scale := k.Load(build.Global, build.F32, dd.Index(pixels.quotient(p), 4), 0).Div(by)
		xx, yy := l.norms()
		rx, ry := unit(xx), unit(yy)
		u := func(c, x, y build.Reg) build.Reg {
			return scale.Mul(k.Load(build.GlobalNC, build.F32, w.Index(c, 4), 0)).Mul(x.Mul(rx).Sub(y.Mul(ry)))
		}
		along, zero := lpipsAlong(l.sum(func(c, x, y, sum build.Reg) build.Reg { return u(c, x, y).FMA(x, sum) }), rx, xx)
		l.each(func(c, x, y build.Reg) {
			other := chunk{t, 1}.loadIf(k, added, add.Index(l.start.Add(c), t.Size()))[0]
			g := lpipsGradient(u(c, x, y), x, rx, along, zero, other, passes)
			storeFloats(k, build.Global, t, dx.Index(l.start.Add(c), t.Size()), 0, []build.Reg{g})
		})
	})
}
