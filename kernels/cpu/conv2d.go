//go:build amd64 && !purego

package cpu

import (
	"onestep/kernels"
)

func init() {
	for _, isa := range []kernels.ISA{kernels.AVX2, kernels.AVX512} {
		kernels.Conv2D.Register(kernels.Impl[kernels.Conv2DArgs]{
			Kind: "cpu", ISA: isa, Half: true,
			CPU: func(c *kernels.CPU, a kernels.Conv2DArgs) { conv2D(c, isa, a) },
		})
		kernels.Conv2DInputGrad.Register(kernels.Impl[kernels.Conv2DInputGradArgs]{
			Kind: "cpu", ISA: isa, Half: true,
			CPU: func(c *kernels.CPU, a kernels.Conv2DInputGradArgs) { conv2DInputGrad(c, isa, a) },
		})
		kernels.Conv2DWeightGrad.Register(kernels.Impl[kernels.Conv2DWeightGradArgs]{
			Kind: "cpu", ISA: isa, Half: true,
			CPU: func(c *kernels.CPU, a kernels.Conv2DWeightGradArgs) { conv2DWeightGrad(c, isa, a) },
		})
	}
}

// conv2D is the product of (pixels of y) x (taps, input channels) and the weight, (taps, input channels) x O.
func conv2D(c *kernels.CPU, isa kernels.ISA, a kernels.Conv2DArgs) {
	s, row := a.ConvShape, a.Row()
	p := product{
		c: c, isa: isa, m: s.N * s.OH * s.OW, n: s.O, k: s.KH * s.KW * s.I, alpha: 1,
		bias: a.Bias, residual: a.Residual, ldr: row,
		scale: a.Scale, floor: negInf, finish: a.Residual.Given() || a.Scale != 1 || a.ReLU,
	}
	if a.ReLU {
		p.floor = 0
	}
	mustHold(&a.X, s.N*s.H*s.W, s.I, s.I)
	mustHold(&a.Weight, p.k, s.O, s.O)
	mustHold(&a.Y, p.m, p.n, row)
	if a.Bias.Given() {
		mustHold(&a.Bias, 1, s.O, 0)
	}
	if a.Residual.Given() {
		mustHold(&a.Residual, p.m, p.n, row)
	}
	if few(s, s.O, s.I) {
		conv2DFew(c, isa, a)
		return
	}
	x := inputImage(s)
	p.b = &rightMatrix{buf: a.Weight, per: s.I, ld: s.O}
	for t := range x.kh * x.kw {
		i, j := x.tap(t)
		p.b.taps = append(p.b.taps, (i*s.KW+j)*s.I*s.O)
	}
	if x.kh*x.kw == 1 || !x.byColumn {
		p.b.taps, p.b.per = oneTap, p.k
	}
	defer p.read(x, a.X)()
	p.writeTo(a.Y, row)
	p.run()
}

// conv2DInputGrad is a convolution of dy with the weight turned round, phase by phase of the stride, and then the rectifier's gradient.
func conv2DInputGrad(c *kernels.CPU, isa kernels.ISA, a kernels.Conv2DInputGradArgs) {
	s := a.ConvShape
	mustHold(&a.DX, s.N*s.H*s.W, s.I, s.I)
	mustHold(&a.DY, s.N*s.OH*s.OW, s.O, s.O)
	mustHold(&a.Weight, s.KH*s.KW*s.I, s.O, s.O)
	if few(s, s.I, s.O) {
		conv2DInputGradFew(c, isa, a)
	} else {
		conv2DInputGradPhases(c, isa, a)
	}
	if a.Mask.Given() {
		kernels.ReLUBackward.Run(c, kernels.ReLUBackwardArgs{DX: a.DX, DY: a.DX, Y: a.Mask, N: s.N * s.H * s.W * s.I})
	}
}

