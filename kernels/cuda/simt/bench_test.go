package simt

import (
	"fmt"
	"testing"
)

// BenchmarkInterpreter reports the instructions of threads that one core executes in a second: of integer and float32 arithmetic, of loads and
// stores of global and shared memory, and of matrix products, of which one counts for each of 32 threads. strict=true looks for races and reads of
// what nothing wrote.
func BenchmarkInterpreter(b *testing.B) {
	const loop = "mov.u32 r10, 0; L: "
	const again = " add.u32 r10, r10, 1; setp.lt.u32 p1, r10, 200; @p1 bra L;"
	for _, k := range []struct{ name, body string }{
		{"arithmetic", "cvt.rn.f32.u32 f1, r1; mov.f32 f2, 0f3F800001; mov.f32 f3, 0f00000000; mov.u32 r3, r1;" + loop +
			"fma.rn.f32 f3, f1, f2, f3; add.f32 f1, f1, f2; mul.f32 f4, f3, f2; mad.lo.s32 r3, r3, 5, r10; xor.b32 r4, r3, r1; shl.b32 r5, r4, 3; add.s32 r6, r5, r3; max.s32 r3, r6, r4;" + again},
		{"memory", loop + "ld.global.f32 f1, [d3]; st.shared.f32 [r9], f1; ld.shared.f32 f2, [r9]; add.f32 f3, f1, f2; st.global.f32 [d4], f3; ld.global.v4.f32 {f4,f5,f6,f7}, [d1];" + again},
		{"mma", "mov.b32 r11, 0x3c003c00; mov.b32 f1, 0; mov.b32 f2, 0; mov.b32 f3, 0; mov.b32 f4, 0;" + loop +
			"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {f1,f2,f3,f4}, {r11,r11,r11,r11}, {r11,r11}, {f1,f2,f3,f4};" + again},
	} {
		for _, o := range []Options{{}, Strict} {
			b.Run(fmt.Sprintf("kernel=%s/strict=%v", k.name, o.Races), func(b *testing.B) {
				mem := NewMemory()
				in, out := words(b, mem, make([]uint32, 4096)), words(b, mem, make([]uint32, 4096))
				p := program(b, mem, addresses+k.body)
				l := Launch{Block: [3]int{256, 1, 1}, Params: params(in, out, 0)}
				o.Counters = NewCounters(false)
				if err := p.Run(mem, l, o); err != nil {
					b.Fatal(err)
				}
				n := int64(0)
				for _, c := range o.Counters.Thread {
					n += c
				}
				o.Counters = nil
				for b.Loop() {
					if err := p.Run(mem, l, o); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Minstr/s")
			})
		}
	}
}
