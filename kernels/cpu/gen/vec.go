package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const vecHeader = `
// Kernels that wait for memory or for the exponential. zvec_amd64.go has the loop that each of them equals. They come in three shapes:
//
//	flat     n numbers: up to 4 vectors in flight, then one at a time, then the rest under a mask
//	columns  (rows,c): some vectors of channels at a time, coefficients and sums in registers, down all rows; then the next
//	rows     (rows,c): along the channels of each row, lanes added up at its end
//
// AVX2 masks with VMASKMOVPS, AVX-512 with K registers; lanes beyond the end are neither read nor written. Sums keep one order: per
// lane first, then lanes by halves. Bytes per element are those of the operands, each touched once. The exponential is within
// 1 unit in the last place, see exp.go of the generator; everything else is fused multiply-adds of float32.
`

// vectors writes all kernels of this kind, in the order of the file.
func vectors(a *asm) {
	a.elementwise()
	a.activations()
	a.attention()
	a.adam()
	a.sums64()
	a.differences()
	a.lerpGather()
	a.casts()
	a.groupNorm()
	a.groupNormBackward()
	a.taps()
	a.pools()
	a.maxPoolBackward()
	a.features()
}

// vec writes one kernel at one vector width. The same description makes the AVX2 and the AVX-512 code.
type vec struct {
	*asm
	w      int  // float32 lanes: 8 or 16
	masked bool // loads and stores reach the first lanes only
	ymask  Register
	kmask  Register
	consts map[uint32]Op
}

// kernel begins a function for both widths and calls body for each; sig has no func keyword.
func (a *asm) kernel(name, doc, sig string, body func(v *vec)) {
	a.wrap(name, doc, sig)
	for _, w := range []int{8, 16} {
		v := a.begin(name, doc, sig, w)
		body(v)
		v.VZEROUPPER()
		v.RET()
	}
}

// begin begins a kernel for vectors of w lanes.
func (a *asm) begin(name, doc, sig string, w int) *vec {
	a.function(name+map[int]string{8: "AVX2", 16: "AVX512"}[w], "func"+sig, doc)
	return &vec{asm: a, w: w, consts: map[uint32]Op{}}
}

func (v *vec) zmm() bool { return v.w == 16 }

func (v *vec) reg() VecVirtual {
	if v.zmm() {
		return v.ZMM()
	}
	return v.YMM()
}

func (v *vec) zero() VecVirtual {
	r := v.reg()
	v.VXORPS(r, r, r)
	return r
}

func (v *vec) regs(n int) []VecVirtual {
	rs := make([]VecVirtual, n)
	for i := range rs {
		rs[i] = v.reg()
	}
	return rs
}

func (v *vec) zeros(n int) []VecVirtual {
	rs := make([]VecVirtual, n)
	for i := range rs {
		rs[i] = v.zero()
	}
	return rs
}

// load fills r from memory; the lanes beyond the end become 0.
func (v *vec) load(m Mem, r VecVirtual) {
	switch {
	case !v.masked:
		v.VMOVUPS(m, r)
	case v.zmm():
		v.VMOVUPS_Z(m, v.kmask, r)
	default:
		v.VMASKMOVPS(m, v.ymask, r)
	}
}

func (v *vec) loaded(m Mem) VecVirtual {
	r := v.reg()
	v.load(m, r)
	return r
}

func (v *vec) store(r VecVirtual, m Mem) {
	switch {
	case !v.masked:
		v.VMOVUPS(r, m)
	case v.zmm():
		v.VMOVUPS(r, v.kmask, m)
	default:
		v.VMASKMOVPS(r, v.ymask, m)
	}
}

// clearTail zeroes the lanes beyond the end.
func (v *vec) clearTail(r VecVirtual) {
	switch {
	case !v.masked:
	case v.zmm():
		v.VMOVAPS_Z(r, v.kmask, r)
	default:
		v.VANDPS(v.ymask, r, r)
	}
}

// fillTail puts fill in the lanes beyond the end.
func (v *vec) fillTail(r, fill VecVirtual) {
	switch {
	case !v.masked:
	case v.zmm():
		v.VBLENDMPS(r, fill, v.kmask, r)
	default:
		v.VBLENDVPS(v.ymask, r, fill, r)
	}
}

