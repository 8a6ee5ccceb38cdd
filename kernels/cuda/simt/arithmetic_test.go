package simt

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// edges are float32 numbers at which arithmetic goes wrong.
var edges = []uint32{0, 1 << 31, 1, 0x80000001, 0x7fffff, 0x800000, 0x800001, 0x3f800000, 0xbf800000, 0x3f800001, 0x3f7fffff, 0x7f7fffff, 0xff7fffff,
	0x7f800000, 0xff800000, 0x7fc00000, 0x00ffffff, 0x33800000, 0x34000000, 0x4b800000}

// TestFMA holds fma.rn.f32 to exact sums, rounded once by math/big, on random numbers and on those whose sum lies near half way.
func TestFMA(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	number := func() uint32 {
		switch random.IntN(4) {
		case 0:
			return edges[random.IntN(len(edges))]
		case 1: // few bits, near one
			return uint32(0x3f800000+(random.IntN(9)-4)<<20) ^ random.Uint32()&0x80000007
		case 2: // small enough that products are subnormal
			return uint32(0x20000000+random.IntN(1<<24)) ^ random.Uint32()&0x80000000
		}
		return random.Uint32()
	}
	for range 3000 {
		var in [3][lanes]uint32
		for l := range lanes {
			for r := range in {
				in[r][l] = number()
			}
		}
		for l := range lanes {
			a, b, c := math.Float32frombits(in[0][l]), math.Float32frombits(in[1][l]), math.Float32frombits(in[2][l])
			got := uint64(math.Float32bits(fma32(a, b, c)))
			if want := fmaExact(a, b, c); got != want && !(math.IsNaN(float64(math.Float32frombits(uint32(got)))) && want == nan32) {
				t.Fatalf("fma(%x, %x, %x) = %x, want %x", in[0][l], in[1][l], in[2][l], got, want)
			}
		}
	}
	// Just below half way between the largest subnormal number and the smallest normal one.
	a, b, c := float32(0x1p-100), float32(0x1p-80), float32(0x1.fffffep-127)
	if got, want := uint64(math.Float32bits(fma32(-a, b, c))), fmaExact(-a, b, c); got != want {
		t.Errorf("at the smallest normal number: %x, want %x", got, want)
	}
}

// fmaExact is a·b + c rounded once, as bits.
func fmaExact(a, b, c float32) uint64 {
	q := math.FMA(float64(a), float64(b), float64(c)) // for special values, and the signs of zeros
	if math.IsNaN(q) || math.IsInf(q, 0) || q == 0 && (float64(a)*float64(b) == -float64(c)) {
		return fromF32(float32(q))
	}
	z := new(big.Float).SetPrec(2000).Mul(big.NewFloat(float64(a)), big.NewFloat(float64(b)))
	z.Add(z, big.NewFloat(float64(c)))
	v, _ := z.Float32()
	return fromF32(v)
}

