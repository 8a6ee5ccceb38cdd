package simt

import (
	"fmt"
	"math"

	"onestep/kernels/cuda/ptx"
)

// fragment is how a matrix of wmma is spread over a warp, which PTX leaves open: here lane l holds elements l·n to l·n + n − 1 of the matrix,
// counted row by row, n being as many as its registers have room for; where that is more than there are, several lanes hold the same ones.
type fragment struct {
	rows, cols int
	t          ptx.Type
	each       int // bits of an element in a register
	per        int // elements of a register
	n          int // elements of a lane
}

// fragment is that of matrix a, b, c or d of an instruction's shape, in so many registers.
func (d *decoder) fragment(role string, t ptx.Type, registers int) fragment {
	var m, n, k int
	for _, word := range d.in.Mods {
		if _, err := fmt.Sscanf(word, "m%dn%dk%d", &m, &n, &k); err == nil {
			break
		}
	}
	f := fragment{rows: m, cols: n, t: t, each: t.Bits(), per: 1}
	switch role {
	case "a":
		f.cols = k
	case "b":
		f.rows = k
	}
	switch {
	case t == ptx.TF32:
		f.each = 32
	case f.each < 32:
		f.per = 32 / f.each
	}
	f.n = registers * f.per
	return f
}

// place is the row and column of element e of a lane.
func (f *fragment) place(lane, e int) (row, col int) {
	at := (lane*f.n + e) % (f.rows * f.cols)
	return at / f.cols, at % f.cols
}

// wmma decodes the matrix instructions whose fragments are opaque: wmma.load, wmma.store and wmma.mma.
func (d *decoder) wmma() {
	switch d.in.Mods[0] {
	case "load":
		d.matrixMove(d.in.Mods[1], 1, 0)
	case "store":
		d.matrixMove("d", 0, 1)
	case "mma":
		d.matrixProduct()
	}
}

// matrixMove decodes wmma.load and wmma.store: the operands with the address and the registers.
func (d *decoder) matrixMove(role string, address, registers int) {
	in := d.in
	load := in.Mods[0] == "load"
	var rs []int
	var vs []source
	count := 0
	if load {
		rs = d.registers(in.Operands[registers])
		count = len(rs)
	} else {
		vs = d.elements(in.Operands[registers])
		count = len(vs)
	}
	t := in.Types[0]
	f := d.fragment(role, t, count)
	size := max(f.each/8, 1)
	at := d.address(in.Operands[address])
	rowMajor := in.Has("row")
	line := f.cols // elements that lie together
	if !rowMajor {
		line = f.rows
	}
	stride := constant(uint64(line))
	if len(in.Operands) > 2 {
		stride = d.src(2)
	}
	space := in.Space
	d.out.class = memoryClass(space, !load)
	d.out.run = func(w *warp, mask uint32) {
		base, step := at(w)[0], stride.get(w)[0]&bitsMask(32)
		for l := range lanes {
			if at(w)[l] != base || stride.get(w)[l]&bitsMask(32) != step {
				w.fail(l, "lanes of a warp give different addresses or strides of a matrix")
			}
		}
		w.countMatrix(space, base, step*uint64(size), f.rows*f.cols/line, line*size, !load)
		for l := range lanes {
			for r := range count {
				var x uint64
				if !load {
					x = vs[r].get(w)[l]
				}
				for e := range f.per {
					row, col := f.place(l, r*f.per+e)
					if !rowMajor {
						row, col = col, row
					}
					addr := base + (uint64(row)*step+uint64(col))*uint64(size)
					if load {
						x |= get(w.bytes(space, l, addr, size, read)) << (e * f.each % 64)
						continue
					}
					w.storing = w.stored[:size]
					put(w.storing, x>>(e*f.each%64))
					copy(w.bytes(space, l, addr, size, write), w.storing)
					w.storing = nil
				}
				if load {
					w.set(rs[r], l, x)
				}
			}
		}
		for _, r := range rs {
			w.define(r, ^uint32(0))
		}
	}
}

