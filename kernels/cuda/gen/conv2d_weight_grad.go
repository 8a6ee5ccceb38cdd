package main

import "onestep/kernels/cuda/ptx/build"

func init() { files["conv2d_weight_grad.ptx"] = conv2DWeightGrad }

// conv2DWeightGrad is the product of (taps, input channels) x (pixels of y), read from x, and dy.
func conv2DWeightGrad() *build.File {
	f := build.NewFile(`conv2d_weight_grad.ptx: kernels.Conv2DWeightGrad, dw[i,j,c,o] = sum over n,p,q of x[n,p*S+i-padH,q*S+j-padW,c]*dy[n,p,q,o].
` + productText + `
A[m,k] is x for m = (i,j,c) and k = (n,p,q), zero outside the picture; B is dy. Channels fill chunks of 16 bytes.`)
	for _, t := range []tile{f32Large, f32Small, tf32Large, tf32Small, f16Large, f16Narrow, f16Small} {
		p := newProduct(f, "conv2d_weight_grad_"+t.prefix(), t, finishing{scale: true})
		a := &pixels{image: newImage(p.Kernel, p.Ptr("x"))}
		b := &matrix{across: true, ptr: p.Ptr("dy"), ld: p.I32("lddy"), extent: p.n}
		a.positions = p.I32("k")
		a.end, b.k = p.m, a.positions
		p.a, p.b = a, b
		p.write()
	}
	return f
}
