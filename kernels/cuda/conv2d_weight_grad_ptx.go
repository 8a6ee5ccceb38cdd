package cuda

var conv2DWeightGradPTX = &family{name: "conv2d_weight_grad", part: "convolution, weight gradient", about: `
kernels.Conv2DWeightGrad, dw[i,j,c,o] = sum over n,p,q of x[n,p*S+i-padH,q*S+j-padW,c]*dy[n,p,q,o].
` + productText + `
A[m,k] is x for m = (i,j,c) and k = (n,p,q), zero outside the picture; B is dy. Channels fill chunks of 16 bytes.`}

func init() {
	conv2DWeightGradPTX.all(func(add func(*Kernel)) {
		for _, t := range conv2DWeightGradProduct.tiles {
			add(conv2DWeightGradProduct.kernel(t))
		}
	})
}

// conv2DWeightGradProduct is the product of (taps, input channels) × (pixels of y), read from x, and dy. Both sides are channels times taps, or
// channels: there are no tiles for few.
var conv2DWeightGradProduct = &productOp{
	of: conv2DWeightGradPTX, name: "conv2d_weight_grad",
	tiles: []tile{f32Large, f32Small, tf32Large, tf32Small, f16Large, f16Narrow, f16Small},
	does:  finishing{scale: true},
	operands: func(p *productKernel) (source, source) {
		a := &pixelSource{viewed: newViewed(p.Kernel, p.Ptr("x"))}
		b := &matrixSource{across: true, ptr: p.Ptr("dy"), ld: p.I32("lddy"), extent: p.n}
		a.positions = p.I32("k")
		a.end, b.k = p.m, a.positions
		return a, b
	},
}
