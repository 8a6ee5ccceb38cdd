package simt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"onestep/kernels/cuda/ptx"
)

const declarations = `.reg .pred p<8>; .reg .b16 h<16>; .reg .b32 r<32>; .reg .f32 f<32>; .reg .b64 d<32>; .reg .f64 e<16>;
`

// newer marks statements that sm_80 does not have.
const newer = "// for sm_90\n"

// program is a kernel of these statements, with parameters in, out and n.
func program(t testing.TB, mem *Memory, statements string) *Program {
	t.Helper()
	target := "sm_80"
	if strings.Contains(statements, newer) {
		target = "sm_90"
	}
	src := ".version 8.8\n.target " + target + "\n.address_size 64\n.visible .entry k(.param .u64 in, .param .u64 out, .param .u32 n)\n{\n" + declarations + statements + "\nret;\n}\n"
	m, err := ptx.Parse("k.ptx", src)
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	p, err := Compile(m, "k", mem)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// words puts numbers into memory.
func words(t testing.TB, mem *Memory, values []uint32) uint64 {
	t.Helper()
	at, err := mem.Alloc(4 * len(values))
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(b[4*i:], v)
	}
	if err := mem.Write(at, b); err != nil {
		t.Fatal(err)
	}
	return at
}

func params(in, out uint64, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, in)
	b = binary.LittleEndian.AppendUint64(b, out)
	return binary.LittleEndian.AppendUint32(b, uint32(n))
}

// warpRun runs statements in one warp. Register r0 is the lane; r1, r2, … begin with the lane's inputs, and the outputs are stored from r1 on.
func warpRun(t testing.TB, statements string, inputs [][lanes]uint32, outputs int) [][lanes]uint32 {
	t.Helper()
	mem := NewMemory()
	flat := []uint32{0}
	for _, v := range inputs {
		flat = append(flat, v[:]...)
	}
	in, out := words(t, mem, flat), words(t, mem, make([]uint32, lanes*outputs+1))
	var b strings.Builder
	b.WriteString("mov.u32 r0, %laneid; ld.param.u64 d30, [in]; ld.param.u64 d31, [out]; mul.wide.u32 d29, r0, 4; add.u64 d30, d30, d29; add.u64 d31, d31, d29;\n")
	for i := range inputs {
		fmt.Fprintf(&b, "ld.global.b32 r%d, [d30+%d];\n", i+1, 4+128*i)
	}
	b.WriteString(statements + "\n")
	for i := range outputs {
		fmt.Fprintf(&b, "st.global.b32 [d31+%d], r%d;\n", 4+128*i, i+1)
	}
	if err := program(t, mem, b.String()).Run(mem, Launch{Block: [3]int{lanes, 1, 1}, Params: params(in, out, 0)}, Strict); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
	raw := make([]byte, 4*(lanes*outputs+1))
	if err := mem.Read(raw, out); err != nil {
		t.Fatal(err)
	}
	result := make([][lanes]uint32, outputs)
	for i := range result {
		for l := range lanes {
			result[i][l] = binary.LittleEndian.Uint32(raw[4+128*i+4*l:])
		}
	}
	return result
}

// trial runs statements on a grid under a schedule, with 4,096 zeros at in and out each.
func trial(t testing.TB, statements string, grid, block, shared int, seed uint64) (*Fault, []byte) {
	t.Helper()
	mem := NewMemory()
	in, out := words(t, mem, make([]uint32, 4096)), words(t, mem, make([]uint32, 4096))
	o := Strict
	o.Seed, o.MaxSteps = seed, 1<<18
	p := program(t, mem, statements)
	err := p.Run(mem, Launch{Grid: [3]int{grid, 1, 1}, Block: [3]int{block, 1, 1}, Shared: shared, Params: params(in, out, 4096)}, o)
	var f *Fault
	if err != nil && !errors.As(err, &f) {
		t.Fatal(err)
	}
	raw := make([]byte, 4*4096)
	if err := mem.Read(raw, out); err != nil {
		t.Fatal(err)
	}
	return f, raw
}