// setMask makes the following loads and stores reach n lanes, 0 < n < w.
func (v *vec) setMask(n Register) {
	if v.zmm() {
		ones, k := v.GP32(), v.K()
		v.MOVL(U32(0xffff), ones)
		v.BZHIL(n.(GP).As32(), ones, ones)
		v.KMOVW(ones, k)
		v.kmask = k
	} else {
		table, back, m := v.GP64(), v.GP64(), v.YMM()
		v.LEAQ(v.maskTable(), table)
		v.MOVQ(n, back)
		v.NEGQ(back)
		v.VMOVUPS(Mem{Base: table, Index: back, Scale: 4, Disp: 32}, m)
		v.ymask = m
	}
	v.masked = true
}

// maskTable is eight words of ones, then eight of zeros.
func (v *vec) maskTable() Mem {
	return v.table("vecTailMask", func(i int) uint32 { return []uint32{0xffffffff, 0}[i/8] })
}

// bits is a vector of one 32-bit pattern: a register that hoist prepared, or memory.
func (v *vec) bits(b uint32) Op {
	if r, ok := v.consts[b]; ok {
		return r
	}
	return v.table(fmt.Sprintf("vecConst%08x", b), func(int) uint32 { return b })
}

func (v *vec) f32(x float32) Op { return v.bits(math.Float32bits(x)) }

// hoist keeps constants in registers from here on.
func (v *vec) hoist(bits ...uint32) {
	for _, b := range bits {
		if _, ok := v.consts[b]; ok {
			continue
		}
		m := v.bits(b)
		r := v.reg()
		v.VMOVUPS(m, r)
		v.consts[b] = r
	}
}

func bitsOf(xs ...float32) []uint32 {
	var b []uint32
	for _, x := range xs {
		b = append(b, math.Float32bits(x))
	}
	return b
}

// arg is a pointer or integer argument in a register.
func (a *asm) arg(name string) GPVirtual { return a.Load(a.Param(name), a.GP64()).(GPVirtual) }

// scalar is a float32 argument in every lane.
func (v *vec) scalar(name string) VecVirtual {
	p, err := v.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	r := v.reg()
	v.VBROADCASTSS(p.Addr, r)
	return r
}

// flat walks over n elements, unroll vectors at a time, then one, then what is left. body handles the vector that lies
// disp bytes after index in each buffer.
func (v *vec) flat(n Register, unroll int, body func(u int, at func(base Register) Mem)) {
	i := v.GP64()
	v.XORQ(i, i)
	v.flatFrom(i, n, unroll, "", body)
}

// flatFrom is flat from byte index i on; label tells several loops of one function apart.
func (v *vec) flatFrom(i, n Register, unroll int, label string, body func(u int, at func(base Register) Mem)) {
	step := func(u int) {
		body(u, func(base Register) Mem { return Mem{Base: base, Index: i, Scale: 1, Disp: 4 * v.w * u} })
	}
	name := func(s string) string { return label + s }
	if unroll > 1 {
		v.Label(name("unrolled"))
		v.CMPQ(n, I32(int32(unroll*v.w)))
		v.JLT(LabelRef(name("single")))
		for u := range unroll {
			step(u)
		}
		v.ADDQ(I32(int32(4*unroll*v.w)), i)
		v.SUBQ(I32(int32(unroll*v.w)), n)
		v.JMP(LabelRef(name("unrolled")))
	}
	v.Label(name("single"))
	v.CMPQ(n, I32(int32(v.w)))
	v.JLT(LabelRef(name("tail")))
	step(0)
	v.ADDQ(I32(int32(4*v.w)), i)
	v.SUBQ(I32(int32(v.w)), n)
	v.JMP(LabelRef(name("single")))
	v.Label(name("tail"))
	v.TESTQ(n, n)
	v.JZ(LabelRef(name("done")))
	v.setMask(n)
	step(0)
	v.masked = false
	v.Label(name("done"))
}

// fold adds up the vectors in rs and returns the first, which holds the sum lane by lane.
func (v *vec) fold(rs []VecVirtual) VecVirtual {
	for n := len(rs); n > 1; n = (n + 1) / 2 {
		for i := 0; i+(n+1)/2 < n; i++ {
			v.VADDPS(rs[i+(n+1)/2], rs[i], rs[i])
		}
	}
	return rs[0]
}

