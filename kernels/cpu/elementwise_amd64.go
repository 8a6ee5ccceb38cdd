//go:build amd64 && !purego

package cpu

import "onestep/kernels"

func init() {
	kernels.Axpby.Register(kernels.Impl[kernels.AxpbyArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: axpby})
	kernels.SampleAxpby.Register(kernels.Impl[kernels.SampleAxpbyArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: sampleAxpby})
	kernels.ChannelAffine.Register(kernels.Impl[kernels.ChannelAffineArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: channelAffine})
	kernels.CopyChannels.Register(kernels.Impl[kernels.CopyChannelsArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: copyChannels,
		Fits: func(a kernels.CopyChannelsArgs) bool { return a.Y.Type == kernels.F32 && a.X.Type == kernels.F32 }})
	kernels.Mul.Register(kernels.Impl[kernels.MulArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: mul})
}

// axpby rounds b·z, then once more: within 2 units in the last place of the larger term.
func axpby(c *kernels.CPU, a kernels.AxpbyArgs) {
	isa := c.ISA()
	c.Blocks(a.N, func(_, lo, hi int) {
		y, x := a.Y.F32[lo:], a.X.F32[lo:]
		if a.Z.Given() {
			vecAxpby(isa, y, x, a.Z.F32[lo:], a.A, a.B, hi-lo)
		} else {
			vecScale(isa, y, x, a.A, hi-lo)
		}
	})
}

func sampleAxpby(c *kernels.CPU, a kernels.SampleAxpbyArgs) {
	isa := c.ISA()
	c.Blocks(a.N*a.I, func(_, lo, hi int) {
		for lo < hi {
			n := lo / a.I
			end := min(hi, (n+1)*a.I)
			y, x := a.Y.F32[lo:], a.X.F32[lo:]
			if a.Z.Given() {
				vecAxpby(isa, y, x, a.Z.F32[lo:], a.A.F32[n], a.B.F32[n], end-lo)
			} else {
				vecScale(isa, y, x, a.A.F32[n], end-lo)
			}
			lo = end
		}
	})
}

// channelAffine treats several pixels of few channels as one of many, with the coefficients repeated.
func channelAffine(c *kernels.CPU, a kernels.ChannelAffineArgs) {
	isa := c.ISA()
	pixels := min(a.M, 16*max(1, 16/a.C)) // in a row: whole vectors
	coefficients := func(slot, width int) []float32 {
		k := c.Scratch(0, slot, 3*width)
		clear(k)
		for at := 0; at < width; at += a.C {
			copy(k[width+at:], a.A.F32[:a.C])
			if a.B.Given() {
				copy(k[2*width+at:], a.B.F32[:a.C])
			}
		}
		return k
	}
	width := pixels * a.C
	k := coefficients(slotAllCoef, width)
	c.Rows(a.M/pixels, width, func(_, lo, hi int) {
		vecGnApply(isa, a.Y.F32[lo*width:], a.X.F32[lo*width:], k, hi-lo, width)
	})
	if rest := a.M % pixels * a.C; rest > 0 {
		at := a.M*a.C - rest
		vecGnApply(isa, a.Y.F32[at:], a.X.F32[at:], coefficients(slotAllParts, rest), 1, rest)
	}
}

func mul(c *kernels.CPU, a kernels.MulArgs) {
	c.Blocks(a.N, func(_, lo, hi int) { vecMul(c.ISA(), a.Y.F32[lo:], a.X.F32[lo:], a.Z.F32[lo:], hi-lo) })
}

func copyChannels(c *kernels.CPU, a kernels.CopyChannelsArgs) {
	c.Rows(a.M, a.C, func(_, lo, hi int) {
		load(c.ISA(), &a.Y.F32[lo*a.YWidth+a.YFrom], &a.X, lo*a.XWidth+a.XFrom, rowsOf(hi-lo, a.C, a.YWidth, a.XWidth))
	})
}
