package main

// The tiles that products are cut into. Where nothing else is said they hold their two blocks, or one of 256 threads, on a multiprocessor.
var (
	f32Large  = tile{name: "128x128", arithmetic: ffma, m: 128, n: 128, wm: 32, wn: 64, stages: 4}
	f32Small  = tile{name: "64x64", arithmetic: ffma, m: 64, n: 64, wm: 32, wn: 64, stages: 3, blocks: 4} // left alone, ptxas aims at five blocks and spills
	f32Thin   = tile{name: "128x32", arithmetic: ffma, m: 128, n: 32, wm: 64, wn: 32, stages: 3}          // for few channels
	tf32Large = tile{name: "128x128", arithmetic: tf32, m: 128, n: 128, wm: 64, wn: 64, stages: 4}
	tf32Small = tile{name: "64x64", arithmetic: tf32, m: 64, n: 64, wm: 32, wn: 32, stages: 4, blocks: 4}
	f16Wide   = tile{name: "256x128", arithmetic: tensor, m: 256, n: 128, wm: 64, wn: 64, stages: 4} // one block: fewest bytes from the second-level cache
	f16Large  = tile{name: "128x128", arithmetic: tensor, m: 128, n: 128, wm: 64, wn: 64, stages: 4}
	f16Narrow = tile{name: "256x64", arithmetic: tensor, m: 256, n: 64, wm: 64, wn: 64, stages: 4}
	f16Small  = tile{name: "64x64", arithmetic: tensor, m: 64, n: 64, wm: 32, wn: 32, stages: 4}
	f16Thin   = tile{name: "128x16", arithmetic: tensor, m: 128, n: 16, wm: 32, wn: 16, stages: 4} // for a few channels
)

// prefix is the part of a kernel's name that says how it multiplies.
func (t tile) prefix() string {
	return map[arithmetic]string{ffma: "f32", tf32: "tf32", tensor: "f16_tc"}[t.arithmetic]
}

const productText = `Blocks make tiles of C from slices of A and B in shared memory (tile.go, product.go); C is max(scale*(sum + bias + residual), floor),
of what is a parameter. bias, residual and mask may be null. types: 1 if C and residual are float32, 2 if the bias is, 4 if C's rows are vectors. Of the sum's slices, 64 bytes deep, block
(x,y) takes run from y*run on and, where there are several y, writes the y-th of as many C for product_reduce to add up.
Bytes from memory for a tile m x n: (m+n)*K*size + 2*m*n. Error: that of a float32 sum of K products in any order.`
