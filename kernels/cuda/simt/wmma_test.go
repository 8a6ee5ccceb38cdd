package simt

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// tensorForm is a form of wmma: its types as the file names them, and how many registers hold each matrix.
type tensorForm struct {
	shape    string
	m, n, k  int
	in       string // the type of A and B
	na, nb   int
	c, d     string
	spelling string // the types of wmma.mma
}

// element puts a whole number into memory as a type.
func element(b []byte, typ string, x int) {
	switch typ {
	case "f16":
		binary.LittleEndian.PutUint16(b, uint16(binary16.bits(float64(x))))
	case "bf16":
		binary.LittleEndian.PutUint16(b, uint16(brain16.bits(float64(x))))
	case "f32", "tf32":
		binary.LittleEndian.PutUint32(b, math.Float32bits(float32(x)))
	case "f64":
		binary.LittleEndian.PutUint64(b, math.Float64bits(float64(x)))
	case "s32":
		binary.LittleEndian.PutUint32(b, uint32(x))
	default:
		b[0] = byte(x)
	}
}

// typeSizes are the bytes of an element, and parts how many of them a register holds.
var (
	typeSizes = map[string]int{"f16": 2, "bf16": 2, "f32": 4, "tf32": 4, "f64": 8, "s32": 4, "s8": 1, "u8": 1}
	letters   = map[string]string{"f64": "e", "f32": "f"}
)

// TestTensor multiplies matrices of every form of wmma, in every layout, in global and shared memory, with and without room between lines; the
// accumulators are doubled on the way, register by register.
func TestTensor(t *testing.T) {
	type count struct{ shape, in, types, c, d string }
	for key, regs := range map[count][2]int{
		{"m16n16k16", "f16", "f32.f32", "f32", "f32"}: {8, 8}, {"m32n8k16", "f16", "f32.f32", "f32", "f32"}: {8, 8}, {"m8n32k16", "f16", "f16.f16", "f16", "f16"}: {8, 8},
		{"m16n16k16", "f16", "f32.f16", "f16", "f32"}: {8, 8}, {"m16n16k16", "f16", "f16.f32", "f32", "f16"}: {8, 8},
		{"m16n16k16", "bf16", "f32.bf16.bf16.f32", "f32", "f32"}: {4, 4}, {"m32n8k16", "bf16", "f32.bf16.bf16.f32", "f32", "f32"}: {8, 2}, {"m8n32k16", "bf16", "f32.bf16.bf16.f32", "f32", "f32"}: {2, 8},
		{"m16n16k8", "tf32", "f32.tf32.tf32.f32", "f32", "f32"}: {4, 4}, {"m8n8k4", "f64", "f64.f64.f64.f64", "f64", "f64"}: {1, 1},
		{"m16n16k16", "s8", "s32.s8.s8.s32", "s32", "s32"}: {2, 2}, {"m32n8k16", "u8", "s32.u8.u8.s32", "s32", "s32"}: {4, 1}, {"m8n32k16", "s8", "s32.s8.s8.s32", "s32", "s32"}: {1, 4},
	} {
		for _, layouts := range []string{"row.col", "col.row", "row.row", "col.col"} {
			for _, shared := range []bool{false, true} {
				f := tensorForm{shape: key.shape, in: key.in, na: regs[0], nb: regs[1], c: key.c, d: key.d, spelling: key.types}
				if _, err := fmt.Sscanf(key.shape, "m%dn%dk%d", &f.m, &f.n, &f.k); err != nil {
					t.Fatal(err)
				}
				f.check(t, layouts[:3], layouts[4:], shared)
			}
		}
	}
}

// bank names n registers of a type from number from on.
func bank(typ string, from, n int) string {
	s := ""
	for i := range n {
		letter := letters[typ]
		if letter == "" {
			letter = "r"
		}
		s += fmt.Sprintf(",%s%d", letter, from+i)
	}
	return "{" + s[1:] + "}"
}

// accumulators are how many registers an accumulator has.
func accumulators(typ string) int {
	switch typ {
	case "f16":
		return 4
	case "f64":
		return 2
	}
	return 8
}

