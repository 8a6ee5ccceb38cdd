package main

import (
	"fmt"

	"onestep/kernels/cuda/ptx/build"
)

func init() { files["gemm.ptx"] = gemm }

// gemm is C = A·B + bias with A and B as they are stored: nn, nt (B transposed) and tn (A transposed).
func gemm() *build.File {
	f := build.NewFile(`gemm.ptx: kernels.GEMM, C[m,n] = sum over k of A[m,k]*B[k,n] + bias[n].
` + productText + `
A's elements (m,k) lie at m*lda + k, or in tn at k*lda + m; B's (k,n) at k*ldb + n, or in nt at n*ldb + k.`)
	for _, t := range []tile{f32Large, f32Small, tf32Large, tf32Small, f16Large, f16Small} {
		for _, form := range []string{"nn", "nt", "tn"} {
			p := newProduct(f, fmt.Sprintf("gemm_%s_%s", t.prefix(), form), t, finishing{bias: true})
			a := &matrix{ptr: p.Ptr("a"), across: form[0] == 't'}
			b := &matrix{ptr: p.Ptr("b"), across: form[1] == 'n'}
			a.ld, b.ld = p.I32("lda"), p.I32("ldb")
			k := p.I32("k")
			a.extent, a.k, b.extent, b.k = p.m, k, p.n, k
			p.a, p.b = a, b
			p.write()
		}
	}
	return f
}
