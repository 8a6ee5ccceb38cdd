package nn

import (
	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

// inceptionBlock is branches side by side, whose results are joined along channels. The last branch pools; if it halves the image, all do.
type inceptionBlock []inceptionBranch

// inceptionBranch is a pooling, if there is one, convolutions one after the other, and convolutions side by side of what they give.
type inceptionBranch struct {
	pool  *autograd.Pool
	convs []*inceptionConv
	fork  []*inceptionConv
}

// chain makes a branch of convolutions one after the other.
func (s inceptionScope) chain(in int, units ...inceptionUnit) inceptionBranch {
	var b inceptionBranch
	for _, u := range units {
		b.convs = append(b.convs, s.conv(in, u))
		in = u.out
	}
	return b
}

// split adds convolutions side by side.
func (b inceptionBranch) split(s inceptionScope, in int, units ...inceptionUnit) inceptionBranch {
	for _, u := range units {
		b.fork = append(b.fork, s.conv(in, u))
	}
	return b
}

// after is the branch with a pooling before it.
func (b inceptionBranch) after(p autograd.Pool) inceptionBranch {
	b.pool = &p
	return b
}

// The poolings of the network. Padding counts in neither.
var (
	inceptionMean = autograd.Pool{Kernel: 3, Stride: 1, Pad: 1}
	inceptionMax  = autograd.Pool{Kernel: 3, Stride: 1, Pad: 1, Max: true}
	inceptionDown = autograd.Pool{Kernel: 3, Stride: 2, Max: true}
)

// forward maps (N,H,W,C) to (N,H',W',C'). The last convolution of every branch writes into the result.
func (b inceptionBlock) forward(x *autograd.Var) *autograd.Var {
	n, h, w, width := x.Dim(0), x.Dim(1), x.Dim(2), 0
	for _, branch := range b {
		width += branch.channels(x.Dim(3))
	}
	if b[len(b)-1].pool.Stride == 2 {
		h, w = (h-3)/2+1, (w-3)/2+1
	}
	y, from := x.Device().New(kernels.F32, n, h, w, width), 0
	for _, branch := range b {
		branch.into(y, from, x)
		from += branch.channels(x.Dim(3))
	}
	return autograd.Const(y)
}

// channels is how many the branch adds to the result, from an image of so many.
func (b inceptionBranch) channels(in int) (sum int) {
	switch {
	case b.fork != nil:
		for _, c := range b.fork {
			sum += c.weight.Dim(3)
		}
		return sum
	case b.convs != nil:
		return b.convs[len(b.convs)-1].weight.Dim(3)
	}
	return in
}

// into writes the branch's result into the channels of y that begin at from.
func (b inceptionBranch) into(y *tensor.Tensor, from int, x *autograd.Var) {
	if b.pool != nil {
		x = autograd.Pool2D(x, *b.pool)
	}
	row, last := b.convs, b.fork
	switch {
	case row == nil:
		autograd.CopyInto(y, from, x)
		return
	case last == nil:
		row, last = row[:len(row)-1], row[len(row)-1:]
	}
	for _, c := range row {
		x = c.forward(x)
	}
	for _, c := range last {
		autograd.Conv2DInto(y, from, x, c.folded, c.bias, c.conv)
		from += c.weight.Dim(3)
	}
}

// Blocks of 35×35 pixels: 64 + 64 + 96 + pool channels.
func (s inceptionScope) blockA(in, pool int) inceptionBlock {
	return inceptionBlock{
		s.chain(in, inceptionUnit{"branch1x1", "conv", 64, 1, 1, same}),
		s.chain(in, inceptionUnit{"branch5x5_1", "tower.conv", 48, 1, 1, same}, inceptionUnit{"branch5x5_2", "tower.conv_1", 64, 5, 5, same}),
		s.chain(in,
			inceptionUnit{"branch3x3dbl_1", "tower_1.conv", 64, 1, 1, same},
			inceptionUnit{"branch3x3dbl_2", "tower_1.conv_1", 96, 3, 3, same},
			inceptionUnit{"branch3x3dbl_3", "tower_1.conv_2", 96, 3, 3, same}),
		s.chain(in, inceptionUnit{"branch_pool", "tower_2.conv", pool, 1, 1, same}).after(inceptionMean),
	}
}

// To 17×17 pixels: 384 + 96 + in channels.
func (s inceptionScope) blockB(in int) inceptionBlock {
	return inceptionBlock{
		s.chain(in, inceptionUnit{"branch3x3", "conv", 384, 3, 3, halves}),
		s.chain(in,
			inceptionUnit{"branch3x3dbl_1", "tower.conv", 64, 1, 1, same},
			inceptionUnit{"branch3x3dbl_2", "tower.conv_1", 96, 3, 3, same},
			inceptionUnit{"branch3x3dbl_3", "tower.conv_2", 96, 3, 3, halves}),
		inceptionBranch{}.after(inceptionDown),
	}
}

// Blocks of 17×17 pixels, with kernels of 7 pixels in a row or column: 192 channels in each branch, mid on the way.
func (s inceptionScope) blockC(in, mid int) inceptionBlock {
	return inceptionBlock{
		s.chain(in, inceptionUnit{"branch1x1", "conv", 192, 1, 1, same}),
		s.chain(in,
			inceptionUnit{"branch7x7_1", "tower.conv", mid, 1, 1, same},
			inceptionUnit{"branch7x7_2", "tower.conv_1", mid, 1, 7, same},
			inceptionUnit{"branch7x7_3", "tower.conv_2", 192, 7, 1, same}),
		s.chain(in,
			inceptionUnit{"branch7x7dbl_1", "tower_1.conv", mid, 1, 1, same},
			inceptionUnit{"branch7x7dbl_2", "tower_1.conv_1", mid, 7, 1, same},
			inceptionUnit{"branch7x7dbl_3", "tower_1.conv_2", mid, 1, 7, same},
			inceptionUnit{"branch7x7dbl_4", "tower_1.conv_3", mid, 7, 1, same},
			inceptionUnit{"branch7x7dbl_5", "tower_1.conv_4", 192, 1, 7, same}),
		s.chain(in, inceptionUnit{"branch_pool", "tower_2.conv", 192, 1, 1, same}).after(inceptionMean),
	}
}

// To 8×8 pixels: 320 + 192 + in channels.
func (s inceptionScope) blockD(in int) inceptionBlock {
	return inceptionBlock{
		s.chain(in, inceptionUnit{"branch3x3_1", "tower.conv", 192, 1, 1, same}, inceptionUnit{"branch3x3_2", "tower.conv_1", 320, 3, 3, halves}),
		s.chain(in,
			inceptionUnit{"branch7x7x3_1", "tower_1.conv", 192, 1, 1, same},
			inceptionUnit{"branch7x7x3_2", "tower_1.conv_1", 192, 1, 7, same},
			inceptionUnit{"branch7x7x3_3", "tower_1.conv_2", 192, 7, 1, same},
			inceptionUnit{"branch7x7x3_4", "tower_1.conv_3", 192, 3, 3, halves}),
		inceptionBranch{}.after(inceptionDown),
	}
}

// Blocks of 8×8 pixels: 320 + 2·384 + 2·384 + 192 channels.
func (s inceptionScope) blockE(in int, pool autograd.Pool) inceptionBlock {
	return inceptionBlock{
		s.chain(in, inceptionUnit{"branch1x1", "conv", 320, 1, 1, same}),
		s.chain(in, inceptionUnit{"branch3x3_1", "tower_conv", 384, 1, 1, same}).split(s, 384,
			inceptionUnit{"branch3x3_2a", "tower_mixed_conv", 384, 1, 3, same}, inceptionUnit{"branch3x3_2b", "tower_mixed_conv_1", 384, 3, 1, same}),
		s.chain(in,
			inceptionUnit{"branch3x3dbl_1", "tower_1_conv", 448, 1, 1, same},
			inceptionUnit{"branch3x3dbl_2", "tower_1_conv_1", 384, 3, 3, same}).split(s, 384,
			inceptionUnit{"branch3x3dbl_3a", "tower_1_mixed_conv", 384, 1, 3, same},
			inceptionUnit{"branch3x3dbl_3b", "tower_1_mixed_conv_1", 384, 3, 1, same}),
		s.chain(in, inceptionUnit{"branch_pool", "tower_2_conv", 192, 1, 1, same}).after(pool),
	}
}
