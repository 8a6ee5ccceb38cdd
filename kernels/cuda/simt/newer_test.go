package simt

import (
	"encoding/binary"
	"testing"

	"onestep/kernels/cuda/ptx"
)

// TestNewer holds instructions that sm_80 has not to expected results: r1 from r1, r2, r3.
func TestNewer(t *testing.T) {
	const nan, one, two = 0x7fffffff, 0x3f800000, 0x40000000
	for _, c := range []struct {
		code    string
		a, b, c uint32
		want    uint32
	}{
		{"min.xorsign.abs.f32 r1, r1, r2;", one, 1<<31 | two, 0, 1<<31 | one},
		{"max.xorsign.abs.f32 r1, r1, r2;", 1<<31 | one, 1<<31 | two, 0, two},
		{"max.xorsign.abs.f32 r1, r1, r2;", 1<<31 | nan, 1<<31 | two, 0, two},
		{"max.NaN.xorsign.abs.f32 r1, r1, r2;", 1<<31 | nan, two, 0, nan},
		{"min.xorsign.abs.f16x2 r1, r1, r2;", 0x3c00_c000, 0xbc00_3c00, 0, 0xbc00_bc00},
		{"max.xorsign.abs.bf16x2 r1, r1, r2;", 0x3f80_c000, 0xbf80_3f80, 0, 0xbf80_c000},
		{"add.rn.bf16x2 r1, r1, r2;", 0x3f80_3f80, 0x3f80_3b00, 0, 0x4000_3f80},
		{"sub.bf16x2 r1, r1, r2;", 0x4000_3f80, 0x3f80_3f80, 0, 0x3f80_0000},
		{"mul.bf16x2 r1, r1, r2;", 0x4000_c000, 0x3fc0_3fc0, 0, 0x4040_c040},
		{"mov.b32 {h1, h2}, r1; mov.b32 {h3, h4}, r2; add.bf16 h1, h1, h3; mov.b32 r1, {h1, h2};", 0x1111_3f80, 0x3f80, 0, 0x1111_4000},
		{"set.lt.u32.bf16x2 r1, r1, r2;", 0x3f80_4000, 0x4000_3f80, 0, 0xffff_0000},
		{"setp.gt.bf16x2 p1|p2, r1, r2; selp.b32 r1, 1, 0, p1; @p2 or.b32 r1, r1, 2;", 0x3f80_4000, 0x4000_3f80, 0, 1},
		{"cvt.rn.tf32.f32 r1, r1;", 0x3f801000, 0, 0, 0x3f800000}, // a tie goes to even
		{"cvt.rn.tf32.f32 r1, r1;", 0x3f803000, 0, 0, 0x3f804000},
		{"cvt.rz.relu.tf32.f32 r1, r1;", 0xbf803000, 0, 0, 0},
		{"tanh.approx.bf16x2 r1, r1;", 0x0000_7f80, 0, 0, 0x0000_3f80},
		{"ex2.approx.ftz.bf16x2 r1, r1;", 0x3f80_0000, 0, 0, 0x4000_3f80},
	} {
		mem := NewMemory()
		in, out := words(t, mem, []uint32{c.a, c.b, c.c}), words(t, mem, []uint32{0})
		src := ".version 8.8\n.target sm_90\n.address_size 64\n.entry k(.param .u64 in, .param .u64 out) {\n" + declarations +
			"ld.param.u64 d30, [in]; ld.param.u64 d31, [out]; ld.global.u32 r1, [d30]; ld.global.u32 r2, [d30+4]; ld.global.u32 r3, [d30+8];\n" + c.code + "\nst.global.u32 [d31], r1; ret; }\n"
		m, err := ptx.Parse("k.ptx", src)
		if err != nil {
			t.Error(err)
			continue
		}
		p, err := Compile(m, "k", mem)
		if err != nil {
			t.Error(err)
			continue
		}
		args := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, in), out)
		if err := p.Run(mem, Launch{Params: args}, Strict); err != nil {
			t.Error(err)
			continue
		}
		var raw [4]byte
		if err := mem.Read(raw[:], out); err != nil {
			t.Fatal(err)
		}
		if got := binary.LittleEndian.Uint32(raw[:]); got != c.want {
			t.Errorf("%s of %#x, %#x, %#x is %#x, want %#x", c.code, c.a, c.b, c.c, got, c.want)
		}
	}
}
