package cpu_test

import (
	"testing"

	"onestep/kernels"
	_ "onestep/kernels/cpu"
	"onestep/kernels/kernelstest"
)

func TestGEMM(t *testing.T) {
	for _, max := range [][3]int{{40, 100, 300}, {150, 200, 781}, {7, 50, 1823}} {
		kernelstest.Agree(t, &kernels.GEMM, func(r *kernelstest.Rand) kernels.GEMMArgs {
			m, n, k := r.Size(max[0]), r.Size(max[1]), r.Size(max[2])
			if r.Bool() {
				n = (n + 15) / 16 * 16
			}
			a := kernels.GEMMArgs{M: m, N: n, K: k, TransA: r.Bool(), TransB: r.Bool()}
			rowsA, rowsB := m, k
			a.LDA, a.LDB, a.LDC = k, n, n
			if a.TransA {
				rowsA, a.LDA = k, m
			}
			if a.TransB {
				rowsB, a.LDB = n, k
			}
			a.LDA += kernelstest.Pick(r, 0, 3)
			a.LDB += kernelstest.Pick(r, 0, 5)
			a.LDC += kernelstest.Pick(r, 0, 0, 9)
			a.A, a.B, a.C = r.In(rowsA*a.LDA), r.In(rowsB*a.LDB), r.Out(m*a.LDC)
			a.Bias = r.Maybe(r.In(n))
			r.Sum(k + 1)
			return a
		})
	}
}
