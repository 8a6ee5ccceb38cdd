package cuda

import (
	_ "embed"

	"onestep/kernels"
)

//go:embed gemm.ptx
var gemmPTX string

var gemmModule = NewModule("gemm.ptx", gemmPTX)

// gemmWithout are the tiles that have no kernel here: the networks' matrices are small.
var gemmWithout = []string{"256x128", "256x64", "128x16", "128x32"}

func init() { register(&kernels.GEMM, gemm, half) }

func gemm(d *Device, a kernels.GEMMArgs) {
	kind, free := d.operands(&a.A, &a.B)
	defer free()
	// No kernel has both transposed: A is then copied.
	A, lda, freeA := d.matrix(a.A, a.M, a.K, a.LDA, a.TransA, a.TransA && !a.TransB)
	defer freeA()
	B, ldb, freeB := d.matrix(a.B, a.K, a.N, a.LDB, a.TransB, a.TransB)
	defer freeB()
	form := "_nn"
	switch {
	case a.TransB:
		form = "_nt"
	case a.TransA:
		form = "_tn"
	}
	p := product{
		module: gemmModule, entry: "gemm", form: form, kind: kind, m: a.M, n: a.N,
		terms: []term{{a.K, []Arg{Ptr(A), Ptr(B), I32(lda), I32(ldb), I32(a.K)}}},
		out:   a.C, ld: a.LDC, bias: a.Bias, scale: 1, takes: finishing{bias: true}, without: gemmWithout,
	}
	p.run(d)
}

// matrix is an r×c matrix, stored transposed if trans, as kernels read it: stored transposed if want, with rows that are whole chunks.
func (d *Device) matrix(x kernels.Buf, r, c, ld int, trans, want bool) (y kernels.Buf, ldy int, free func()) {
	chunk := 16 / x.Type.Size()
	if want {
		r, c, trans = c, r, !trans
	}
	if !trans && aligned(x) && ld%chunk == 0 && c%chunk == 0 {
		return x, ld, func() {}
	}
	g := grid{count: r, rows: 1, cols: c, stepA: ld, stepC: 1}
	if trans {
		g.stepA, g.stepC = 1, ld
	}
	y, free = d.chunked(x, g, 1)
	return y, ceil(c, chunk) * chunk, free
}