// countMatrix counts the memory of a matrix of so many lines of bytes, as accesses of up to 16 bytes a lane.
func (w *warp) countMatrix(s ptx.Space, base, step uint64, lines, bytes int, writes bool) {
	if w.cta.count == nil {
		return
	}
	size := min(bytes, 16)
	chunks := bytes / size
	for first := 0; first < lines*chunks; first += lanes {
		var addrs vector
		n := min(lanes, lines*chunks-first)
		for l := range n {
			k := first + l
			addrs[l] = base + uint64(k/chunks)*step + uint64(k%chunks*size)
		}
		w.cta.count.access(w, s, &addrs, uint32(bitsMask(n)), size, writes)
	}
}

// element reads element e of a lane's registers.
func (f *fragment) element(w *warp, vs []source, lane, e int) uint64 {
	return vs[e/f.per].get(w)[lane] >> (e % f.per * f.each) & bitsMask(f.each)
}

// matrixProduct decodes wmma.mma: D = A·B + C. Sums are made in the order of k, beginning with C, as those of mma.
func (d *decoder) matrixProduct() {
	in := d.in
	rd := d.registers(in.Operands[0])
	va, vb, vc := d.elements(in.Operands[1]), d.elements(in.Operands[2]), d.elements(in.Operands[3])
	td, ta, tb, tc := in.Types[0], ptx.F16, ptx.F16, in.Types[len(in.Types)-1]
	if len(in.Types) == 4 {
		ta, tb = in.Types[1], in.Types[2]
	}
	fa, fb := d.fragment("a", ta, len(va)), d.fragment("b", tb, len(vb))
	fc, fd := d.fragment("c", tc, len(vc)), d.fragment("d", td, len(rd))
	k := fa.cols
	d.out.flops = 2 * fd.rows * fd.cols * k
	add, finish := d.accumulate(ta, td)
	value := func(f *fragment) func(x uint64) float64 {
		if !f.t.Float() {
			return func(x uint64) float64 { return float64(int64(extend(x, f.each, f.t.Signed()))) }
		}
		g := floatOf(f.t)
		if f.t == ptx.TF32 {
			return func(x uint64) float64 { return g(x &^ 0x1fff) }
		}
		return g
	}
	xa, xb, xc := value(&fa), value(&fb), value(&fc)
	d.out.run = func(w *warp, _ uint32) {
		if w.cta.run.o.CountOnly {
			for _, r := range rd {
				w.define(r, ^uint32(0))
			}
			return
		}
		var a, b, c [32][32]float64 // b by column
		for l := range lanes {
			for e := range fa.n {
				i, j := fa.place(l, e)
				a[i][j] = xa(fa.element(w, va, l, e))
			}
			for e := range fb.n {
				i, j := fb.place(l, e)
				b[j][i] = xb(fb.element(w, vb, l, e))
			}
			for e := range fc.n {
				i, j := fc.place(l, e)
				c[i][j] = xc(fc.element(w, vc, l, e))
			}
		}
		for i := range fd.rows {
			for j := range fd.cols {
				s := c[i][j]
				for n := range k {
					s = add(a[i][n], b[j][n], s)
				}
				c[i][j] = s
			}
		}
		for l := range lanes {
			for r, reg := range rd {
				var x uint64
				for e := range fd.per {
					i, j := fd.place(l, r*fd.per+e)
					x |= finish(c[i][j]) << (e * fd.each % 64)
				}
				w.set(reg, l, x)
			}
		}
		for _, r := range rd {
			w.define(r, ^uint32(0))
		}
	}
}

// accumulate is one step of a sum of products of a type, and the bits of the sum in another.
func (d *decoder) accumulate(from, to ptx.Type) (add func(a, b, s float64) float64, finish func(s float64) uint64) {
	sat, mode := d.in.Has("satfinite"), d.rounding()
	switch {
	case to == ptx.F64:
		return func(a, b, s float64) float64 { return fma64(a, b, s, mode) }, fromF64
	case to == ptx.S32: // every sum is exact
		return func(a, b, s float64) float64 { return a*b + s }, func(s float64) uint64 {
			if sat {
				s = min(max(s, math.MinInt32), math.MaxInt32)
			}
			return uint64(uint32(int64(s)))
		}
	}
	return func(a, b, s float64) float64 { return float64(float32(a*b) + float32(s)) }, bitsOf(to, nearest)
}
