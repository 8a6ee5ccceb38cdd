package simt

import (
	"strings"
	"testing"
)

// counted runs statements in one warp and counts.
func counted(t *testing.T, code string) *Counters {
	t.Helper()
	mem := NewMemory()
	in, out := words(t, mem, make([]uint32, 4096)), words(t, mem, make([]uint32, 4096))
	o := Strict
	o.Counters = NewCounters(true)
	if err := program(t, mem, addresses+code).Run(mem, Launch{Block: [3]int{lanes, 1, 1}, Params: params(in, out, 0)}, o); err != nil {
		t.Fatal(err)
	}
	return o.Counters
}

// TestCounters holds what is counted of memory and arithmetic to what follows by hand.
func TestCounters(t *testing.T) {
	const stride = "mul.wide.u32 d6, r1, %; add.u64 d6, d1, d6; "
	const bank = "mad.lo.u32 r10, r1, %, r8; and.b32 r10, r10, 4095; "
	at := func(s string, n string) string { return strings.ReplaceAll(s, "%", n) }
	for _, c := range []struct {
		name, code                                  string
		sectors, ideal, wavefronts, idealWavefronts int64
		read, written                               int
	}{
		{"in a row", "ld.global.u32 r3, [d3];", 4, 4, 0, 0, 4, 0},
		{"in a row, 16 bytes each", at(stride, "16") + "ld.global.v4.u32 {r3,r4,r5,r6}, [d6];", 16, 16, 0, 0, 16, 0},
		{"every other word", at(stride, "8") + "ld.global.u32 r3, [d6];", 8, 4, 0, 0, 8, 0},
		{"a sector each", at(stride, "32") + "ld.global.u8 r3, [d6];", 32, 1, 0, 0, 32, 0},
		{"all the same", "ld.global.u32 r3, [d1+64];", 1, 1, 0, 0, 1, 0},
		{"across a sector's edge", "ld.global.u32 r3, [d3+4];", 5, 4, 0, 0, 5, 0},
		{"a quarter of the lanes", "setp.lt.u32 p1, r1, 8; @p1 st.global.u32 [d4], r1;", 1, 1, 0, 0, 0, 1},
		{"sums", "red.global.add.u32 [d4], 1;", 4, 4, 0, 0, 0, 4},
		{"shared, in a row", "st.shared.u32 [r9], r1;", 0, 0, 1, 1, 0, 0},
		{"shared, two ways", at(bank, "8") + "st.shared.u32 [r10], 1;", 0, 0, 2, 1, 0, 0},
		{"shared, one bank", at(bank, "128") + "st.shared.u32 [r10], 1;", 0, 0, 32, 1, 0, 0},
		{"shared, one word", "st.shared.u32 [r8], 1;", 0, 0, 1, 1, 0, 0},
		{"shared, 16 bytes each", at(bank, "16") + "st.shared.v4.u32 [r10], {r1,r1,r1,r1};", 0, 0, 4, 4, 0, 0},
		{"shared, 16 bytes, 32 apart", at(bank, "32") + "st.shared.v4.u32 [r10], {r1,r1,r1,r1};", 0, 0, 8, 4, 0, 0},
		{"shared, through a generic address", "cvt.u64.u32 d6, r9; cvta.shared.u64 d6, d6; st.u32 [d6], r1;", 0, 0, 1, 1, 0, 0},
	} {
		n := counted(t, c.code)
		if n.Sectors != c.sectors || n.IdealSectors != c.ideal || n.Wavefronts != c.wavefronts || n.IdealWavefronts != c.idealWavefronts || len(n.Read) != c.read || len(n.Written) != c.written {
			t.Errorf("%s: %d sectors of ideally %d, %d wavefronts of %d, %d sectors read, %d written", c.name, n.Sectors, n.IdealSectors, n.Wavefronts, n.IdealWavefronts, len(n.Read), len(n.Written))
		}
	}
	n := counted(t, "mov.f32 f1, 0f3F800000; fma.rn.f32 f2, f1, f1, f1; setp.lt.u32 p1, r1, 10; @p1 add.f32 f2, f2, f1; mov.b32 r3, 0; mov.b32 r4, 0; fma.rn.f16x2 r3, r3, r3, r4; ex2.approx.f32 f3, f1;"+
		"mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16 {r5,r6}, {r3,r3,r3,r3}, {r3,r3}, {r3,r4};")
	if n.FLOPs != 2*32+10+4*32 || n.MatrixFLOPs != 2*16*8*16 {
		t.Errorf("%d FLOPs, %d of matrices", n.FLOPs, n.MatrixFLOPs)
	}
	if n.Warp[ClassFP32] != 3 || n.Thread[ClassFP32] != 32+10+32 || n.Warp[ClassSpecial] != 1 || n.Warp[ClassMatrix] != 1 {
		t.Errorf("by class: %v", n.Warp)
	}
}

// TestFree: memory that was given back, or a part that an allocator took back, is not touched again.
func TestFree(t *testing.T) {
	for name, free := range map[string]func(mem *Memory, at uint64) error{
		"freed":  func(mem *Memory, at uint64) error { return mem.Free(at) },
		"marked": func(mem *Memory, at uint64) error { return mem.Mark(at, 0) },
	} {
		mem := NewMemory()
		in, out := words(t, mem, make([]uint32, 64)), words(t, mem, make([]uint32, 64))
		if err := mem.Mark(in, 256); err != nil {
			t.Fatal(err)
		}
		if err := mem.Write(in, make([]byte, 256)); err != nil {
			t.Fatal(err)
		}
		p := program(t, mem, addresses+"ld.global.u32 r3, [d3]; st.global.u32 [d4], r3;")
		run := func() error {
			return p.Run(mem, Launch{Block: [3]int{lanes, 1, 1}, Params: params(in, out, 0)}, Strict)
		}
		if err := run(); err != nil {
			t.Fatal(err)
		}
		if err := free(mem, in); err != nil {
			t.Fatal(err)
		}
		if err := run(); err == nil || !strings.Contains(err.Error(), "out of bounds") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
