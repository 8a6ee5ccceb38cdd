package simt

import (
	"math/bits"

	"onestep/kernels/cuda/ptx"
)

// exchange decodes what lanes of a warp tell each other: shfl, vote, match, redux, activemask.
func (d *decoder) exchange() {
	in := d.in
	d.out.class = ClassSync
	if in.Op == "activemask" {
		r := d.dst(0)
		d.out.run = func(w *warp, mask uint32) {
			lanesOf(mask, func(i int) { w.set(r, i, uint64(mask)) })
			w.define(r, mask)
		}
		return
	}
	d.out.flow = rendezvous
	d.out.members = d.src(len(in.Operands) - 1)
	switch in.Op {
	case "shfl":
		d.shuffle()
	case "vote":
		d.vote()
	case "match":
		d.match()
	case "redux":
		d.redux()
	}
}

// shuffle: c holds the clamp in bits 0 to 4 and the mask of the segment in bits 8 to 12.
func (d *decoder) shuffle() {
	in := d.in
	r, p := -1, -1
	if o := in.Operands[0]; o.Kind == ptx.KindPair {
		r, p = d.register(o.Elems[0]), d.register(o.Elems[1])
	} else {
		r = d.dst(0)
	}
	a, b, c := d.src(1), d.src(2), d.src(3)
	mode := in.Mods[1]
	d.out.run = func(w *warp, mask uint32) {
		x, y, z := *a.get(w), *b.get(w), *c.get(w)
		lanesOf(mask, func(i int) {
			segment, clamp := int(z[i]>>8&31), int(z[i]&31)
			most := i&segment | clamp&^segment
			least := i & segment
			k := int(y[i] & 31)
			var from int
			ok := false
			switch mode {
			case "up":
				from = i - k
				ok = from >= most
			case "down":
				from = i + k
				ok = from <= most
			case "bfly":
				from = i ^ k
				ok = from <= most
			case "idx":
				from = least | k&^segment
				ok = from <= most
			}
			if !ok {
				from = i
			}
			if mask>>from&1 == 0 {
				w.fail(i, "reads lane %d, which does not take part", from)
			}
			w.set(r, i, x[from])
			w.set(p, i, truth(ok))
		})
		w.define(r, mask)
		w.define(p, mask)
	}
}

func (d *decoder) vote() {
	in := d.in
	r, a, negated := d.dst(0), d.src(1), in.Operands[1].Negated
	kind := in.Mods[1]
	d.out.run = func(w *warp, mask uint32) {
		x := a.get(w)
		var yes uint32
		lanesOf(mask, func(i int) {
			if x[i]&1 != 0 != negated {
				yes |= 1 << i
			}
		})
		var v uint64
		switch kind {
		case "all":
			v = truth(yes == mask)
		case "any":
			v = truth(yes != 0)
		case "uni":
			v = truth(yes == mask || yes == 0)
		case "ballot":
			v = uint64(yes)
		}
		lanesOf(mask, func(i int) { w.set(r, i, v) })
		w.define(r, mask)
	}
}

func (d *decoder) match() {
	in := d.in
	r, p := -1, -1
	if o := in.Operands[0]; o.Kind == ptx.KindPair {
		r, p = d.register(o.Elems[0]), d.register(o.Elems[1])
	} else {
		r = d.dst(0)
	}
	a := d.src(1)
	all := in.Has("all")
	d.out.run = func(w *warp, mask uint32) {
		x := *a.get(w)
		lanesOf(mask, func(i int) {
			var same uint32
			lanesOf(mask, func(j int) {
				if x[j] == x[i] {
					same |= 1 << j
				}
			})
			if all && same != mask {
				same = 0
			}
			w.set(r, i, uint64(same))
			w.set(p, i, truth(same == mask))
		})
		w.define(r, mask)
		w.define(p, mask)
	}
}

func (d *decoder) redux() {
	in := d.in
	r, a := d.dst(0), d.src(1)
	op := in.Mods[1]
	s := in.Types[0] == ptx.S32
	d.out.run = func(w *warp, mask uint32) {
		x := a.get(w)
		v := x[bits.TrailingZeros32(mask)]
		first := true
		lanesOf(mask, func(i int) {
			if first {
				first = false
				return
			}
			y := x[i]
			switch op {
			case "add":
				v = (v + y) & bitsMask(32)
			case "and":
				v &= y
			case "or":
				v |= y
			case "xor":
				v ^= y
			case "min", "max":
				less := y < v
				if s {
					less = int32(y) < int32(v)
				}
				if less == (op == "min") {
					v = y
				}
			}
		})
		lanesOf(mask, func(i int) { w.set(r, i, v) })
		w.define(r, mask)
	}
}
