package nn

import (
	"math"

	"onestep/autograd"
	"onestep/tensor"
)

// BlockConfig is what distinguishes the blocks of the two U-Nets.
type BlockConfig struct {
	In, Out, Emb    int
	Up, Down        bool
	Attention       bool
	Heads           int // 0: one for every ChannelsPerHead channels
	ChannelsPerHead int // 0: 64
	Adaptive        bool
	SkipScale       float32
	Eps             float32
	Filter          []float32
	ResampleProj    bool // a resampling skip has a 1×1 convolution even if the width stays

	init, initZero, initQKV style
}

// UNetBlock is the residual block of both U-Nets [karras22]:
//
//	h = conv0( silu( norm0(x) ) )
//	h = silu( norm1( h + affine(e) ) )                   or, adaptive,
//	h = silu( shift + norm1(h)·(1 + scale) ),            (scale, shift) = affine(e)
//	x = ( conv1( dropout(h) ) + skip(x) )·s
//	x = ( proj( attention( qkv( norm2(x) ) ) ) + x )·s   with attention
type UNetBlock struct {
	BlockConfig
	Norm0, Norm1, Norm2 *GroupNorm
	Conv0, Conv1, Skip  *Conv2d // Skip may be nil: the identity
	Affine              *Linear
	QKV, Proj           *Conv2d // nil without attention
	index               uint64  // among the blocks of the network, for dropout
}

// NewUNetBlock declares the tensors in the published order.
func NewUNetBlock(s Scope, c BlockConfig) *UNetBlock {
	if c.ChannelsPerHead == 0 {
		c.ChannelsPerHead = 64
	}
	switch {
	case !c.Attention:
		c.Heads = 0
	case c.Heads == 0:
		c.Heads = c.Out / c.ChannelsPerHead
	}
	width := c.Out
	if c.Adaptive {
		width = 2 * c.Out
	}
	b := &UNetBlock{
		BlockConfig: c,
		Norm0:       NewGroupNorm(s.In("norm0"), c.In, c.Eps),
		Conv0:       NewConv2d(s.In("conv0"), ConvConfig{In: c.In, Out: c.Out, Kernel: 3, Up: c.Up, Down: c.Down, Filter: c.Filter}, c.init),
		Affine:      NewLinear(s.In("affine"), c.Emb, width, true, c.init),
		Norm1:       NewGroupNorm(s.In("norm1"), c.Out, c.Eps),
		Conv1:       NewConv2d(s.In("conv1"), ConvConfig{In: c.Out, Out: c.Out, Kernel: 3}, c.initZero),
	}
	if c.Out != c.In || c.Up || c.Down {
		kernel := 0
		if c.ResampleProj || c.Out != c.In {
			kernel = 1
		}
		b.Skip = NewConv2d(s.In("skip"), ConvConfig{In: c.In, Out: c.Out, Kernel: kernel, Up: c.Up, Down: c.Down, Filter: c.Filter}, c.init)
	}
	if c.Heads > 0 {
		b.Norm2 = NewGroupNorm(s.In("norm2"), c.Out, c.Eps)
		b.QKV = NewConv2d(s.In("qkv"), ConvConfig{In: c.Out, Out: 3 * c.Out, Kernel: 1, perm: qkvOrder(c.Out)}, c.initQKV)
		b.Proj = NewConv2d(s.In("proj"), ConvConfig{In: c.Out, Out: c.Out, Kernel: 1}, c.initZero)
	}
	return b
}

// qkvOrder maps channel 3·c+j of a published projection, part j of channel c over all heads, to j·C+c.
func qkvOrder(channels int) []int {
	perm := make([]int, 3*channels)
	for i := range perm {
		perm[i] = i%3*channels + i/3
	}
	return perm
}

// Forward maps (N,H,W,In), with the embedding (N,Emb), to (N,H',W',Out).
func (b *UNetBlock) Forward(x, emb *autograd.Var, drop *Dropout) *autograd.Var {
	return autograd.Scope(x.Device(), func() *autograd.Var {
		p := b.Affine.Forward(emb)
		h := b.Conv0.Forward(b.Norm0.Forward(x, autograd.Norm{SiLU: true}))
		if b.Adaptive {
			h = b.Norm1.Forward(h, autograd.Norm{ScaleShift: p, SiLU: true})
		} else {
			h = b.Norm1.Forward(h, autograd.Norm{Add: p, SiLU: true})
		}
		skip := x
		if b.Skip != nil {
			skip = b.Skip.Forward(x)
		}
		y := b.Conv1.ForwardTo(drop.apply(h, b.index), autograd.Conv{Residual: skip, Scale: b.SkipScale})
		if b.Heads == 0 {
			return y
		}
		a := autograd.Attention(b.QKV.Forward(b.Norm2.Forward(y, autograd.Norm{})), b.Heads)
		return b.Proj.ForwardTo(a, autograd.Conv{Residual: y, Scale: b.SkipScale})
	})
}

// Dropout zeroes activations with probability P during training and scales the others by 1/(1−P). The nil Dropout does nothing. The mask of
// a sample depends on the seed, the step, the sample's number and the block alone.
type Dropout struct {
	P      float32
	Random tensor.Random
	Step   *int // read again whenever a [tensor.Program] is replayed
	Sample int  // the number of the first sample in the batch
}

// maxBlocks bounds the number of blocks in a network: block numbers share a counter word with the step.
const maxBlocks = 1 << 10

func (d *Dropout) apply(x *autograd.Var, block uint64) *autograd.Var {
	if d == nil || d.P == 0 {
		return x
	}
	n := x.Dim(0)
	per := x.Len() / n
	mask := x.Device().Input(func(dst []float32) {
		for i := range n {
			m := dst[i*per : (i+1)*per]
			d.Random.Uniform(m, tensor.Dropout, uint64(*d.Step)*maxBlocks+block, uint64(d.Sample+i))
			for j, u := range m {
				m[j] = 0
				if u >= d.P {
					m[j] = 1 / (1 - d.P)
				}
			}
		}
	}, x.Shape()...)
	return x.Mul(autograd.Cast(autograd.Const(mask), x.Value.DType()))
}

// sqrtHalf is SongUNet's skip scale.
const sqrtHalf = float32(math.Sqrt2 / 2)
