//go:build amd64 && !purego

package cpu

import (
	"math"
	"math/rand/v2"
	"testing"

	"onestep/kernels"
)

func TestGEMMSerial(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	at := func(trans bool, i, j, ld int) int {
		if trans {
			return j*ld + i
		}
		return i*ld + j
	}
	for _, isa := range kernels.ISAs()[1:] {
		d := kernels.NewCPUAt(isa, 1)
		d.Poison()
		defer d.Close()
		for trial := range 80 {
			m, n, k := 1+r.IntN(150), 1+r.IntN(120), 1+r.IntN(300)
			if trial%2 == 0 {
				n = (n + 15) / 16 * 16
			}
			transA, transB, accumulate := r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0
			alpha := []float32{1, 0.3, 0}[r.IntN(3)]
			lda, ldb, ldc := max(m, k)+r.IntN(3), max(n, k)+r.IntN(3), n+r.IntN(3)
			a, b, c := random(max(m, k)*lda), random(max(n, k)*ldb), random(m*ldc)
			got := append([]float32(nil), c...)
			gemmSerial(d, 0, isa, got, ldc, a, lda, transA, b, ldb, transB, m, n, k, alpha, accumulate)
			for i := range m {
				for j := range ldc {
					want, size := 0.0, 0.0
					for l := range k {
						if j >= n {
							break
						}
						v := float64(alpha) * float64(a[at(transA, i, l, lda)]) * float64(b[at(transB, l, j, ldb)])
						want += v
						size += math.Abs(v)
					}
					if old := float64(c[i*ldc+j]); accumulate || j >= n {
						want += old
						size += math.Abs(old)
					}
					bound := (3 + math.Sqrt(float64(k))) * size / (1 << 24)
					if j >= n {
						bound = 0
					}
					if diff := math.Abs(float64(got[i*ldc+j]) - want); !(diff <= bound) {
						t.Fatalf("%v, %dx%dx%d, transA=%v transB=%v alpha=%v accumulate=%v: [%d,%d] = %v, want %v", isa, m, n, k,
							transA, transB, alpha, accumulate, i, j, got[i*ldc+j], want)
					}
				}
			}
		}
	}
}
