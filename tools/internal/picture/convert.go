package picture

import "onestep/data"

// Truncated converts numbers in [−1,1], (N,H,W,C), to bytes as PID and the consistency models do: ⌊clamp((x+1)·127.5, 0, 255)⌋.
func Truncated(x []float32, n, h, w, c int) *data.Images {
	return convert(x, n, h, w, c, func(v float32) float32 { return (v + 1) * 127.5 })
}

// Rounded converts numbers in [−1,1], (N,H,W,C), to bytes as EDM does: ⌊clamp(127.5·x + 128, 0, 255)⌋, which rounds to nearest.
func Rounded(x []float32, n, h, w, c int) *data.Images {
	return convert(x, n, h, w, c, func(v float32) float32 { return float32(v*127.5) + 128 })
}

// convert makes NaN black.
func convert(x []float32, n, h, w, c int, f func(float32) float32) *data.Images {
	m := &data.Images{N: n, H: h, W: w, C: c, Pixels: make([]uint8, n*h*w*c)}
	_ = x[:len(m.Pixels)] // at least so many
	for i := range m.Pixels {
		switch v := f(x[i]); {
		case v >= 255:
			m.Pixels[i] = 255
		case v > 0:
			m.Pixels[i] = uint8(v)
		}
	}
	return m
}
