package golden

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
)

// Check compares numbers with reference numbers, and at the end of its test logs the largest error of every kind beside the bound.
type Check struct {
	t     testing.TB
	worst map[string]measured
}

type measured struct {
	name         string
	error, bound float64
}

// NewCheck starts a check that reports to t.
func NewCheck(t testing.TB) *Check {
	c := &Check{t: t, worst: map[string]measured{}}
	t.Cleanup(func() {
		for _, kind := range slices.Sorted(maps.Keys(c.worst)) {
			w := c.worst[kind]
			t.Logf("%s: worst error %.2g, bound %.2g: %s", kind, w.error, w.bound, w.name)
		}
	})
	return c
}

// Number is what can be compared.
type Number interface{ float32 | float64 }

// Rel bounds the relative distance ‖got−want‖/‖want‖ of whole tensors. Where want is zero, got must be.
func Rel[A, B Number](c *Check, kind, name string, got []A, want []B, bound float64) {
	c.t.Helper()
	if len(got) != len(want) {
		c.t.Errorf("%s %s: %d numbers, want %d", kind, name, len(got), len(want))
		return
	}
	c.note(kind, name, RelError(got, want), bound)
}

// Abs bounds the largest absolute difference of two elements.
func Abs[A, B Number](c *Check, kind, name string, got []A, want []B, bound float64) {
	c.t.Helper()
	if len(got) != len(want) {
		c.t.Errorf("%s %s: %d numbers, want %d", kind, name, len(got), len(want))
		return
	}
	var worst float64
	for i := range got {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= worst) {
			worst = d
		}
	}
	c.note(kind, name, worst, bound)
}

// note records an error and fails if it is above its bound or not a number.
func (c *Check) note(kind, name string, err, bound float64) {
	c.t.Helper()
	if !(err <= bound) {
		c.t.Errorf("%s %s: error %.3g, bound %.3g", kind, name, err, bound)
	}
	if w, ok := c.worst[kind]; !ok || !(err*w.bound <= w.error*bound) { // err/bound, where the bound may be 0
		c.worst[kind] = measured{name, err, bound}
	}
}

// RelError is ‖got−want‖/‖want‖, and if want is zero ‖got‖. It is NaN if any number is.
func RelError[A, B Number](got []A, want []B) float64 {
	var diff, norm float64
	for i := range got {
		d := float64(got[i]) - float64(want[i])
		diff += d * d
		norm += float64(want[i]) * float64(want[i])
	}
	if norm == 0 {
		norm = 1
	}
	return math.Sqrt(diff / norm)
}

// L2 is the length of x, in float64.
func L2[A Number](x []A) float64 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return math.Sqrt(s)
}

// Sum is the sum of x, in float64.
func Sum[A Number](x []A) float64 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return s
}

// Dot is the inner product of x and y, in float64.
func Dot[A, B Number](x []A, y []B) float64 {
	var s float64
	for i, v := range x {
		s += float64(v) * float64(y[i])
	}
	return s
}

// NHWC reorders images of a shape (N,C,H,W).
func NHWC[A Number](x []A, nchw []int) []A {
	n, c, p := nchw[0], nchw[1], nchw[2]*nchw[3]
	return swap(x, n, c, p)
}

// NCHW reorders images of a shape (N,H,W,C).
func NCHW[A Number](x []A, nhwc []int) []A {
	n, p, c := nhwc[0], nhwc[1]*nhwc[2], nhwc[3]
	return swap(x, n, p, c)
}

// swap exchanges the last two of three dimensions.
func swap[A Number](x []A, n, a, b int) []A {
	if len(x) != n*a*b {
		panic(fmt.Errorf("golden: %d numbers for shape (%d,%d,%d)", len(x), n, a, b))
	}
	y := make([]A, len(x))
	for k := range n {
		for i := range a {
			for j := range b {
				y[(k*b+j)*a+i] = x[(k*a+i)*b+j]
			}
		}
	}
	return y
}

func sorted[T cmp.Ordered](x []T) []T {
	slices.Sort(x)
	return x
}