// TestArithmetic holds instructions of 32 bits to expected results: r1 from r1, r2, r3.
func TestArithmetic(t *testing.T) {
	const nan, inf, one = 0x7fc00001, 0x7f800000, 0x3f800000
	for _, c := range []struct {
		code    string
		a, b, c uint32
		want    uint32
	}{
		{"shl.b32 r1, r1, r2;", 1, 31, 0, 1 << 31},
		{"shl.b32 r1, r1, r2;", 1, 32, 0, 0},
		{"shl.b32 r1, r1, r2;", 1, 0xffffffff, 0, 0},
		{"shr.s32 r1, r1, r2;", 1 << 31, 40, 0, 0xffffffff},
		{"shr.u32 r1, r1, r2;", 1 << 31, 40, 0, 0},
		{"shf.l.wrap.b32 r1, r1, r2, r3;", 0x80000001, 0x12345678, 36, 0x23456788},
		{"shf.l.clamp.b32 r1, r1, r2, r3;", 0x80000001, 0x12345678, 36, 0x80000001},
		{"shf.r.clamp.b32 r1, r1, r2, r3;", 0x80000001, 0x12345678, 36, 0x12345678},
		{"mul.hi.s32 r1, r1, r2;", 0xffffffff, 2, 0, 0xffffffff},
		{"mul.hi.u32 r1, r1, r2;", 0xffffffff, 2, 0, 1},
		{"mad.lo.s32 r1, r1, r2, r3;", 0x10001, 0x10001, 7, 0x20008},
		{"mul24.hi.s32 r1, r1, r2;", 0xffffff, 2, 0, 0xffffffff},
		{"add.sat.s32 r1, r1, r2;", 0x7fffffff, 1, 0, 0x7fffffff},
		{"sub.sat.s32 r1, r1, r2;", 0x80000000, 1, 0, 0x80000000},
		{"div.s32 r1, r1, r2;", 0xfffffff9, 2, 0, 0xfffffffd},
		{"rem.s32 r1, r1, r2;", 0xfffffff9, 2, 0, 0xffffffff},
		{"div.s32 r1, r1, r2;", 0x80000000, 0xffffffff, 0, 0x80000000},
		{"sad.s32 r1, r1, r2, r3;", 0xffffffff, 4, 10, 15},
		{"bfe.u32 r1, r1, r2, r3;", 0xabcdef12, 8, 12, 0xdef},
		{"bfe.s32 r1, r1, r2, r3;", 0x00000f00, 8, 4, 0xffffffff},
		{"bfe.s32 r1, r1, r2, r3;", 0x80000000, 28, 40, 0xfffffff8},
		{"bfi.b32 r1, r1, r2, 8, 8;", 0x1ff, 0, 0, 0xff00},
		{"bfi.b32 r1, r1, r2, 28, 8;", 0xff, 0x1, 0, 0xf0000001},
		{"prmt.b32 r1, r1, r2, r3;", 0x33221100, 0x77665544, 0x7531, 0x77553311},
		{"prmt.b32 r1, r1, r2, r3;", 0x332211f0, 0x77665544, 0x0008, 0xf0f0f0ff},
		{"prmt.b32.f4e r1, r1, r2, r3;", 0x33221100, 0x77665544, 3, 0x66554433},
		{"prmt.b32.b4e r1, r1, r2, r3;", 0x33221100, 0x77665544, 0, 0x55667700},
		{"prmt.b32.rc8 r1, r1, r2, r3;", 0x33221100, 0, 2, 0x22222222},
		{"prmt.b32.ecl r1, r1, r2, r3;", 0x33221100, 0, 2, 0x33222222},
		{"prmt.b32.ecr r1, r1, r2, r3;", 0x33221100, 0, 2, 0x22221100},
		{"prmt.b32.rc16 r1, r1, r2, r3;", 0x33221100, 0, 1, 0x33223322},
		{"lop3.b32 r1, r1, r2, r3, 0xe8;", 0xf0, 0xcc, 0xaa, 0xe8},
		{"lop3.b32 r1, r1, r2, r3, 0x1b;", 0xf0, 0xcc, 0xaa, 0xffffff1b},
		{"brev.b32 r1, r1;", 0x80000001, 0, 0, 0x80000001},
		{"brev.b32 r1, r1;", 2, 0, 0, 0x40000000},
		{"clz.b32 r1, r1;", 0, 0, 0, 32},
		{"bfind.s32 r1, r1;", 0xffffffff, 0, 0, 0xffffffff},
		{"bfind.s32 r1, r1;", 0xfffffffd, 0, 0, 1},
		{"bfind.shiftamt.u32 r1, r1;", 1, 0, 0, 31},
		{"fns.b32 r1, r1, r2, r3;", 0b1010100, 3, 1, 4},
		{"fns.b32 r1, r1, r2, r3;", 0b1010100, 3, 0xffffffff, 2},
		{"fns.b32 r1, r1, r2, r3;", 0b1010100, 3, 0, 0xffffffff},
		{"dp4a.s32.u32 r1, r1, r2, r3;", 0xff010203, 0x01020304, 10, 29},
		{"dp2a.lo.s32.s32 r1, r1, r2, r3;", 0xffff0003, 0x0000fe04, 1, 15},
		{"dp2a.hi.u32.u32 r1, r1, r2, r3;", 0x00020003, 0x05040000, 1, 23},
		{"vabsdiff4.u32.u32.u32 r1, r1, r2, r3;", 0x01ff0980, 0x02010a7f, 0, 0x01fe0101},
		{"vabsdiff4.u32.u32.u32.add r1, r1, r2, r3;", 0x01ff0980, 0x02010a7f, 5, 0x106},
		{"vabsdiff2.s32.s32.s32 r1, r1, r2, r3;", 0xffff0005, 0x00010003, 0, 0x00020002},
		{"add.cc.u32 r1, r1, r2; addc.u32 r1, r3, 0;", 0xffffffff, 1, 5, 6},
		{"sub.cc.u32 r1, r1, r2; subc.u32 r1, r3, 0;", 0, 1, 5, 4},
		{"sub.cc.u32 r1, r1, r2; addc.u32 r1, r3, 0;", 0, 1, 5, 5}, // as hardware: IADD3 with ¬b, whose carry is no borrow
		{"sub.cc.u32 r1, r1, r2; addc.u32 r1, r3, 0;", 1, 1, 5, 6},
		{"add.cc.u32 r1, r1, r2; subc.u32 r1, r3, 0;", 0, 1, 5, 4},
		{"add.cc.u32 r1, r1, r2; subc.u32 r1, r3, 0;", 0xffffffff, 1, 5, 5},
		{"min.f32 r1, r1, r2;", nan, one, 0, one},
		{"min.f32 r1, r1, r2;", nan, nan, 0, nan32},
		{"min.NaN.f32 r1, r1, r2;", nan, one, 0, nan32},
		{"min.f32 r1, r1, r2;", 0, 1 << 31, 0, 1 << 31},
		{"max.f32 r1, r1, r2;", 1 << 31, 0, 0, 0},
		{"add.f32 r1, r1, r2;", inf, 0xff800000, 0, nan32},
		{"add.ftz.f32 r1, r1, r2;", 0x00800000, 0x80000001, 0, 0x00800000},
		{"mul.ftz.f32 r1, r1, r2;", 0x80800000, 0x3f000000, 0, 1 << 31},
		{"mul.f32 r1, r1, r2;", 0x80800000, 0x3f000000, 0, 0x80400000},
		{"add.sat.f32 r1, r1, r2;", nan, one, 0, 0},
		{"add.sat.f32 r1, r1, r2;", one, one, 0, one},
		{"add.rz.f32 r1, r1, r2;", one, 0x33ffffff, 0, one},
		{"add.rp.f32 r1, r1, r2;", one, 1, 0, 0x3f800001},
		{"add.rm.f32 r1, r1, r2;", one, 0x80000001, 0, 0x3f7fffff},
		{"add.rm.f32 r1, r1, r2;", one, 0xbf800000, 0, 1 << 31},
		{"add.rm.f32 r1, r1, r2;", 0, 1 << 31, 0, 1 << 31},
		{"div.rz.f32 r1, r1, r2;", one, 0x40400000, 0, 0x3eaaaaaa},
		{"div.rn.f32 r1, r1, r2;", one, 0x40400000, 0, 0x3eaaaaab},
		{"rcp.rp.f32 r1, r1;", 0x40400000, 0, 0, 0x3eaaaaab},
		{"sqrt.rn.f32 r1, r1;", 0x40000000, 0, 0, 0x3fb504f3},
		{"sqrt.rn.f32 r1, r1;", 1 << 31, 0, 0, 1 << 31},
		{"rsqrt.approx.f32 r1, r1;", 1 << 31, 0, 0, 0xff800000},
		{"ex2.approx.ftz.f32 r1, r1;", 0xff800000, 0, 0, 0},
		{"lg2.approx.f32 r1, r1;", 1 << 31, 0, 0, 0xff800000},
		{"copysign.f32 r1, r1, r2;", 1 << 31, one, 0, 0xbf800000},
		{"cvt.rzi.s32.f32 r1, r1;", 0x4f000000, 0, 0, 0x7fffffff},
		{"cvt.rzi.s32.f32 r1, r1;", nan, 0, 0, 0},
		{"cvt.rzi.u32.f32 r1, r1;", 0xbf800000, 0, 0, 0},
		{"cvt.rni.s32.f32 r1, r1;", 0x40200000, 0, 0, 2},
		{"cvt.rmi.s32.f32 r1, r1;", 0xbf000000, 0, 0, 0xffffffff},
		{"cvt.rzi.s8.f32 r1, r1;", 0xc3c80000, 0, 0, 0xffffff80},
		{"cvt.rzi.u64.f32 d1, r1; mov.b64 {r2,r1}, d1;", nan, 0, 0, 1 << 31},
		{"mov.b64 d1, {r1,r2}; cvt.rzi.s32.f64 r1, d1;", 0, 0x7ff80000, 0, 1 << 31},
		{"cvt.sat.u8.s32 r1, r1;", 0xffffffff, 0, 0, 0},
		{"cvt.sat.s8.s32 r1, r1;", 200, 0, 0, 127},
		{"cvt.s8.s32 r1, r1;", 200, 0, 0, 0xffffffc8},
		{"cvt.rn.f32.s32 r1, r1;", 0x7fffffff, 0, 0, 0x4f000000},
		{"cvt.rz.f32.s32 r1, r1;", 0x7fffffff, 0, 0, 0x4effffff},
		{"cvt.rna.tf32.f32 r1, r1;", 0x3f801000, 0, 0, 0x3f802000},
		{"cvt.rn.f16x2.f32 r1, r1, r2;", one, 0x40000000, 0, 0x3c004000},
		{"cvt.rn.bf16x2.f32 r1, r1, r2;", 0x3f808000, 0x3f818000, 0, 0x3f803f82},
		{"cvt.rz.f16x2.f32 r1, r1, r2;", 0x7f000000, 0xff000000, 0, 0x7bfffbff},
		{"cvt.rn.relu.f16x2.f32 r1, r1, r2;", 0xbf800000, nan, 0, 0x00007fff},
		{"add.f16x2 r1, r1, r2;", 0x00013c00, 0x00013c00, 0, 0x00024000},
		{"add.ftz.f16x2 r1, r1, r2;", 0x00013c00, 0x00013c00, 0, 0x00004000},
		{"fma.rn.f16x2 r1, r1, r2, r3;", 0x3c017bff, 0x3c014000, 0x80008000, 0x3c027c00},
		{"fma.rn.relu.bf16x2 r1, r1, r2, r3;", 0xbf803f80, 0x3f803f80, 0, 0x3f80},
		{"min.f16x2 r1, r1, r2;", 0x7e00_0000, 0x3c00_8000, 0, 0x3c00_8000},
		{"neg.ftz.f16x2 r1, r1;", 0x0001_3c00, 0, 0, 0x8000_bc00},
		{"setp.lt.f32 p1, r1, r2; selp.u32 r1, 1, 0, p1;", nan, one, 0, 0},
		{"setp.ltu.f32 p1, r1, r2; selp.u32 r1, 1, 0, p1;", nan, one, 0, 1},
		{"setp.ne.f32 p1, r1, r2; selp.u32 r1, 1, 0, p1;", nan, one, 0, 0},
		{"setp.neu.f32 p1, r1, r2; selp.u32 r1, 1, 0, p1;", nan, one, 0, 1},
		{"setp.eq.ftz.f32 p1, r1, r2; selp.u32 r1, 1, 0, p1;", 1, 1 << 31, 0, 1},
		{"setp.hi.u32 p1, r1, r2; selp.u32 r1, 1, 0, p1;", 0xffffffff, 1, 0, 1},
		{"set.lt.f32.s32 r1, r1, r2;", 0xffffffff, 1, 0, one},
		{"set.lt.u32.f32 r1, r1, r2;", 0, one, 0, 0xffffffff},
		{"slct.u32.f32 r1, r1, r2, r3;", 5, 6, 1 << 31, 5},
		{"slct.u32.f32 r1, r1, r2, r3;", 5, 6, nan, 6},
		{"testp.subnormal.f32 p1, r1; selp.u32 r1, 1, 0, p1;", 0x007fffff, 0, 0, 1},
	} {
		var in [3][lanes]uint32
		for l := range lanes {
			in[0][l], in[1][l], in[2][l] = c.a, c.b, c.c
		}
		if got := warpRun(t, c.code, in[:], 1)[0][7]; got != c.want {
			t.Errorf("%s of %#x, %#x, %#x is %#x, want %#x", c.code, c.a, c.b, c.c, got, c.want)
		}
	}
}
