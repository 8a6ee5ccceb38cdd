package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// vec writes one kernel at one vector width. The same description makes the AVX2 and the AVX-512 code.
type vec struct {
	w      int  // float32 lanes: 8 or 16
	masked bool // loads and stores reach the first lanes only
	ymask  Register
	kmask  Register
	consts map[uint32]Op
}

// kernel begins a function for both widths and calls body for each; sig has no func keyword.
func kernel(name, doc, sig string, body func(v *vec)) {
	wrap(name, doc, sig)
	for _, w := range []int{8, 16} {
		v := begin(name, doc, sig, w)
		body(v)
		VZEROUPPER()
		RET()
	}
}

func begin(name, doc, sig string, w int) *vec {
	TEXT(name+map[int]string{8: "AVX2", 16: "AVX512"}[w], NOSPLIT, "func"+sig)
	Pragma("noescape")
	Doc(doc)
	return &vec{w: w, consts: map[uint32]Op{}}
}

func (v *vec) zmm() bool { return v.w == 16 }

func (v *vec) reg() VecVirtual {
	if v.zmm() {
		return ZMM()
	}
	return YMM()
}

func (v *vec) zero() VecVirtual {
	r := v.reg()
	VXORPS(r, r, r)
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
		VMOVUPS(m, r)
	case v.zmm():
		VMOVUPS_Z(m, v.kmask, r)
	default:
		VMASKMOVPS(m, v.ymask, r)
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
		VMOVUPS(r, m)
	case v.zmm():
		VMOVUPS(r, v.kmask, m)
	default:
		VMASKMOVPS(r, v.ymask, m)
	}
}

// clearTail zeroes the lanes beyond the end.
func (v *vec) clearTail(r VecVirtual) {
	switch {
	case !v.masked:
	case v.zmm():
		VMOVAPS_Z(r, v.kmask, r)
	default:
		VANDPS(v.ymask, r, r)
	}
}

// fillTail puts fill in the lanes beyond the end.
func (v *vec) fillTail(r, fill VecVirtual) {
	switch {
	case !v.masked:
	case v.zmm():
		VBLENDMPS(r, fill, v.kmask, r)
	default:
		VBLENDVPS(v.ymask, r, fill, r)
	}
}

// setMask makes the following loads and stores reach n lanes, 0 < n < w.
func (v *vec) setMask(n Register) {
	if v.zmm() {
		ones, k := GP32(), K()
		MOVL(U32(0xffff), ones)
		BZHIL(n.(GP).As32(), ones, ones)
		KMOVW(ones, k)
		v.kmask = k
	} else {
		table, back, m := GP64(), GP64(), YMM()
		LEAQ(maskTable(), table)
		MOVQ(n, back)
		NEGQ(back)
		VMOVUPS(Mem{Base: table, Index: back, Scale: 4, Disp: 32}, m)
		v.ymask = m
	}
	v.masked = true
}

var maskData *Mem

// maskTable is eight words of ones, then eight of zeros.
func maskTable() Mem {
	if maskData == nil {
		m := GLOBL("vecTailMask", RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32([]uint32{0xffffffff, 0}[i/8]))
		}
		maskData = &m
	}
	return *maskData
}

var constData = map[uint32]Mem{}

