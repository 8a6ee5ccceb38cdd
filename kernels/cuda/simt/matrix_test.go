package simt

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// product is a form of mma with m = 16, n = 8, and its fragments: where the elements of a register lie.
type product struct {
	spelling string
	k        int
	in       layout
	pairs    bool // two elements a register
	half     bool // so is C, in float16
}

var products = []product{
	{"m16n8k8.row.col.f32.f16.f16.f32", 8, binary16, true, false},
	{"m16n8k8.row.col.f16.f16.f16.f16", 8, binary16, true, true},
	{"m16n8k8.row.col.f32.bf16.bf16.f32", 8, brain16, true, false},
	{"m16n8k16.row.col.f32.f16.f16.f32", 16, binary16, true, false},
	{"m16n8k16.row.col.f16.f16.f16.f16", 16, binary16, true, true},
	{"m16n8k16.row.col.f32.bf16.bf16.f32", 16, brain16, true, false},
	{"m16n8k4.row.col.f32.tf32.tf32.f32", 4, binary32, false, false},
	{"m16n8k8.row.col.f32.tf32.tf32.f32", 8, binary32, false, false},
}

// float is a number of a format as a float64.
func (f layout) float(x uint64) float64 {
	v := f.value(x)
	y, _ := v.r.Float64()
	if v.neg {
		return -y
	}
	return y
}

// bits is a float64, rounded.
func (f layout) bits(x float64) uint64 {
	v := real{neg: math.Signbit(x), r: power(0)}
	v.r.SetFloat64(math.Abs(x))
	return f.round(v, "rn")
}

// TestProducts holds mma to plain sums in float64, over the fragments that [ptx] draws: with integers exactly, with fractions to float32's bounds.
func TestProducts(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, p := range products {
		for _, whole := range []bool{true, false} {
			number := func() float64 {
				if whole {
					return float64(random.IntN(9) - 4)
				}
				return float64(random.IntN(255)-127) / 64
			}
			var a [16][16]float64
			var b [16][8]float64
			var c, size [16][8]float64
			for i := range 16 {
				for k := range p.k {
					a[i][k] = number()
				}
				for j := range 8 {
					b[i][j], c[i][j] = number(), number()
				}
			}
			per := 1
			if p.pairs {
				per = 2
			}
			na, nb, nc := 16*p.k/lanes/per, 8*p.k/lanes/per, 4
			if p.half {
				nc = 2
			}
			inputs := make([][lanes]uint32, nc+na+nb)
			for l := range lanes {
				g, q := l/4, l%4
				for r := range na {
					if p.pairs {
						k := 2*q + r/2*8
						inputs[nc+r][l] = uint32(p.in.bits(a[g+r%2*8][k]) | p.in.bits(a[g+r%2*8][k+1])<<16)
					} else {
						inputs[nc+r][l] = uint32(p.in.bits(a[g+r%2*8][q+r/2*4]))
					}
				}
				for r := range nb {
					if p.pairs {
						inputs[nc+na+r][l] = uint32(p.in.bits(b[2*q+8*r][g]) | p.in.bits(b[2*q+8*r+1][g])<<16)
					} else {
						inputs[nc+na+r][l] = uint32(p.in.bits(b[q+4*r][g]))
					}
				}
				for r := range nc {
					if p.half {
						inputs[r][l] = uint32(binary16.bits(c[g+8*r][2*q]) | binary16.bits(c[g+8*r][2*q+1])<<16)
					} else {
						inputs[r][l] = math.Float32bits(float32(c[g+r/2*8][2*q+r%2]))
					}
				}
			}
			for i := range 16 {
				for j := range 8 {
					size[i][j] = math.Abs(c[i][j])
					for k := range p.k {
						c[i][j] += a[i][k] * b[k][j]
						size[i][j] += math.Abs(a[i][k] * b[k][j])
					}
				}
			}
			got := warpRun(t, "mma.sync.aligned."+p.spelling+" "+registers(1, nc)+", "+registers(1+nc, na)+", "+registers(1+nc+na, nb)+", "+registers(1, nc)+";", inputs, nc)
			check := func(l, i, j int, y, epsilon float64) {
				if d := math.Abs(y - c[i][j]); whole && d != 0 || d > size[i][j]*epsilon {
					t.Fatalf("%s: lane %d, row %d, column %d: %v, want %v", p.spelling, l, i, j, y, c[i][j])
				}
			}
			for l := range lanes {
				g, q := l/4, l%4
				for r := range nc {
					if p.half {
						check(l, g+8*r, 2*q, binary16.float(uint64(got[r][l]&0xffff)), 0x1p-11)
						check(l, g+8*r, 2*q+1, binary16.float(uint64(got[r][l]>>16)), 0x1p-11)
					} else {
						check(l, g+r/2*8, 2*q+r%2, float64(math.Float32frombits(got[r][l])), 0x1p-22)
					}
				}
			}
		}
	}
}

