package kernels

import "math"

// Attention is scaled dot-product attention with all heads in one buffer. Head h of sample n has the rows (n,l) of q, k and v, which
// are the three parts of QKV:
//
//	P = softmax_j( q_i · k_j/√D ),   o_i = Σ_j P_ij·v_j
//
// LSE keeps log Σ_j exp(q_i·k_j/√D) for the backward pass, so that the L×L matrix P is never stored.
var Attention = define(Op[AttentionArgs]{
	Name: "attention", Ref: attention, MACs: func(a AttentionArgs) int { return 2 * a.N * a.H * a.L * a.L * a.D }, // q·k and p·v
})

// AttentionArgs lists outputs, input, sizes.
type AttentionArgs struct {
	O          Buf `kernel:"out"` // (N,L,H,D)
	LSE        Buf `kernel:"out"` // (N,H,L) float32
	QKV        Buf // (N,L,3,H,D)
	N, L, H, D int
}

func attention(c *CPU, a AttentionArgs) {
	row := 3 * a.H * a.D
	c.For(a.N*a.H, func(_, nh int) {
		n, h := nh/a.H, nh%a.H
		q := a.QKV.F32[n*a.L*row+h*a.D:]
		k, v := q[a.H*a.D:], q[2*a.H*a.D:]
		s := make([]float64, a.L)
		for i := range a.L {
			lse := attentionRow(s, q[i*row:], k, row, a.D)
			for d := range a.D {
				var o float64
				for j := range a.L {
					o += s[j] * float64(v[j*row+d])
				}
				a.O.F32[((n*a.L+i)*a.H+h)*a.D+d] = float32(o)
			}
			a.LSE.F32[nh*a.L+i] = float32(lse)
		}
	})
}

// attentionRow sets p to the softmax of q·k_j/√d over the rows k_j, and returns the log of its denominator.
func attentionRow(p []float64, q, k []float32, row, d int) (lse float64) {
	top := math.Inf(-1)
	for j := range p {
		p[j] = 0
		for e := range d {
			p[j] += float64(q[e]) * float64(k[j*row+e])
		}
		p[j] /= math.Sqrt(float64(d))
		top = max(top, p[j])
	}
	var sum float64
	for j := range p {
		p[j] = math.Exp(p[j] - top)
		sum += p[j]
	}
	for j := range p {
		p[j] /= sum
	}
	return top + math.Log(sum)
}

// AttentionBackward is the gradient of [Attention] at q, k and v. It computes P again. With dP_ij = do_i·v_j,
//
//	dS_ij = P_ij·(dP_ij − Σ_j P_ij·dP_ij),   dq_i = Σ_j dS_ij·k_j/√D,   dk_j = Σ_i dS_ij·q_i/√D,   dv_j = Σ_i P_ij·do_i
var AttentionBackward = define(Op[AttentionBackwardArgs]{
	Name: "attention_backward", Ref: attentionBackward,
	MACs: func(a AttentionBackwardArgs) int { return 5 * a.N * a.H * a.L * a.L * a.D }, // q·k again, do·v, and the three gradients
})

// AttentionBackwardArgs lists output, inputs, sizes.
type AttentionBackwardArgs struct {
	DQKV       Buf `kernel:"out"` // (N,L,3,H,D)
	DO         Buf // (N,L,H,D)
	O          Buf // (N,L,H,D)
	LSE        Buf // (N,H,L) float32
	QKV        Buf // (N,L,3,H,D)
	N, L, H, D int
}

func attentionBackward(c *CPU, a AttentionBackwardArgs) {
	row, width := 3*a.H*a.D, a.H*a.D
	scale := 1 / math.Sqrt(float64(a.D))
	c.For(a.N*a.H, func(_, nh int) {
		n, h := nh/a.H, nh%a.H
		at := n*a.L*row + h*a.D
		q := a.QKV.F32[at:]
		k, v := q[width:], q[2*width:]
		do := a.DO.F32[n*a.L*width+h*a.D:]
		dq, dk, dv := make([]float64, a.D), make([]float64, a.L*a.D), make([]float64, a.L*a.D)
		p, dp := make([]float64, a.L), make([]float64, a.L)
		for i := range a.L {
			attentionRow(p, q[i*row:], k, row, a.D)
			var dot float64
			for j := range a.L {
				dp[j] = 0
				for d := range a.D {
					dp[j] += float64(do[i*width+d]) * float64(v[j*row+d])
				}
				dot += p[j] * dp[j]
			}
			clear(dq)
			for j := range a.L {
				ds := p[j] * (dp[j] - dot) * scale
				for d := range a.D {
					dq[d] += ds * float64(k[j*row+d])
					dk[j*a.D+d] += ds * float64(q[i*row+d])
					dv[j*a.D+d] += p[j] * float64(do[i*width+d])
				}
			}
			for d := range a.D {
				a.DQKV.F32[at+i*row+d] = float32(dq[d])
			}
		}
		for j := range a.L {
			for d := range a.D {
				a.DQKV.F32[at+j*row+width+d] = float32(dk[j*a.D+d])
				a.DQKV.F32[at+j*row+2*width+d] = float32(dv[j*a.D+d])
			}
		}
	})
}