// bits is a vector of one 32-bit pattern: a register that hoist prepared, or memory.
func (v *vec) bits(b uint32) Op {
	if r, ok := v.consts[b]; ok {
		return r
	}
	m, ok := constData[b]
	if !ok {
		m = GLOBL(fmt.Sprintf("vecConst%08x", b), RODATA|NOPTR)
		for i := range 16 {
			DATA(4*i, U32(b))
		}
		constData[b] = m
	}
	return m
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
		VMOVUPS(m, r)
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
func arg(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

// scalar is a float32 argument in every lane.
func (v *vec) scalar(name string) VecVirtual {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	r := v.reg()
	VBROADCASTSS(p.Addr, r)
	return r
}

// flat walks over n elements, unroll vectors at a time, then one, then what is left. body handles the vector that lies
// disp bytes after index in each buffer.
func (v *vec) flat(n Register, unroll int, body func(u int, at func(base Register) Mem)) {
	i := GP64()
	XORQ(i, i)
	v.flatFrom(i, n, unroll, "", body)
}

// flatFrom is flat from byte index i on; label tells several loops of one function apart.
func (v *vec) flatFrom(i, n Register, unroll int, label string, body func(u int, at func(base Register) Mem)) {
	step := func(u int) {
		body(u, func(base Register) Mem { return Mem{Base: base, Index: i, Scale: 1, Disp: 4 * v.w * u} })
	}
	name := func(s string) string { return label + s }
	if unroll > 1 {
		Label(name("unrolled"))
		CMPQ(n, I32(int32(unroll*v.w)))
		JLT(LabelRef(name("single")))
		for u := range unroll {
			step(u)
		}
		ADDQ(I32(int32(4*unroll*v.w)), i)
		SUBQ(I32(int32(unroll*v.w)), n)
		JMP(LabelRef(name("unrolled")))
	}
	Label(name("single"))
	CMPQ(n, I32(int32(v.w)))
	JLT(LabelRef(name("tail")))
	step(0)
	ADDQ(I32(int32(4*v.w)), i)
	SUBQ(I32(int32(v.w)), n)
	JMP(LabelRef(name("single")))
	Label(name("tail"))
	TESTQ(n, n)
	JZ(LabelRef(name("done")))
	v.setMask(n)
	step(0)
	v.masked = false
	Label(name("done"))
}

// fold adds up the vectors in rs and returns the first, which holds the sum lane by lane.
func (v *vec) fold(rs []VecVirtual) VecVirtual {
	for n := len(rs); n > 1; n = (n + 1) / 2 {
		for i := 0; i+(n+1)/2 < n; i++ {
			VADDPS(rs[i+(n+1)/2], rs[i], rs[i])
		}
	}
	return rs[0]
}

// across combines the lanes of r with op into the low lane of the result.
func (v *vec) across(r VecVirtual, op func(...Op)) VecVirtual {
	y := r.AsY()
	if v.zmm() {
		t := YMM()
		VEXTRACTF64X4(U8(1), r, t)
		op(t, y, t)
		y = t
	}
	x, t := XMM(), XMM()
	VEXTRACTF128(U8(1), y, x)
	op(x, y.(Vec).AsX(), x)
	VPERMILPS(U8(0x4e), x, t)
	op(t, x, x)
	VPERMILPS(U8(0xb1), x, t)
	op(t, x, x)
	return x
}

func (v *vec) sumLanes(r VecVirtual) VecVirtual {
	return v.across(r, func(o ...Op) { VADDPS(o...) })
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
	k := &columns{vec: v, c: arg("c"), rows: arg("rows")}
	k.off, k.stride = GP64(), GP64()
	XORQ(k.off, k.off)
	MOVQ(k.c, k.stride)
	SHLQ(U8(2), k.stride)
	k.prefetch = GP64()
	MOVQ(k.stride, k.prefetch)
	IMULQ(k.rows, k.prefetch)
	once := func(label string) {
		row, finish := body(k)
		k.at = GP64()
		MOVQ(k.off, k.at)
		left := GP64()
		MOVQ(k.rows, left)
		Label(label + "rows")
		row()
		ADDQ(k.stride, k.at)
		DECQ(left)
		JNZ(LabelRef(label + "rows"))
		if finish != nil {
			finish()
		}
	}
	for _, u := range units {
		k.width = u
		label := fmt.Sprintf("wide%d", u)
		Label(label)
		CMPQ(k.c, I32(int32(u*v.w)))
		JLT(LabelRef(label + "end"))
		once(label)
		ADDQ(I32(int32(4*u*v.w)), k.off)
		SUBQ(I32(int32(u*v.w)), k.c)
		JMP(LabelRef(label))
		Label(label + "end")
	}
	k.width = 1
	TESTQ(k.c, k.c)
	JZ(LabelRef("done"))
	v.setMask(k.c)
	once("tail")
	v.masked = false
	Label("done")
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
	t := GP64()
	LEAQ(Mem{Base: base, Index: k.at, Scale: 1, Disp: 4 * k.w * u}, t)
	PREFETCHT1(Mem{Base: t, Index: k.prefetch, Scale: 1})
}

// loadAll reads n successive rows of coefficients at base, at the present channels: [row][vector].
func (k *columns) loadAll(base Register, n int) [][]VecVirtual {
	p := GP64()
	LEAQ(Mem{Base: base, Index: k.off, Scale: 1}, p)
	all := make([][]VecVirtual, n)
	for i := range all {
		for u := range k.width {
			all[i] = append(all[i], k.loaded(Mem{Base: p, Disp: 4 * k.w * u}))
		}
		if i+1 < n {
			ADDQ(k.stride, p)
		}
	}
	return all
}

// addAll adds sums to successive rows at base.
func (k *columns) addAll(base Register, sums ...[]VecVirtual) {
	p := GP64()
	LEAQ(Mem{Base: base, Index: k.off, Scale: 1}, p)
	for i, s := range sums {
		for u := range k.width {
			m := Mem{Base: p, Disp: 4 * k.w * u}
			old := k.loaded(m)
			VADDPS(old, s[u], s[u])
			k.store(s[u], m)
		}
		if i+1 < len(sums) {
			ADDQ(k.stride, p)
		}
	}
}
