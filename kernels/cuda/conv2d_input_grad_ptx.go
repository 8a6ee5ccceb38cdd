package cuda

var conv2DInputGradPTX = &family{name: "conv2d_input_grad", part: "convolution, input gradient", about: `
kernels.Conv2DInputGrad, dx[n,h,w,c] = scale times the sum of dy[n,p,q,o]*w[i,j,c,o]
over p*S+i-padH = h, q*S+j-padW = w and o; 0 where there is a mask, in place of a residual, and it is not positive.
` + productText + `
For the pixels (n,h,w) that leave the same remainders on division by S: A[m,k] is dy for m = (n,h/S,w/S) and k = (i,j,o), zero outside the
picture; i and j count backwards in steps of S through the taps that reach these pixels. B[k,c] = w[i,j,c,o]. Output channels fill chunks.`}

func init() {
	conv2DInputGradPTX.all(func(add func(*Kernel)) {
		for _, t := range conv2DInputGradProduct.tiles {
			add(conv2DInputGradProduct.kernel(t))
		}
	})
}

// conv2DInputGradProduct is the product of (pixels of dx) × (taps, output channels), read from dy, and the weight along its output channels.
var conv2DInputGradProduct = &productOp{
	of: conv2DInputGradPTX, name: "conv2d_input_grad", tiles: allTiles, does: finishing{mask: true, scale: true},
	operands: func(p *productKernel) (source, source) {
		a := &patchSource{viewed: newViewed(p.Kernel, p.Ptr("dy"))}
		a.positions = p.m
		return a, &weightSource{
			ptr: p.Ptr("weight"), extent: p.n, channels: a.channels, per: a.taps,
			first: p.I32("first"), tapStep: p.I32("tap_step"), rowStep: p.I32("row_step"), k: p.I32("k"),
		}
	},
}