// TestTensorFloats: of tf32 numbers the last 13 bits are not looked at.
func TestTensorFloats(t *testing.T) {
	var one, rest, zero [lanes]uint32
	for l := range lanes {
		one[l], rest[l] = 0x3f800000, 0x3f801fff
	}
	got := warpRun(t, "mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32 {r1,r2,r3,r4}, {r5,r6}, {r7}, {r1,r2,r3,r4};", [][lanes]uint32{zero, zero, zero, zero, rest, rest, one}, 4)
	for l := range lanes {
		if got[2][l] != 0x40800000 {
			t.Fatalf("lane %d: %#x, want 4", l, got[2][l])
		}
	}
}

// TestLoadMatrix holds ldmatrix to its definition, with rows that are scattered, and movmatrix to the transposition.
func TestLoadMatrix(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	place := random.Perm(lanes) // of rows of 16 bytes in 512
	at := [lanes]uint32{}
	for l := range at {
		at[l] = uint32(16 * place[l])
	}
	element := func(matrix, row, col int) uint32 { // shared memory holds the numbers of its halves
		return at[8*matrix+row]/2 + uint32(col)
	}
	fill := ".shared .align 16 .b8 S[512]; mov.u32 r8, S; add.u32 r1, r1, r8; mov.u32 r9, 0; L: mad.lo.u32 r10, r9, 32, r0; mad.lo.u32 r11, r10, 2, r8; cvt.u16.u32 h1, r10; st.shared.u16 [r11], h1; add.u32 r9, r9, 1; setp.lt.u32 p1, r9, 8; @p1 bra L; bar.warp.sync -1;"
	for _, n := range []int{1, 2, 4} {
		for _, trans := range []string{"", ".trans"} {
			got := warpRun(t, fmt.Sprintf("%s ldmatrix.sync.aligned.m8n8.x%d%s.shared.b16 %s, [r1];", fill, n, trans, registers(1, n)), [][lanes]uint32{at}, n)
			for i := range n {
				for l := range lanes {
					want := element(i, l/4, 2*(l%4)) | element(i, l/4, 2*(l%4)+1)<<16
					if trans != "" {
						want = element(i, 2*(l%4), l/4) | element(i, 2*(l%4)+1, l/4)<<16
					}
					if got[i][l] != want {
						t.Fatalf("ldmatrix.x%d%s: lane %d has %#x of matrix %d, want %#x", n, trans, l, got[i][l], i, want)
					}
				}
			}
		}
	}
	in := randomLanes(random, 1<<32-1)
	got := warpRun(t, "movmatrix.sync.aligned.m8n8.trans.b16 r1, r1;", [][lanes]uint32{in}, 1)
	half := func(v *[lanes]uint32, row, col int) uint32 { return v[4*row+col/2] >> (16 * (col % 2)) & 0xffff }
	for i := range 8 {
		for j := range 8 {
			if half(&got[0], i, j) != half(&in, j, i) {
				t.Fatalf("movmatrix: row %d, column %d is %#x", i, j, half(&got[0], i, j))
			}
		}
	}
}

