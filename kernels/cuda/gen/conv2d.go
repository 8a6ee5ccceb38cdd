package main

import "onestep/kernels/cuda/ptx/build"

func init() { files["conv2d.ptx"] = conv2D }

// conv2D is the product of (pixels of y) x (taps, input channels), read from x as they are needed, and the weight.
func conv2D() *build.File {
	f := build.NewFile(`conv2d.ptx: kernels.Conv2D, y[n,p,q,o] = act(s*(sum over i,j,c of x[n,p*S+i-padH,q*S+j-padW,c]*w[i,j,c,o] + b[o] + r[n,p,q,o])).
` + productText + `
A[m,k] is x for m = (n,p,q) and k = (i,j,c), zero outside the picture; B is w. Input channels fill chunks of 16 bytes.`)
	for _, t := range []tile{f32Large, f32Small, f32Thin, tf32Large, tf32Small, f16Wide, f16Large, f16Narrow, f16Small, f16Thin} {
		p := newProduct(f, "conv2d_"+t.prefix(), t, finishing{bias: true, residual: true, scale: true, floor: true})
		a := &patches{image: newImage(p.Kernel, p.Ptr("x"))}
		b := &matrix{across: true, ptr: p.Ptr("weight"), ld: p.I32("ldw"), k: p.I32("k"), extent: p.n}
		a.positions = p.m
		p.a, p.b = a, b
		p.write()
	}
	return f
}
