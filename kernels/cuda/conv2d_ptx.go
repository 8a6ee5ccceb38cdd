package cuda

var conv2DPTX = &family{name: "conv2d", part: "convolution", about: `
kernels.Conv2D, y[n,p,q,o] = act(s*(sum over i,j,c of x[n,p*S+i-padH,q*S+j-padW,c]*w[i,j,c,o] + b[o] + r[n,p,q,o])).
` + productText + `
A[m,k] is x for m = (n,p,q) and k = (i,j,c), zero outside the picture; B is w. Input channels fill chunks of 16 bytes.`}

func init() {
	conv2DPTX.all(func(add func(*Kernel)) {
		for _, t := range conv2DProduct.tiles {
			add(conv2DProduct.kernel(t))
		}
	})
}

// conv2DProduct is the product of (pixels of y) × (taps, input channels), read from x as they are needed, and the weight.
var conv2DProduct = &productOp{
	of: conv2DPTX, name: "conv2d", tiles: allTiles, does: finishing{bias: true, residual: true, scale: true, floor: true},
	operands: func(p *productKernel) (source, source) {
		a := &patchSource{viewed: newViewed(p.Kernel, p.Ptr("x"))}
		a.positions = p.m
		return a, &matrixSource{across: true, ptr: p.Ptr("weight"), ld: p.I32("ldw"), k: p.I32("k"), extent: p.n}
	},
}
