package main

import "onestep/kernels/cuda/ptx/build"

func init() { files["conv2d_input_grad.ptx"] = conv2DInputGrad }

// conv2DInputGrad is the product of (pixels of dx) x (taps, output channels), read from dy, and the weight along its output channels.
func conv2DInputGrad() *build.File {
	f := build.NewFile(`conv2d_input_grad.ptx: kernels.Conv2DInputGrad, dx[n,h,w,c] = scale times the sum of dy[n,p,q,o]*w[i,j,c,o]
over p*S+i-padH = h, q*S+j-padW = w and o; 0 where there is a mask, in place of a residual, and it is not positive.
` + productText + `
For the pixels (n,h,w) that leave the same remainders on division by S: A[m,k] is dy for m = (n,h/S,w/S) and k = (i,j,o), zero outside the
picture; i and j count backwards in steps of S through the taps that reach these pixels. B[k,c] = w[i,j,c,o]. Output channels fill chunks.`)
	for _, t := range []tile{f32Large, f32Small, f32Thin, tf32Large, tf32Small, f16Wide, f16Large, f16Narrow, f16Small, f16Thin} {
		p := newProduct(f, "conv2d_input_grad_"+t.prefix(), t, finishing{mask: true, scale: true})
		a := &patches{image: newImage(p.Kernel, p.Ptr("dy"))}
		b := &weights{
			ptr: p.Ptr("weight"), extent: p.n, channels: a.channels, per: a.taps,
			first: p.I32("first"), tapStep: p.I32("tap_step"), rowStep: p.I32("row_step"), k: p.I32("k"),
		}
		a.positions = p.m
		p.a, p.b = a, b
		p.write()
	}
	return f
}
