package kernels

// GEMM is the matrix product C = A·B + bias, with either operand read transposed:
//
//	C[m,n] = Σ_k A[m,k]·B[k,n] + bias[n]
//
// Leading dimensions are the distance of rows as stored, in elements, so that an operand may be a slice of columns of a
// wider matrix.
var GEMM = define(Op[GEMMArgs]{Name: "gemm", Ref: gemm, MACs: func(a GEMMArgs) int { return a.M * a.N * a.K }})

// GEMMArgs lists output, inputs, sizes. Bias may be left out.
type GEMMArgs struct {
	C             Buf `kernel:"out gaps"` // (M,N), rows LDC apart; what lies between rows is left alone
	A             Buf // (M,K), or (K,M) if TransA; rows LDA apart
	B             Buf // (K,N), or (N,K) if TransB; rows LDB apart
	Bias          Buf // (N), or not given
	M, N, K       int
	LDA, LDB, LDC int
	TransA        bool
	TransB        bool
}

func gemm(c *CPU, a GEMMArgs) {
	c.Rows(a.M, a.N*a.K, func(_, lo, hi int) {
		sum := make([]float64, a.N)
		for m := lo; m < hi; m++ {
			clear(sum)
			for k := range a.K {
				x := a.A.F32[index(a.TransA, m, k, a.LDA)]
				for n := range a.N {
					sum[n] += float64(x) * float64(a.B.F32[index(a.TransB, k, n, a.LDB)])
				}
			}
			for n, s := range sum {
				if a.Bias.Given() {
					s += float64(a.Bias.F32[n])
				}
				a.C.F32[m*a.LDC+n] = float32(s)
			}
		}
	})
}

// index is where element (i,j) of a matrix lies whose rows, or columns if it is stored transposed, are ld apart.
func index(trans bool, i, j, ld int) int {
	if trans {
		return j*ld + i
	}
	return i*ld + j
}
