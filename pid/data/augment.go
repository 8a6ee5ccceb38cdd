package data

import "math"

// Augmentation is what EDM's training does to an image, and tells the network [karras22]: mirrors, then one geometric map. The zero value changes nothing.
type Augmentation struct {
	FlipX, FlipY   bool
	Scale          float64 // enlarges by 2^(0.2·Scale)
	Rotation       float64 // radians
	Stretch        float64 // enlarges by 2^(0.2·Stretch) along Axis, and shrinks as much across it
	Axis           float64 // radians
	ShiftX, ShiftY float64 // in eighths of the image's sides
}

// AugmentLabels is the number of [Augmentation.Labels].
const AugmentLabels = 9

// Labels are what a network sees of an augmentation, all zero if nothing is changed:
//
//	mirrored, upside down, Scale, cos(Rotation) − 1, sin(Rotation), Stretch·cos(Axis), Stretch·sin(Axis), ShiftX, ShiftY
func (a *Augmentation) Labels() [AugmentLabels]float32 {
	one := map[bool]float32{true: 1}
	sin, cos := math.Sincos(a.Rotation)
	along, across := math.Cos(a.Axis), math.Sin(a.Axis)
	return [AugmentLabels]float32{
		one[a.FlipX], one[a.FlipY], float32(a.Scale), float32(cos - 1), float32(sin),
		float32(a.Stretch * along), float32(a.Stretch * across), float32(a.ShiftX), float32(a.ShiftY),
	}
}

// Apply changes an image (H,W,C) in place.
func (a *Augmentation) Apply(x []float32, h, w, c int) {
	if a.FlipX {
		for y := range h {
			reverse(x[y*w*c:(y+1)*w*c], c)
		}
	}
	if a.FlipY {
		reverse(x, w*c)
	}
	if m := a.source(h, w); m != (affine{xx: 1, yy: 1}) {
		warp(x, h, w, c, m)
	}
}

// reverse puts the groups of n numbers in the opposite order.
func reverse(x []float32, n int) {
	for a, b := 0, len(x)-n; a < b; a, b = a+n, b-n {
		for i := range n {
			x[a+i], x[b+i] = x[b+i], x[a+i]
		}
	}
}

// affine maps the place (x,y) to (xx·x + xy·y + x0, yx·x + yy·y + y0).
type affine struct{ xx, xy, x0, yx, yy, y0 float64 }

func (m affine) at(x, y float64) (float64, float64) {
	return m.xx*x + m.xy*y + m.x0, m.yx*x + m.yy*y + m.y0
}

// compose is the map that applies n, then m.
func (m affine) compose(n affine) affine {
	x0, y0 := m.at(n.x0, n.y0)
	return affine{
		xx: m.xx*n.xx + m.xy*n.yx, xy: m.xx*n.xy + m.xy*n.yy, x0: x0,
		yx: m.yx*n.xx + m.yy*n.yx, yy: m.yx*n.xy + m.yy*n.yy, y0: y0,
	}
}

func scaling(x, y float64) affine { return affine{xx: x, yy: y} }

func translation(x, y float64) affine { return affine{xx: 1, x0: x, yy: 1, y0: y} }

func rotation(angle float64) affine {
	sin, cos := math.Sincos(angle)
	return affine{xx: cos, xy: -sin, yx: sin, yy: cos}
}

// source is where the pixel at a place comes from, in pixels from the centre of the first one, y downwards:
//
//	A(p) = 2^(−0.2·Scale)·R(Rotation)·R(−Axis)·diag(2^(−0.2·Stretch), 2^(0.2·Stretch))·R(Axis)·(p − c − s) + c
//
// c is the middle of the image and s the shift.
func (a *Augmentation) source(h, w int) affine {
	if a.Scale == 0 && a.Rotation == 0 && a.Stretch == 0 && a.ShiftX == 0 && a.ShiftY == 0 {
		return affine{xx: 1, yy: 1}
	}
	cx, cy := float64(w-1)/2, float64(h-1)/2
	scale, stretch := math.Exp2(-0.2*a.Scale), math.Exp2(-0.2*a.Stretch)
	m := translation(cx, cy)
	for _, next := range []affine{
		scaling(scale, scale), rotation(a.Rotation),
		rotation(-a.Axis), scaling(stretch, 1/stretch), rotation(a.Axis),
		translation(-cx-a.ShiftX*float64(w)/8, -cy-a.ShiftY*float64(h)/8),
	} {
		m = m.compose(next)
	}
	return m
}
