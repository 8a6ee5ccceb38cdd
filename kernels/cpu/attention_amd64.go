//go:build amd64 && !purego

package cpu

import (
	"math"

	"onestep/kernels"
)

func init() {
	kernels.Attention.Register(kernels.Impl[kernels.AttentionArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: attention})
	kernels.AttentionBackward.Register(kernels.Impl[kernels.AttentionBackwardArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: attentionBackward})
}

const attentionRows = 128 // at most, in a block

// attentionBlocks is how the queries are cut into blocks, one product of matrices each. It depends on their number alone, so that
// neither the batch nor the threads change the products.
func attentionBlocks(l int) (rows, blocks int) {
	rows = attentionRows
	if l > 512 { // for the rows of S to stay in the second-level cache
		rows /= 2
	}
	return rows, (l + rows - 1) / rows
}

// attention does blocks of queries: S = q·kᵀ/√D in scratch memory, softmax over its rows, O = P·v. A task is one block, or all of
// them for one head if there are heads enough; then k and v stay in the cache.
func attention(c *kernels.CPU, a kernels.AttentionArgs) {
	isa := c.ISA()
	row, width := 3*a.H*a.D, a.H*a.D
	scale := float32(1 / math.Sqrt(float64(a.D)))
	rows, blocks := attentionBlocks(a.L)
	block := func(w, nh, b int) {
		n, h := nh/a.H, nh%a.H
		q := a.QKV.F32[n*a.L*row+h*a.D:]
		k, v := q[width:], q[2*width:]
		lo, hi := b*rows, min(a.L, (b+1)*rows)
		s := c.Scratch(w, slotRows, rows*a.L)
		gemmSerial(c, w, isa, s, a.L, q[lo*row:], row, false, k, row, true, hi-lo, a.L, a.D, 1, false)
		var inverse [attentionRows]float32
		for i := range hi - lo {
			p := s[i*a.L:][:a.L]
			top := scale * vecMaximum(isa, p, a.L)
			sum := vecExpSum(isa, p, scale, top, a.L)
			inverse[i] = 1 / sum
			a.LSE.F32[nh*a.L+lo+i] = float32(float64(top) + math.Log(float64(sum)))
		}
		o := a.O.F32[(n*a.L+lo)*width+h*a.D:]
		gemmSerial(c, w, isa, o, width, s, a.L, false, v, row, false, hi-lo, a.D, a.L, 1, false)
		for i := range hi - lo {
			vecScale(isa, o[i*width:], o[i*width:], inverse[i], a.D)
		}
	}
	if wholeHeads(c, a.N*a.H) {
		c.For(a.N*a.H, func(w, nh int) {
			for b := range blocks {
				block(w, nh, b)
			}
		})
		return
	}
	c.For(a.N*a.H*blocks, func(w, t int) { block(w, t/blocks, t%blocks) })
}

// wholeHeads tells whether so many heads keep all threads busy with one head a task.
func wholeHeads(c *kernels.CPU, heads int) bool {
	return c.Threads() == 1 || heads >= 4*c.Threads() || heads%c.Threads() == 0
}

// attentionBackward makes P and dS of a block of queries, then dq = dS·k, and adds dSᵀ·q to dk and Pᵀ·do to dv. A task is a head;
// or heads go one after another, all of P and dS is made, a task being a block of queries, and then dk and dv, a task being
// a block of keys. The sums run in the same order either way.
func attentionBackward(c *kernels.CPU, a kernels.AttentionBackwardArgs) {
	isa := c.ISA()
	row, width := 3*a.H*a.D, a.H*a.D
	scale := float32(1 / math.Sqrt(float64(a.D)))
	rows, blocks := attentionBlocks(a.L)
	type head struct{ q, k, v, do, o, lse, dq, dk, dv []float32 }
	of := func(nh int) head {
		n, h := nh/a.H, nh%a.H
		q, dq := a.QKV.F32[n*a.L*row+h*a.D:], a.DQKV.F32[n*a.L*row+h*a.D:]
		at := n*a.L*width + h*a.D
		return head{q, q[width:], q[2*width:], a.DO.F32[at:], a.O.F32[at:], a.LSE.F32[nh*a.L:], dq, dq[width:], dq[2*width:]}
	}
	queries := func(w int, x head, p, ds []float32, lo, hi int) {
		gemmSerial(c, w, isa, p, a.L, x.q[lo*row:], row, false, x.k, row, true, hi-lo, a.L, a.D, 1, false)
		gemmSerial(c, w, isa, ds, a.L, x.do[lo*width:], width, false, x.v, row, true, hi-lo, a.L, a.D, 1, false)
		for i := range hi - lo {
			vecExpSum(isa, p[i*a.L:], scale, x.lse[lo+i], a.L)
			at := (lo + i) * width
			delta := vecDot(isa, x.do[at:], x.o[at:], a.D) // = Σ_j P_ij·dP_ij
			vecAttentionGrad(isa, ds[i*a.L:], p[i*a.L:], scale, delta, a.L)
		}
		gemmSerial(c, w, isa, x.dq[lo*row:], row, ds, a.L, false, x.k, row, false, hi-lo, a.D, a.L, 1, false)
	}
	// keys adds what the queries from lo to hi give to dk and dv of the keys from klo to khi; p and ds start at row lo. The
	// sums run over the queries in order in any case, since a product continues the sums that it adds to.
	keys := func(w int, x head, p, ds []float32, lo, hi, klo, khi int) {
		gemmSerial(c, w, isa, x.dk[klo*row:], row, ds[klo:], a.L, true, x.q[lo*row:], row, false, khi-klo, a.D, hi-lo, 1, lo > 0)
		gemmSerial(c, w, isa, x.dv[klo*row:], row, p[klo:], a.L, true, x.do[lo*width:], width, false, khi-klo, a.D, hi-lo, 1, lo > 0)
	}
	if wholeHeads(c, a.N*a.H) {
		c.For(a.N*a.H, func(w, nh int) {
			x := of(nh)
			both := c.Scratch(w, slotRows, 2*rows*a.L)
			p, ds := both[:rows*a.L], both[rows*a.L:]
			for lo := 0; lo < a.L; lo += rows {
				hi := min(a.L, lo+rows)
				queries(w, x, p, ds, lo, hi)
				keys(w, x, p, ds, lo, hi, 0, a.L)
			}
		})
		return
	}
	both := c.Scratch(0, slotAllRows, 2*a.L*a.L)
	p, ds := both[:a.L*a.L], both[a.L*a.L:]
	for nh := range a.N * a.H {
		x := of(nh)
		c.For(blocks, func(w, b int) {
			lo, hi := b*rows, min(a.L, (b+1)*rows)
			queries(w, x, p[lo*a.L:], ds[lo*a.L:], lo, hi)
		})
		c.For(blocks, func(w, b int) { keys(w, x, p, ds, 0, a.L, b*rows, min(a.L, (b+1)*rows)) })
	}
}