// TestProductsOfDoubles holds mma of float64 to fused sums in the order of k.
func TestProductsOfDoubles(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	var a, b [8][4]float64 // b by column
	var c [8][8]float64
	var in [8][lanes]uint32 // low and high words of a, b, c0, c1
	put := func(r, l int, x float64) {
		in[2*r][l], in[2*r+1][l] = uint32(math.Float64bits(x)), uint32(math.Float64bits(x)>>32)
	}
	for l := range lanes {
		g, q := l/4, l%4
		a[g][q], b[g][q], c[g][2*q], c[g][2*q+1] = random.NormFloat64(), random.NormFloat64(), random.NormFloat64(), random.NormFloat64()
		put(0, l, a[g][q])
		put(1, l, b[g][q])
		put(2, l, c[g][2*q])
		put(3, l, c[g][2*q+1])
	}
	got := warpRun(t, "mov.b64 d1, {r1,r2}; mov.b64 d2, {r3,r4}; mov.b64 d3, {r5,r6}; mov.b64 d4, {r7,r8}; mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {d3,d4}, {d1}, {d2}, {d3,d4}; mov.b64 {r1,r2}, d3; mov.b64 {r3,r4}, d4;", in[:], 4)
	for l := range lanes {
		for r := range 2 {
			want := c[l/4][2*(l%4)+r]
			for k := range 4 {
				want = math.FMA(a[l/4][k], b[2*(l%4)+r][k], want)
			}
			if y := math.Float64frombits(uint64(got[2*r][l]) | uint64(got[2*r+1][l])<<32); y != want {
				t.Fatalf("lane %d: %v, want %v", l, y, want)
			}
		}
	}
}

// TestQuads holds m8n8k4 of halves: four products, each by lanes 4i to 4i+3 and those 16 further on. Of A and B a lane has four elements of row
// (column) lane%4, of the upper half of the warp 4 rows on; or, where the matrix lies the other way, of column (row) lane%4, four rows (columns).
func TestQuads(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for _, c := range []struct {
		la, lb string
		single bool
	}{{"row", "col", true}, {"col", "row", true}, {"row", "row", false}, {"col", "col", false}} {
		var a, b [4][8][4]float64 // b by column
		var sum [4][8][8]float64
		nc := 4
		if c.single {
			nc = 8
		}
		in := make([][lanes]uint32, nc+4)
		place := func(l, i int) (row, col int) { // of accumulators
			if c.single {
				return l%2 + i/2%2*2 + l/16*4, i/4*4 + l/2%2*2 + i%2
			}
			return l%4 + l/16*4, i
		}
		for l := range lanes {
			quad, h := l/4%4, l/16*4
			for i := range 4 {
				x, y := float64(random.IntN(9)-4), float64(random.IntN(9)-4)
				if c.la == "row" {
					a[quad][l%4+h][i] = x
				} else {
					a[quad][i+h][l%4] = x
				}
				if c.lb == "col" {
					b[quad][l%4+h][i] = y
				} else {
					b[quad][i+h][l%4] = y
				}
				in[nc+i/2][l] |= uint32(binary16.bits(x)) << (16 * (i % 2))
				in[nc+2+i/2][l] |= uint32(binary16.bits(y)) << (16 * (i % 2))
			}
			for i := range 8 {
				row, col := place(l, i)
				z := float64(random.IntN(9) - 4)
				sum[quad][row][col] = z
				if c.single {
					in[i][l] = math.Float32bits(float32(z))
				} else {
					in[i/2][l] |= uint32(binary16.bits(z)) << (16 * (i % 2))
				}
			}
		}
		typ := map[bool]string{true: "f32.f16.f16.f32", false: "f16.f16.f16.f16"}[c.single]
		got := warpRun(t, fmt.Sprintf("mma.sync.aligned.m8n8k4.%s.%s.%s %s, %s, %s, %s;", c.la, c.lb, typ, registers(1, nc), registers(1+nc, 2), registers(3+nc, 2), registers(1, nc)), in, nc)
		for l := range lanes {
			quad := l / 4 % 4
			for i := range 8 {
				row, col := place(l, i)
				want := sum[quad][row][col]
				for k := range 4 {
					want += a[quad][row][k] * b[quad][col][k]
				}
				y := 0.0
				if c.single {
					y = float64(math.Float32frombits(got[i][l]))
				} else {
					y = binary16.float(uint64(got[i/2][l] >> (16 * (i % 2)) & 0xffff))
				}
				if y != want {
					t.Fatalf("%s.%s.%s: lane %d has %v at row %d, column %d, want %v", c.la, c.lb, typ, l, y, row, col, want)
				}
			}
		}
	}
}
