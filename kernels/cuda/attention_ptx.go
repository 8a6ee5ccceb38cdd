package cuda

import (
	"strconv"

	"onestep/kernels/cuda/asm"
)

var attentionPTX = &family{name: "attention", part: "attention", about: `
o = softmax(q*k^T/sqrt(D))*v, and its gradient, without an L*L matrix in memory. The gradient's parts dq, dk and dv are
launches of their own, each with P computed again from q, k and the log of its denominator, so that sums have a fixed order and no atomics.
A block makes some rows of the result of one head of one sample and goes through the columns of P in tiles. Blocks are numbered
tile + tiles*(n*H + h) along x; along y is the slice of the head's D elements in the float32 kernels, whose names end in its width.
The float32 kernels multiply with FFMA; exponentials are within |x|*2^-24 of themselves and 2 ulp. The f16 kernels multiply halves on tensor
cores with float32 sums; P and dS are rounded to half between the two products.`}

// attentionPass is one of the products that attention and its gradient are made of. With X = A·Bᵀ, Y = A2·B2ᵀ and W made of them element by element,
//
//	out = W·C
//
// where rows are queries and columns keys, or the other way round. A column's share is added tile by tile.
type attentionPass struct {
	name      string
	keys      bool // rows are keys: statistics of queries belong to columns
	gradient  bool // W = P·(Y − delta)/√D, and C is B; otherwise W = P, and C is B2
	normalise bool // P is not known from LSE: keep maximum and sum of every row
}

var (
	attentionO  = attentionPass{name: "attention", normalise: true}               // o = P·v:    A = q, B = k, B2 = v
	attentionDQ = attentionPass{name: "attention_dq", gradient: true}             // dq = dS·k:  A = q, B = k, A2 = do, B2 = v
	attentionDK = attentionPass{name: "attention_dk", keys: true, gradient: true} // dk = dSᵀ·q: A = k, B = q, A2 = v, B2 = do
	attentionDV = attentionPass{name: "attention_dv", keys: true}                 // dv = Pᵀ·do: A = k, B = q, B2 = do
)

func init() {
	attentionPTX.all(func(add func(*Kernel)) {
		for _, p := range []attentionPass{attentionO, attentionDQ, attentionDK, attentionDV} {
			for _, width := range []int{64, 256} {
				add(p.kernelF32(width))
			}
			for _, c := range p.cuts() {
				add(p.kernelF16(c))
			}
		}
		for _, t := range floats {
			add(attentionDeltaKernel(t))
		}
	})
}

// kernelF32 has slices of so many columns of out.
func (p attentionPass) kernelF32(width int) *Kernel {
	return attentionPTX.kernel(p.name+"_f32_"+strconv.Itoa(width), faThreads, func(k *asm.Kernel) { writeAttentionF32(k, p, width) })
}

func (p attentionPass) kernelF16(c attentionCut) *Kernel {
	return attentionPTX.kernel(p.name+"_f16_"+strconv.Itoa(c.depth), tcThreads, func(k *asm.Kernel) { writeAttentionF16(k, p, c) })
}

func attentionDeltaKernel(t asm.Type) *Kernel {
	return attentionPTX.kernel(typed("attention_delta", t), 256, func(k *asm.Kernel) { writeAttentionDelta(k, t) })
}

// writeAttentionDelta sets delta[n,h,l] = Σ_d o·do of the rows (n,l,h), one in a warp.
func writeAttentionDelta(k *asm.Kernel, t asm.Type) {
	delta, o, do := k.Ptr("delta"), k.Ptr("o"), k.Ptr("do")
	rows, l, h, d := k.I32("rows"), k.I32("l"), k.I32("h"), k.I32("d")
	r := k.CTAID().FMA(8, k.Warp()) // (n,l,h)
	k.Exit(r.Ge(rows))
	lane := k.Lane()
	sum := k.Var(asm.F32, 0)
	first := r.MulWide(d.Mul(t.Size())).As(asm.U64)
	o, do = o.Add(first), do.Add(first)
	k.For(lane, d, 32, func(i asm.Reg) {
		x := loadFloats(k, asm.Global, t, 1, o.Index(i, t.Size()), 0)[0]
		y := loadFloats(k, asm.Global, t, 1, do.Index(i, t.Size()), 0)[0]
		sum.Set(x.FMA(y, sum))
	})
	sum = total(sum)
	k.Exit(lane.Ne(0))
	nl := r.Div(h)
	n := nl.Div(l)
	k.Store(asm.Global, delta.Index(n.FMA(h, r.Sub(nl.Mul(h))).FMA(l, nl.Sub(n.Mul(l))), 4), 0, sum)
}
