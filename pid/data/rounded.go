package data

// Rounded converts numbers in [−1,1], (N,H,W,C), to bytes as EDM does: ⌊clamp(127.5·x + 128, 0, 255)⌋, which rounds to nearest. NaN becomes black.
// The product is rounded by itself on every processor. [Images.Float] goes the other way. Images are saved, shown and judged in these bytes.
func Rounded(x []float32, n, h, w, c int) *Images {
	m := &Images{N: n, H: h, W: w, C: c, Pixels: make([]uint8, n*h*w*c)}
	_ = x[:len(m.Pixels)] // at least so many
	for i := range m.Pixels {
		switch v := float32(x[i]*127.5) + 128; {
		case v >= 255:
			m.Pixels[i] = 255
		case v > 0: // not NaN, which becomes black
			m.Pixels[i] = uint8(v)
		}
	}
	return m
}
