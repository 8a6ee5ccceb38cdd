package nn

import "onestep/autograd"

// inceptionBlock is branches side by side, whose results are joined along channels.
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

// into adds convolutions side by side.
func (b inceptionBranch) into(s inceptionScope, in int, units ...inceptionUnit) inceptionBranch {
	for _, u := range units {
		b.fork = append(b.fork, s.conv(in, u))
	}
	return b
}

// after puts a pooling before a branch.
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

// forward maps (N,H,W,C) to (N,H',W',C').
func (b inceptionBlock) forward(x *autograd.Var) *autograd.Var {
	var parts []*autograd.Var
	for _, branch := range b {
		y := x
		if branch.pool != nil {
			y = autograd.Pool2D(y, *branch.pool)
		}
		for _, c := range branch.convs {
			y = c.forward(y)
		}
		if branch.fork == nil {
			parts = append(parts, y)
		}
		for _, c := range branch.fork {
			parts = append(parts, c.forward(y))
		}
	}
	return autograd.Concat(parts...)
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
		s.chain(in, inceptionUnit{"branch3x3_1", "tower_conv", 384, 1, 1, same}).into(s, 384,
			inceptionUnit{"branch3x3_2a", "tower_mixed_conv", 384, 1, 3, same}, inceptionUnit{"branch3x3_2b", "tower_mixed_conv_1", 384, 3, 1, same}),
		s.chain(in,
			inceptionUnit{"branch3x3dbl_1", "tower_1_conv", 448, 1, 1, same},
			inceptionUnit{"branch3x3dbl_2", "tower_1_conv_1", 384, 3, 3, same}).into(s, 384,
			inceptionUnit{"branch3x3dbl_3a", "tower_1_mixed_conv", 384, 1, 3, same},
			inceptionUnit{"branch3x3dbl_3b", "tower_1_mixed_conv_1", 384, 3, 1, same}),
		s.chain(in, inceptionUnit{"branch_pool", "tower_2_conv", 192, 1, 1, same}).after(pool),
	}
}