// conv2DInputGradPhases is, for every phase of the stride, the product of (pixels of dx in that phase) x (taps that reach them,
// output channels) and those taps of the weight, transposed. With stride 1 there is one phase.
func conv2DInputGradPhases(c *kernels.CPU, isa kernels.ISA, a kernels.Conv2DInputGradArgs) {
	s := a.ConvShape
	for ph := range min(s.Stride, s.H) {
		for pw := range min(s.Stride, s.W) {
			// Taps i0, i0−S, … reach the phase, the last first, from lines of dy that follow each other.
			i0, h0, kh := kernels.LastTap(ph+s.PadH, s.KH, s.Stride)
			j0, w0, kw := kernels.LastTap(pw+s.PadW, s.KW, s.Stride)
			y := &image{
				n: s.N, h: s.OH, w: s.OW, c: s.O, step: 1, kh: kh, kw: kw, h0: h0, w0: w0,
				gridH: (s.H - ph + s.Stride - 1) / s.Stride, gridW: (s.W - pw + s.Stride - 1) / s.Stride,
			}
			y.byColumn = y.large()
			p := product{
				c: c, isa: isa, m: s.N * y.gridH * y.gridW, n: s.I, k: kh * kw * s.O, alpha: a.Scale,
				b: &rightMatrix{buf: a.Weight, per: s.O, ld: s.O, trans: true},
			}
			for t := range kh * kw {
				i, j := y.tap(t)
				p.b.taps = append(p.b.taps, ((i0-i*s.Stride)*s.KW+j0-j*s.Stride)*s.I*s.O)
			}
			dx := &phase{buf: a.DX, ConvShape: s, ph: ph, pw: pw, gridH: y.gridH, gridW: y.gridW}
			switch {
			case p.k == 0:
				dx.clear(c, isa, p.m)
				continue
			case s.Stride == 1:
				p.writeTo(a.DX, s.I)
			default:
				p.out = dx
			}
			free := p.read(y, a.DY)
			p.run()
			free()
		}
	}
}

// conv2DWeightGrad is the product of (taps, input channels) x (pixels of y), whose transpose is read from x, and dy.
func conv2DWeightGrad(c *kernels.CPU, isa kernels.ISA, a kernels.Conv2DWeightGradArgs) {
	s := a.ConvShape
	p := product{
		c: c, isa: isa, m: s.KH * s.KW * s.I, n: s.O, k: s.N * s.OH * s.OW, formT: true,
		b: &rightMatrix{buf: a.DY, taps: oneTap, per: s.N * s.OH * s.OW, ld: s.O}, alpha: 1,
		scale: a.Scale, floor: negInf, finish: a.Scale != 1,
	}
	mustHold(&a.X, s.N*s.H*s.W, s.I, s.I)
	mustHold(&a.DY, p.k, p.n, p.n)
	mustHold(&a.DWeight, p.m, p.n, p.n)
	if a.DBias.Given() {
		mustHold(&a.DBias, 1, s.O, 0)
		if a.Sums.Given() {
			sumSamples(c, a.DBias, a.Sums, s.N, s.O, a.Scale)
			a.DBias = kernels.Buf{}
		}
	}
	switch {
	case s.I <= mostFew:
		conv2DWeightGradFewInputs(c, isa, a)
		return
	case s.O <= mostFew && s.Stride == 1:
		conv2DWeightGradFewOutputs(c, isa, a)
		return
	}
	p.bSums = a.DBias
	x := inputImage(s)
	x.byColumn = false
	defer p.read(x, a.X)()
	p.writeTo(a.DWeight, s.O)
	p.run()
}

// sumSamples is y[o] = scale·Σ_n x[n,o], in float64, for a few numbers of either type.
func sumSamples(c *kernels.CPU, y, x kernels.Buf, n, width int, scale float32) {
	total := scratch64(c, 0, slotAllParts, width)
	clear(total)
	for i := range n {
		for o := range total {
			if at := i*width + o; x.Type == kernels.F16 {
				total[o] += float64(x.F16[at].Float32())
			} else {
				total[o] += float64(x.F32[at])
			}
		}
	}
	for o, v := range total {
		if v := float32(float64(scale) * v); y.Type == kernels.F16 {
			y.F16[o] = kernels.ToF16(v)
		} else {
			y.F32[o] = v
		}
	}
}
