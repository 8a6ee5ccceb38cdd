package kernels

import (
	"math"
	"testing"
)

// TestPhilox: the known answers published with Random123 (kat_vectors, philox4x32 with 10 rounds).
func TestPhilox(t *testing.T) {
	for _, test := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{1<<32 - 1, 1<<32 - 1, 1<<32 - 1, 1<<32 - 1}, [2]uint32{1<<32 - 1, 1<<32 - 1},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := Philox(test.counter, test.key); got != test.want {
			t.Errorf("Philox(%x, %x) = %x, want %x", test.counter, test.key, got, test.want)
		}
	}
}

// TestInverseNormal compares with the root of Φ(x) = ½+q, found by bisection of the error function of package math.
func TestInverseNormal(t *testing.T) {
	exact := func(w uint32) float64 {
		p := 0.5 - math.Abs((float64(int32(w))+0.5)*0x1p-32)
		lo, hi := 0.0, 7.0
		for range 60 {
			if mid := (lo + hi) / 2; math.Erfc(mid/math.Sqrt2)/2 > p {
				lo = mid
			} else {
				hi = mid
			}
		}
		return math.Copysign(lo, float64(int32(w))+0.5)
	}
	var ws []uint32
	edge := uint32(0x79cac083) // 0.47575·2³², where the two approximations meet
	for i := range uint32(200) {
		ws = append(ws, i, 1<<31-1-i, edge-100+i, i*i*i*i)
	}
	for i := range uint32(1 << 14) {
		ws = append(ws, i<<17+i)
	}
	worst := 0.0
	for _, w := range ws {
		got, want := InverseNormal(w), exact(w)
		worst = max(worst, math.Abs(got-want)/math.Max(1e-3, math.Abs(want)))
		if InverseNormal(^w) != -got {
			t.Fatalf("InverseNormal(%#x) = %g is not odd", w, got)
		}
	}
	if worst > 1.2e-9 {
		t.Errorf("relative error %g, want at most 1.2e-9", worst)
	}
	if x := InverseNormal(1<<31 - 1); x < 6.33 || x > 6.34 {
		t.Errorf("the largest normal is %g", x)
	}
}

func TestLogarithm(t *testing.T) {
	for i := range 10_000 {
		x := (float64(i) + 0.5) * 0x1p-33 * math.Exp(float64(i)/600)
		if got, want := logarithm(x), math.Log(x); math.Abs(got-want) > 3e-16*math.Max(1, math.Abs(want)) {
			t.Fatalf("logarithm(%g) = %g, want %g", x, got, want)
		}
	}
}
