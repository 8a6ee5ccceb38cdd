package data

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"onestep/tensor"
)

// augmented is a case of testdata/augment.safetensors, see the README there.
type augmented struct {
	H, W, C                    int
	FlipX                      int `json:"flip_x"`
	FlipY                      int `json:"flip_y"`
	Scale, Rotate              float64
	Aniso, Angle               float64
	TX, TY                     float64
	input, want, exact, labels []float64
}

func (c augmented) augmentation() Augmentation {
	return Augmentation{
		FlipX: c.FlipX == 1, FlipY: c.FlipY == 1, Scale: c.Scale, Rotation: c.Rotate, Stretch: c.Aniso, Axis: c.Angle, ShiftX: c.TX, ShiftY: c.TY,
	}
}

func augmentedCases(t *testing.T) (cases []augmented) {
	f, err := tensor.OpenSafeTensors("testdata/augment.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := json.Unmarshal([]byte(f.Metadata["cases"]), &cases); err != nil {
		t.Fatal(err)
	}
	for i := range cases {
		c := &cases[i]
		for name, dst := range map[string]*[]float64{"x": &c.input, "y": &c.want, "y_f64": &c.exact, "labels": &c.labels} {
			e, ok := f.Entry(fmt.Sprintf("%d.%s", i, name))
			if !ok {
				t.Fatalf("case %d has no %s", i, name)
			}
			if *dst, err = e.Float64s(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return cases
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// farthest is the largest difference.
func farthest(x []float32, y []float64) (d float64) {
	for i, v := range y {
		d = max(d, math.Abs(float64(x[i])-v))
	}
	return d
}

// TestWarp compares images and labels with those of EDM's pipe. Ours are within 2.2e-7 of it in float64; its float32, in which it computes places,
// too, is within 4.8e-6.
func TestWarp(t *testing.T) {
	cases := augmentedCases(t)
	if len(cases) != 8 {
		t.Fatalf("%d cases", len(cases))
	}
	for i, c := range cases {
		a, x := c.augmentation(), narrow(c.input)
		a.Apply(x, c.H, c.W, c.C)
		t.Logf("case %d: %.2g from float64, %.2g from float32", i, farthest(x, c.exact), farthest(x, c.want))
		if d := farthest(x, c.exact); !(d <= 1e-6) {
			t.Errorf("case %d: pixels are up to %.2g from the original's in float64", i, d)
		}
		if d := farthest(x, c.want); !(d <= 1e-5) {
			t.Errorf("case %d: pixels are up to %.2g from the original's", i, d)
		}
		labels := a.Labels()
		if d := farthest(labels[:], c.labels); !(d <= 1e-6) {
			t.Errorf("case %d: labels %v, want %v", i, labels, c.labels)
		}
	}
}

// TestWarpIdentity takes an image through the filters without moving it, and moves one by whole pixels.
func TestWarpIdentity(t *testing.T) {
	const h, w, c = 9, 12, 2
	x := make([]float32, h*w*c)
	for i := range x {
		x[i] = float32(i*37%256)/127.5 - 1
	}
	y := slices.Clone(x)
	warp(y, h, w, c, affine{xx: 1, yy: 1})
	for i, v := range y {
		if math.Abs(float64(v-x[i])) > 1e-6 {
			t.Fatalf("number %d is %g, want %g", i, v, x[i])
		}
	}
	if (&Augmentation{}).Apply(y, h, w, c); (&Augmentation{}).Labels() != [AugmentLabels]float32{} {
		t.Error("nothing has labels")
	}
	y = slices.Clone(x)
	(&Augmentation{ShiftX: 8. / w, ShiftY: -2 * 8. / h}).Apply(y, h, w, c) // one pixel to the right, two up
	for row := range h - 2 {
		for column := 1; column < w; column++ {
			got, want := y[(row*w+column)*c:][:c], x[((row+2)*w+column-1)*c:][:c]
			if math.Abs(float64(got[0]-want[0])) > 1e-6 || math.Abs(float64(got[1]-want[1])) > 1e-6 {
				t.Fatalf("pixel (%d,%d) is %v, want %v", column, row, got, want)
			}
		}
	}
}

// TestSymlet checks the digits by what defines the filter: unit gain at zero frequency, orthogonality to its even shifts, and six vanishing moments
// of the band-pass filter beside it.
func TestSymlet(t *testing.T) {
	sum, n := 0.0, len(sym6)
	for _, v := range sym6 {
		sum += float64(v)
	}
	if math.Abs(sum-math.Sqrt2) > 1e-7 {
		t.Errorf("sum %v, want √2", sum)
	}
	for shift := 0; shift < n; shift += 2 {
		dot, want := 0.0, 0.0
		for k := range n - shift {
			dot += float64(sym6[k]) * float64(sym6[k+shift])
		}
		if shift == 0 {
			want = 1
		}
		if math.Abs(dot-want) > 1e-7 {
			t.Errorf("shift %d: product %v, want %v", shift, dot, want)
		}
	}
	for moment := range 6 {
		m, size := 0.0, 0.0
		for k, v := range sym6 {
			p := math.Pow(float64(k)-5.5, float64(moment)) * float64(v)
			m, size = m+p*float64(1-2*(k%2)), size+math.Abs(p)
		}
		if math.Abs(m) > 1e-7*size {
			t.Errorf("moment %d is %v of %v", moment, m, size)
		}
	}
}

// TestMirrors flips without filters: to the bit.
func TestMirrors(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12} // (2,3,2)
	(&Augmentation{FlipX: true}).Apply(x, 2, 3, 2)
	if want := []float32{5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8}; !slices.Equal(x, want) {
		t.Errorf("mirrored: %v", x)
	}
	(&Augmentation{FlipY: true}).Apply(x, 2, 3, 2)
	if want := []float32{11, 12, 9, 10, 7, 8, 5, 6, 3, 4, 1, 2}; !slices.Equal(x, want) {
		t.Errorf("and upside down: %v", x)
	}
}

// TestWarpSizes warps the smallest and uneven images, far beyond their edges: only finite numbers come out.
func TestWarpSizes(t *testing.T) {
	for _, s := range [][3]int{{1, 1, 1}, {1, 5, 3}, {2, 2, 1}, {7, 3, 2}} {
		for _, scale := range []float64{-20, -1, 0, 20} {
			x := make([]float32, s[0]*s[1]*s[2])
			for i := range x {
				x[i] = 1
			}
			(&Augmentation{Scale: scale, Rotation: 0.3, Stretch: 4, Axis: 1, ShiftX: 30, ShiftY: -50}).Apply(x, s[0], s[1], s[2])
			for _, v := range x {
				if !(math.Abs(float64(v)) < 3) {
					t.Fatalf("%v, scale %g: %v", s, scale, x)
				}
			}
		}
	}
}

func BenchmarkWarp(b *testing.B) {
	const side, c = 32, 3
	x := make([]float32, side*side*c)
	a := Augmentation{Rotation: 0.5, Scale: 0.5}
	for b.Loop() {
		a.Apply(x, side, side, c)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
}
