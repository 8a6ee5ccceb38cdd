package cuda

import "onestep/kernels"

func init() { register(&kernels.GEMM, gemm, half) }

func gemm(d *Device, a kernels.GEMMArgs) {
	as, free := d.operands(&a.A, &a.B)
	defer free()
	// No kernel has both transposed: A is then copied.
	A, lda, freeA := d.matrix(a.A, a.M, a.K, a.LDA, a.TransA, a.TransA && !a.TransB)
	defer freeA()
	B, ldb, freeB := d.matrix(a.B, a.K, a.N, a.LDB, a.TransB, a.TransB)
	defer freeB()
	op := gemmNN
	switch {
	case a.TransB:
		op = gemmNT
	case a.TransA:
		op = gemmTN
	}
	p := product{
		op: op, arithmetic: as, m: a.M, n: a.N,
		terms: []term{{a.K, []Arg{Ptr(A), Ptr(B), I32(lda), I32(ldb), I32(a.K)}}},
		out:   a.C, ld: a.LDC, bias: a.Bias, scale: 1,
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
