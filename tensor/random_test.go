package tensor

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestRandomBits: the numbers of seed 1, which no change may touch. They were made by this code after TestPhilox and TestNormal
// had passed.
func TestRandomBits(t *testing.T) {
	r := Random{Seed: 1}
	bitsOf := func(xs []float32) (s string) {
		for _, x := range xs {
			s += fmt.Sprintf("%08x ", math.Float32bits(x))
		}
		return s
	}
	normal, uniform, late := make([]float32, 7), make([]float32, 7), make([]float32, 5)
	r.Normal(normal, Noise, 0, 0)
	r.Uniform(uniform, Dropout, 3, 5)
	Random{Seed: 1<<63 + 1}.Normal(late, Augment, 1<<40+1, 1<<41+1)
	for _, test := range []struct{ name, got, want string }{
		{"Normal", bitsOf(normal), "be8eaa60 be88c534 bfaf0bfe bf4d51c7 bf724098 bea457c8 3ffc300f "},
		{"Normal late", bitsOf(late), "3f0302da 3fe69a19 3fd06ef9 3f83db6a bf967286 "},
		{"Uniform", bitsOf(uniform), "3f6ec801 3f415339 3f2ed66b 3f2ec7a8 3df1b788 3f22a73a 3f541628 "},
		{"Float64", fmt.Sprintf("%016x", math.Float64bits(r.Float64(Churn, 2, 7))), "3fe7bf6c799d8686"},
		{"IntN", fmt.Sprint(r.IntN(1000, Labels, 0, 0), r.IntN(1000, Labels, 0, 1), r.IntN(1<<40, Levels, 1, 0)), "419 711 435876664927"},
		{"Perm", fmt.Sprint(r.Perm(10, Data, 0), r.Perm(9, Data, 1)), "[1 4 5 8 7 2 0 3 9 6] [7 2 6 1 0 3 4 8 5]"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %s, want %s", test.name, test.got, test.want)
		}
	}
}

// TestNormalMoments: of n normal numbers the mean of xᵏ has the known expectation and standard error √(E x²ᵏ − (E xᵏ)²)/√n.
func TestNormalMoments(t *testing.T) {
	const n = 1 << 20
	expect := []float64{1, 0, 1, 0, 3, 0, 15, 0, 105}
	xs := make([]float32, n)
	for seed := range uint64(3) {
		Random{seed}.Normal(xs, Noise, seed, 5)
		for k := 1; k <= 4; k++ {
			sum := 0.0
			for _, x := range xs {
				sum += math.Pow(float64(x), float64(k))
			}
			se := math.Sqrt((expect[2*k] - expect[k]*expect[k]) / n)
			if z := (sum/n - expect[k]) / se; math.Abs(z) > 4 {
				t.Errorf("seed %d: mean of x^%d is %g, %.1f standard errors from %g", seed, k, sum/n, z, expect[k])
			}
		}
	}
}

// TestRandomAddresses: neighbouring addresses give unrelated numbers, and an array's start does not depend on its length.
func TestRandomAddresses(t *testing.T) {
	const n = 1 << 14
	draw := func(seed uint64, stream Stream, step, sample uint64) []float32 {
		xs := make([]float32, n)
		Random{seed}.Normal(xs, stream, step, sample)
		return xs
	}
	base := draw(1, Noise, 1, 1)
	for name, xs := range map[string][]float32{
		"seed": draw(2, Noise, 1, 1), "high seed": draw(1<<32+1, Noise, 1, 1), "stream": draw(1, Levels, 1, 1), "step": draw(1, Noise, 2, 1),
		"sample": draw(1, Noise, 1, 2), "high step": draw(1, Noise, 1<<32+1, 1), "high sample": draw(1, Noise, 1, 1<<32+1),
		"exchanged": draw(1, Noise, 0, 2), "next element": append(base[1:len(base):len(base)], 0),
	} {
		sum := 0.0
		for i := range xs {
			sum += float64(xs[i]) * float64(base[i])
		}
		if z := sum / math.Sqrt(n); math.Abs(z) > 4 {
			t.Errorf("%s: correlated, %.1f standard errors", name, z)
		}
	}
	for k := range 9 {
		short := make([]float32, k)
		Random{1}.Normal(short, Noise, 1, 1)
		if !slices.Equal(short, base[:k]) {
			t.Errorf("the first %d numbers depend on the length", k)
		}
	}
}

func TestRandomRanges(t *testing.T) {
	const n, draws = 7, 70_000
	r := Random{3}
	var ints, floats [n]int
	for i := range uint64(draws) {
		ints[r.IntN(n, Labels, 0, i)]++
		floats[int(r.Float64(Churn, i, 0)*n)]++
	}
	us := make([]float32, draws)
	r.Uniform(us, Dropout, 0, 0)
	var uniforms [n]int
	for _, u := range us {
		if u < 0 || u >= 1 {
			t.Fatalf("uniform %g", u)
		}
		uniforms[int(u*n)]++
	}
	var firsts [n]int
	for i := range uint64(draws) {
		p := r.Perm(n, Data, i)
		firsts[p[0]]++
	}
	for name, counts := range map[string][n]int{"IntN": ints, "Float64": floats, "Uniform": uniforms, "Perm": firsts} {
		chi := 0.0
		for _, c := range counts {
			d := float64(c) - draws/n
			chi += d * d / (draws / n)
		}
		if chi > 22.5 { // 6 degrees of freedom, one in a thousand
			t.Errorf("%s: counts %v, χ² = %.1f", name, counts, chi)
		}
	}
}

func TestPerm(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 10, 1001} {
		p := Random{9}.Perm(n, Data, 4)
		slices.Sort(p)
		for i := range p {
			if p[i] != int32(i) {
				t.Fatalf("%d: not a permutation", n)
			}
		}
		if len(p) != n {
			t.Errorf("%d numbers, want %d", len(p), n)
		}
	}
	seen := map[string]int{}
	for i := range uint64(6000) {
		seen[fmt.Sprint(Random{9}.Perm(3, Data, i))]++
	}
	for p, c := range seen {
		if len(seen) != 6 || c < 850 || c > 1150 { // 1000 ± 5 standard errors
			t.Errorf("%s came %d times of 6000", p, c)
		}
	}
}

func TestRandomPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"IntN":   func() { Random{}.IntN(0, Labels, 0, 0) },
		"Perm":   func() { Random{}.Perm(-1, Data, 0) },
		"step":   func() { Random{}.Float64(Data, 1<<44, 0) },
		"sample": func() { Random{}.Float64(Data, 0, 1<<44) },
	} {
		func() {
			defer func() {
				if _, ok := recover().(error); !ok {
					t.Errorf("%s: no panic with an error", name)
				}
			}()
			f()
		}()
	}
}

func BenchmarkNormal(b *testing.B) {
	xs := make([]float32, 32*32*3)
	for b.Loop() {
		Random{1}.Normal(xs, Noise, 1, 2)
	}
	b.ReportMetric(float64(len(xs))*float64(b.N)/1e6/b.Elapsed().Seconds(), "M/s")
}