func (f tensorForm) check(t *testing.T, la, lb string, shared bool) {
	const a, b, c = 0, 4096, 8192 // places
	random := rand.New(rand.NewPCG(1, uint64(f.m)))
	data := make([]byte, 16384)
	pad := 0
	if shared {
		pad = 16
	}
	// matrix fills a place with small numbers; lines are those of its layout.
	matrix := func(at int, typ, layout string, rows, cols, from int) (x [32][32]int, stride int) {
		stride = cols + pad
		if layout == "col" {
			stride = rows + pad
		}
		for i := range rows {
			for j := range cols {
				x[i][j] = random.IntN(7) + from
				k := i*stride + j
				if layout == "col" {
					k = j*stride + i
				}
				element(data[at+k*typeSizes[typ]:], typ, x[i][j])
			}
		}
		return x, stride
	}
	from := -3
	if f.in == "u8" {
		from = 249
	}
	xa, sa := matrix(a, f.in, la, f.m, f.k, from)
	xb, sb := matrix(b, f.in, lb, f.k, f.n, from)
	xc, sc := matrix(c, f.c, lb, f.m, f.n, -3)
	mem := NewMemory()
	in, err := mem.Alloc(len(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := mem.Write(in, data); err != nil {
		t.Fatal(err)
	}
	out := words(t, mem, make([]uint32, 4096))
	base, space, copied := "d1", ".global", ""
	if shared { // moved there by all threads
		base, space = "r8", ".shared"
		copied = "mov.u32 r1, %tid.x; L: mul.wide.u32 d5, r1, 4; add.u64 d5, d1, d5; ld.global.u32 r2, [d5]; mad.lo.u32 r3, r1, 4, r8; st.shared.u32 [r3], r2; add.u32 r1, r1, 32; setp.lt.u32 p1, r1, 4096; @p1 bra L; bar.sync 0;"
	}
	stride := func(n int) string {
		if pad == 0 {
			return ""
		}
		return fmt.Sprintf(", %d", n)
	}
	nc, nd, first := accumulators(f.c), accumulators(f.d), 18
	if f.d == "f64" {
		first = 12
	}
	ra, rb, rc, rd := bank(f.in, 1, f.na), bank(f.in, 10, f.nb), bank(f.c, first, nc), bank(f.d, first, nd)
	if f.c == "f16" && f.d != "f16" {
		rc = bank(f.c, 28, nc)
	}
	double := ""
	for i := range nd {
		switch f.d {
		case "f16":
			double += fmt.Sprintf("add.f16x2 r%d, r%d, r%d;", first+i, first+i, first+i)
		case "s32":
			double += fmt.Sprintf("add.s32 r%d, r%d, r%d;", first+i, first+i, first+i)
		default:
			double += fmt.Sprintf("add.%s %s%d, %s%d, %s%d;", f.d, letters[f.d], first+i, letters[f.d], first+i, letters[f.d], first+i)
		}
	}
	code := ".shared .align 32 .b8 S[16384]; mov.u32 r8, S; ld.param.u64 d1, [in]; ld.param.u64 d2, [out];" + copied +
		fmt.Sprintf("wmma.load.c.sync.aligned.%s.%s%s.%s %s, [%s+%d]%s;", lb, f.shape, space, f.c, rc, base, c, stride(sc)) +
		fmt.Sprintf("wmma.load.b.sync.aligned.%s.%s%s.%s %s, [%s+%d]%s;", lb, f.shape, space, f.in, rb, base, b, stride(sb)) +
		fmt.Sprintf("wmma.load.a.sync.aligned.%s.%s%s.%s %s, [%s+%d]%s;", la, f.shape, space, f.in, ra, base, a, stride(sa)) +
		fmt.Sprintf("wmma.mma.sync.aligned.%s.%s.%s.%s %s, %s, %s, %s;", la, lb, f.shape, f.spelling, rd, ra, rb, rc) + double +
		fmt.Sprintf("wmma.store.d.sync.aligned.%s.%s.%s [d2], %s;", la, f.shape, f.d, rd)
	p := program(t, mem, code)
	if err := p.Run(mem, Launch{Block: [3]int{lanes, 1, 1}, Params: params(in, out, 0)}, Strict); err != nil {
		t.Fatalf("%v\n%s", err, code)
	}
	got := make([]byte, 8192)
	if err := mem.Read(got, out); err != nil {
		t.Fatal(err)
	}
	for i := range f.m {
		for j := range f.n {
			sum := xc[i][j]
			for k := range f.k {
				sum += xa[i][k] * xb[k][j]
			}
			at := i*f.n + j
			if la == "col" {
				at = j*f.m + i
			}
			want, size := make([]byte, 8), typeSizes[f.d]
			element(want, f.d, 2*sum)
			if string(got[at*size:(at+1)*size]) != string(want[:size]) {
				t.Fatalf("%s.%s.%s.%s: row %d, column %d is % x, want % x (%d)", la, lb, f.shape, f.spelling, i, j, got[at*size:(at+1)*size], want[:size], 2*sum)
			}
		}
	}
}
