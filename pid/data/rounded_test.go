package data

import (
	"bytes"
	"math"
	"testing"
)

func TestRounded(t *testing.T) {
	x := []float32{-1, 1, 0, -2, 2, float32(math.NaN()), 0.999, 2.0/255 - 1 - 1e-3, 3.0/255 - 1}
	if got, want := Rounded(x, 3, 1, 1, 3).Pixels, []uint8{0, 255, 128, 0, 255, 0, 255, 1, 2}; !bytes.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// Bytes survive EDM's way to numbers and back.
	all := &Images{N: 1, H: 16, W: 16, C: 1, Pixels: make([]uint8, 256)}
	for i := range all.Pixels {
		all.Pixels[i] = uint8(i)
	}
	y := make([]float32, 256)
	all.Float(y, 0)
	if got := Rounded(y, 1, 16, 16, 1).Pixels; !bytes.Equal(got, all.Pixels) {
		t.Errorf("%v", got)
	}
}
