package cuda

var gemmPTX = &family{name: "gemm", part: "linear layers", about: `
kernels.GEMM, C[m,n] = sum over k of A[m,k]*B[k,n] + bias[n].
` + productText + `
A's elements (m,k) lie at m*lda + k, or in tn at k*lda + m; B's (k,n) at k*ldb + n, or in nt at n*ldb + k.`}

// The products A·B with both as they are, with B transposed, and with A transposed.
var (
	gemmNN = gemmProduct("_nn", false, false)
	gemmNT = gemmProduct("_nt", false, true)
	gemmTN = gemmProduct("_tn", true, false)
)

func init() {
	gemmPTX.all(func(add func(*Kernel)) {
		for _, t := range gemmNN.tiles {
			for _, o := range []*productOp{gemmNN, gemmNT, gemmTN} {
				add(o.kernel(t))
			}
		}
	})
}

// gemmProduct is C = A·B + bias with A and B as they are stored. There are no other tiles, since the networks' matrices are small.
func gemmProduct(form string, transA, transB bool) *productOp {
	return &productOp{
		of: gemmPTX, name: "gemm", form: form, tiles: []tile{f32Large, f32Small, tf32Large, tf32Small, f16Large, f16Small}, does: finishing{bias: true},
		operands: func(p *productKernel) (source, source) {
			a, b := &matrixSource{ptr: p.Ptr("a"), across: transA}, &matrixSource{ptr: p.Ptr("b"), across: !transB}
			a.ld, b.ld = p.I32("lda"), p.I32("ldb")
			k := p.I32("k")
			a.extent, a.k, b.extent, b.k = p.m, k, p.n, k
			return a, b
		},
	}
}