// across combines the lanes of r with op into the low lane of the result.
func (v *vec) across(r VecVirtual, op func(...Op)) VecVirtual {
	y := r.AsY()
	if v.zmm() {
		t := v.YMM()
		v.VEXTRACTF64X4(U8(1), r, t)
		op(t, y, t)
		y = t
	}
	x, t := v.XMM(), v.XMM()
	v.VEXTRACTF128(U8(1), y, x)
	op(x, y.(Vec).AsX(), x)
	v.VPERMILPS(U8(0x4e), x, t)
	op(t, x, x)
	v.VPERMILPS(U8(0xb1), x, t)
	op(t, x, x)
	return x
}

func (v *vec) sumLanes(r VecVirtual) VecVirtual {
	return v.across(r, func(o ...Op) { v.VADDPS(o...) })
}

// columns walks over the c channels of a (rows,c) matrix: for some vectors of channels at a time it calls setup, then row for
// every row, then finish. Full cache lines are done at once; what is left of the channels goes through a mask.
//
// vectors(base) reads successive rows of a (k,c) matrix of coefficients or sums at these channels.
type columns struct {
	*vec
	c, rows  Register
	width    int      // vectors at a time
	off      Register // byte offset of the channel
	at       Register // byte offset of the element
	stride   Register
	prefetch Register // bytes from a row of this tile to the same row of the next
}

func (v *vec) columns(units []int, body func(k *columns) (row, finish func())) {
	k := &columns{vec: v, c: v.arg("c"), rows: v.arg("rows")}
	k.off, k.stride = v.GP64(), v.GP64()
	v.XORQ(k.off, k.off)
	v.MOVQ(k.c, k.stride)
	v.SHLQ(U8(2), k.stride)
	k.prefetch = v.GP64()
	v.MOVQ(k.stride, k.prefetch)
	v.IMULQ(k.rows, k.prefetch)
	once := func(label string) {
		row, finish := body(k)
		k.at = v.GP64()
		v.MOVQ(k.off, k.at)
		left := v.GP64()
		v.MOVQ(k.rows, left)
		v.Label(label + "rows")
		row()
		v.ADDQ(k.stride, k.at)
		v.DECQ(left)
		v.JNZ(LabelRef(label + "rows"))
		if finish != nil {
			finish()
		}
	}
	for _, u := range units {
		k.width = u
		label := fmt.Sprintf("wide%d", u)
		v.Label(label)
		v.CMPQ(k.c, I32(int32(u*v.w)))
		v.JLT(LabelRef(label + "end"))
		once(label)
		v.ADDQ(I32(int32(4*u*v.w)), k.off)
		v.SUBQ(I32(int32(u*v.w)), k.c)
		v.JMP(LabelRef(label))
		v.Label(label + "end")
	}
	k.width = 1
	v.TESTQ(k.c, k.c)
	v.JZ(LabelRef("done"))
	v.setMask(k.c)
	once("tail")
	v.masked = false
	v.Label("done")
}

// el is vector u of the present row of the matrix at base.
func (k *columns) el(base Register, u int) Mem {
	return Mem{Base: base, Index: k.at, Scale: 1, Disp: 4 * k.w * u}
}

// ahead prefetches the same place of the next tile.
func (k *columns) ahead(base Register, u int) {
	if k.masked || !k.zmm() && u%2 == 1 {
		return
	}
	t := k.GP64()
	k.LEAQ(Mem{Base: base, Index: k.at, Scale: 1, Disp: 4 * k.w * u}, t)
	k.PREFETCHT1(Mem{Base: t, Index: k.prefetch, Scale: 1})
}

// loadAll reads n successive rows of coefficients at base, at the present channels: [row][vector].
func (k *columns) loadAll(base Register, n int) [][]VecVirtual {
	p := k.GP64()
	k.LEAQ(Mem{Base: base, Index: k.off, Scale: 1}, p)
	all := make([][]VecVirtual, n)
	for i := range all {
		for u := range k.width {
			all[i] = append(all[i], k.loaded(Mem{Base: p, Disp: 4 * k.w * u}))
		}
		if i+1 < n {
			k.ADDQ(k.stride, p)
		}
	}
	return all
}

// addAll adds sums to successive rows at base.
func (k *columns) addAll(base Register, sums ...[]VecVirtual) {
	p := k.GP64()
	k.LEAQ(Mem{Base: base, Index: k.off, Scale: 1}, p)
	for i, s := range sums {
		for u := range k.width {
			m := Mem{Base: p, Disp: 4 * k.w * u}
			old := k.loaded(m)
			k.VADDPS(old, s[u], s[u])
			k.store(s[u], m)
		}
		if i+1 < len(sums) {
			k.ADDQ(k.stride, p)
		}
	}
}
