//go:build amd64 && !purego

package cpu

import "onestep/kernels"

func init() {
	kernels.Resample.Register(kernels.Impl[kernels.ResampleArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: resample,
		Fits: func(a kernels.ResampleArgs) bool { return len(a.Filter) >= 1 && len(a.Filter) <= 4 }})
}

// tapSet is the taps that meet one row or column: weights over consecutive pixels from first on.
type tapSet struct {
	first, n int
	w        [4]float32
}

// downTaps are those of output p with filter f; upTaps those of output h. Pixels outside are left out if size ≥ 0.
func downTaps(f []float32, pad, p, size int) (t tapSet) {
	for i, w := range f {
		t.add(2*p+i-pad, w, size)
	}
	return t
}

func upTaps(f []float32, pad, h, size int) (t tapSet) {
	for i := len(f) - 1; i >= 0; i-- { // so that the pixels ascend
		if at := h + pad - i; at&1 == 0 {
			t.add(at>>1, f[i], size)
		}
	}
	return t
}

func (t *tapSet) add(at int, w float32, size int) {
	if size >= 0 && (at < 0 || at >= size) {
		return
	}
	if t.n == 0 {
		t.first = at
	}
	t.w[t.n] = w
	t.n++
}

// resample is separable: an output row is the filtered sum of input rows, which goes to a scratch row between margins of
// zeros, and then the filtered sum of its pixels. The filter [1,1] and its like have a path of their own.
func resample(c *kernels.CPU, a kernels.ResampleArgs) {
	isa := c.ISA()
	f := a.Filter
	if len(f) == 2 && f[0] == f[1] && a.Pad == 0 && a.BigH == 2*a.SmallH && a.BigW == 2*a.SmallW {
		resamplePairs(c, a)
		return
	}
	outH, outW, inH, inW := a.SmallH, a.SmallW, a.BigH, a.BigW
	vertical, phases := downTaps, 1 // phases: output pixels that differ in their taps, in turn
	if a.Up {
		outH, outW, inH, inW = inH, inW, outH, outW
		vertical, phases = upTaps, 2
	}
	scaled := make([]float32, len(f))
	for i := range f {
		scaled[i] = f[i] * a.Gain
	}
	step := 2 // input pixels from one output of a phase to the next
	if a.Up {
		step = 1
	}
	sets := make([]tapSet, phases)
	left, right := 0, 0 // margins
	for s := range sets {
		sets[s] = vertical(f, a.Pad, s, -1)
		left = max(left, -sets[s].first)
		if last := (outW - 1 - s) / phases; last >= 0 {
			right = max(right, sets[s].first+step*last+sets[s].n-inW)
		}
	}
	c.Rows(a.N*outH, outW*a.C*2, func(w, lo, hi int) {
		t := c.Scratch(w, slotRows, (left+inW+right)*a.C)
		clear(t[:left*a.C])
		clear(t[(left+inW)*a.C:])
		for m := lo; m < hi; m++ { // (n,p)
			n, p := m/outH, m%outH
			y := a.Y.F32[m*outW*a.C:][:outW*a.C]
			v := vertical(scaled, a.Pad, p, inH)
			if v.n == 0 {
				clear(y)
				continue
			}
			width := inW * a.C
			taps(isa, t[left*a.C:], a.X.F32[(n*inH+v.first)*width:], 0, 0, width, &v, 1, width)
			for s := range sets {
				count := (outW - s + phases - 1) / phases
				if count <= 0 {
					continue
				}
				if sets[s].n == 0 {
					for q := s; q < outW; q += phases {
						clear(y[q*a.C:][:a.C])
					}
					continue
				}
				taps(isa, y[s*a.C:], t[(left+sets[s].first)*a.C:], phases*a.C, step*a.C, a.C, &sets[s], count, a.C)
			}
		}
	})
}

func taps(isa kernels.ISA, y, x []float32, ys, xs, xt int, t *tapSet, rows, c int) {
	switch t.n {
	case 1:
		vecTaps1(isa, y, x, ys, xs, xt, &t.w, rows, c)
	case 2:
		vecTaps2(isa, y, x, ys, xs, xt, &t.w, rows, c)
	case 3:
		vecTaps3(isa, y, x, ys, xs, xt, &t.w, rows, c)
	case 4:
		vecTaps4(isa, y, x, ys, xs, xt, &t.w, rows, c)
	}
}

// resamplePairs is the mean of 2×2 pixels, up to a factor, and its transpose.
func resamplePairs(c *kernels.CPU, a kernels.ResampleArgs) {
	isa := c.ISA()
	f := a.Gain * a.Filter[0] * a.Filter[0]
	small, big := a.SmallW*a.C, a.BigW*a.C
	c.Rows(a.N*a.SmallH, 5*small, func(_, lo, hi int) {
		for m := lo; m < hi; m++ { // (n,p)
			if a.Up {
				vecDup2(isa, a.X.F32[m*small:], a.Y.F32[2*m*big:], a.Y.F32[(2*m+1)*big:], f, a.SmallW, a.C)
			} else {
				vecPool2(isa, a.Y.F32[m*small:], a.X.F32[2*m*big:], a.X.F32[(2*m+1)*big:], f, a.SmallW, a.C)
			}
		}
	})
}
