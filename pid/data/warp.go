package data

import "math"

// sym6 is the low-pass filter of the symlet with six vanishing moments, a wavelet that is nearly symmetric [daubechies92]. It is orthogonal to itself
// shifted by any even number of taps, so that an image that is brought to twice its size and back is the same.
var sym6 = [12]float32{
	0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466, 0.787641141030194,
	0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
}

// warp replaces an image (H,W,C) by what it shows through a map m of places, in place. With h = sym6, along both axes:
//
//	u(j) = Σ_i h(j − 2i + 5)·x(i)     twice the pixels; beyond its edges x is mirrored, up to a margin, and then zero
//	v(t) = u(2·m(t/2))                by bilinear interpolation
//	y(i) = Σ_k h(k)·v(2i + k − 5)     the pixels again, without what is finer than they
//
// The margin is what the image's corners show, and six pixels, but less than the image, as in EDM [karras22]. Deviation: there, all images of a batch
// have the largest margin among them, which changes little, but a sample would depend on the others. TestWarp holds it to EDM's for one image.
func warp(x []float32, h, w, c int, m affine) {
	f := frame(h, w, m)
	up := f.enlarge(x, h, w, c)
	fine := f.resample(up, h, w, c, m)
	shrink(x, fine, h, w, c)
}

// padded is an image with its margins.
type padded struct{ left, top, w, h int }

// frame finds the margins.
func frame(h, w int, m affine) padded {
	var left, top, right, bottom float64
	for _, corner := range [4][2]float64{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
		x, y := m.at(corner[0]*float64(w-1), corner[1]*float64(h-1))
		left, right = max(left, 6-x), max(right, 6+x-float64(w-1))
		top, bottom = max(top, 6-y), max(bottom, 6+y-float64(h-1))
	}
	most := func(margin float64, side int) int { return int(math.Ceil(min(margin, float64(side-1)))) }
	f := padded{left: most(left, w), top: most(top, h)}
	f.w, f.h = f.left+w+most(right, w), f.top+h+most(bottom, h)
	return f
}

// mirrored is the index that a place outside 0 … n−1 shows.
func mirrored(i, n int) int {
	if i < 0 {
		i = -i
	}
	if i >= n {
		i = 2*(n-1) - i
	}
	return i
}

// taps are the weights of pixels m−3 … m+3 in the points 2m and 2m+1 of twice the size.
func taps() (even, odd [7]float32) {
	for d := -3; d <= 3; d++ {
		if k := 5 - 2*d; k < len(sym6) && k >= 0 {
			even[d+3] = sym6[k]
		}
		if k := 6 - 2*d; k < len(sym6) && k >= 0 {
			odd[d+3] = sym6[k]
		}
	}
	return even, odd
}

// enlarge is u, (C, 2·f.h, 2·f.w).
func (f padded) enlarge(x []float32, h, w, c int) []float32 {
	even, odd := taps()
	wide := make([]float32, h*2*f.w) // of one channel, (H, 2·f.w)
	line := make([]float32, f.w+6)   // with three zeros at each end
	up := make([]float32, c*2*f.h*2*f.w)
	for ch := range c {
		for y := range h {
			for i := range f.w {
				line[i+3] = x[(y*w+mirrored(i-f.left, w))*c+ch]
			}
			dst := wide[y*2*f.w : (y+1)*2*f.w]
			for i := range f.w {
				var a, b float32
				for d, v := range line[i : i+7] {
					a, b = a+even[d]*v, b+odd[d]*v
				}
				dst[2*i], dst[2*i+1] = a, b
			}
		}
		for i := range f.h {
			rows := up[(ch*f.h+i)*4*f.w : (ch*f.h+i+1)*4*f.w]
			for d := range even {
				if k := i + d - 3; k >= 0 && k < f.h {
					src := wide[mirrored(k-f.top, h)*2*f.w:][:2*f.w]
					add(rows[:2*f.w], even[d], src)
					add(rows[2*f.w:], odd[d], src)
				}
			}
		}
	}
	return up
}

// add is y ← y + a·x.
func add(y []float32, a float32, x []float32) {
	if a == 0 {
		return
	}
	y = y[:len(x)]
	for i, v := range x {
		y[i] += a * v
	}
}

// resample is v from t = −5, (C, 2H+10, 2W+10).
func (f padded) resample(up []float32, h, w, c int, m affine) []float32 {
	fw, fh, uw, uh := 2*w+10, 2*h+10, 2*f.w, 2*f.h
	fine := make([]float32, c*fh*fw)
	for ty := range fh {
		for tx := range fw {
			x, y := m.at(float64(tx-5)/2, float64(ty-5)/2)
			x, y = 2*(x+float64(f.left)), 2*(y+float64(f.top))
			x0, y0 := math.Floor(x), math.Floor(y)
			if !(x0 >= -1 && y0 >= -1 && x0 < float64(uw) && y0 < float64(uh)) {
				continue
			}
			wx, wy, ix, iy := float32(x-x0), float32(y-y0), int(x0), int(y0)
			for corner, weight := range [4]float32{(1 - wx) * (1 - wy), wx * (1 - wy), (1 - wx) * wy, wx * wy} {
				px, py := ix+corner%2, iy+corner/2
				if px < 0 || py < 0 || px >= uw || py >= uh {
					continue
				}
				for ch := range c {
					fine[(ch*fh+ty)*fw+tx] += weight * up[(ch*uh+py)*uw+px]
				}
			}
		}
	}
	return fine
}

// shrink is y from v.
func shrink(y, fine []float32, h, w, c int) {
	fw, fh := 2*w+10, 2*h+10
	narrow := make([]float32, fw) // a row of y before it is narrowed
	for ch := range c {
		for i := range h {
			clear(narrow)
			for k, weight := range sym6 {
				add(narrow, weight, fine[(ch*fh+2*i+k)*fw:][:fw])
			}
			for j := range w {
				var sum float32
				for k, v := range narrow[2*j : 2*j+12] {
					sum += sym6[k] * v
				}
				y[(i*w+j)*c+ch] = sum
			}
		}
	}
}
