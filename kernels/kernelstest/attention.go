package kernelstest

import "onestep/kernels"

// Attention draws arguments of [kernels.Attention].
func Attention(r *Rand) kernels.AttentionArgs {
	n, l, h, d := attentionSizes(r)
	return kernels.AttentionArgs{O: r.Out(n * l * h * d), LSE: r.Out(n * h * l), QKV: r.In(3 * n * l * h * d), N: n, L: l, H: h, D: d}
}

// AttentionBackward draws arguments of [kernels.AttentionBackward].
func AttentionBackward(r *Rand) kernels.AttentionBackwardArgs {
	n, l, h, d := attentionSizes(r)
	f := kernels.AttentionArgs{O: r.Out(n * l * h * d), LSE: r.Out(n * h * l), QKV: r.In(3 * n * l * h * d), N: n, L: l, H: h, D: d}
	cpu := kernels.NewCPUAt(kernels.Generic, 2)
	defer cpu.Close()
	kernels.Attention.Run(cpu, f)
	return kernels.AttentionBackwardArgs{DQKV: r.Out(3 * n * l * h * d), DO: r.In(n * l * h * d), O: f.O, LSE: f.LSE, QKV: f.QKV, N: n, L: l, H: h, D: d}
}

func attentionSizes(r *Rand) (n, l, h, d int) {
	n, l, h, d = r.Size(4), Pick(r, r.Size(40), r.Size(300)), r.Size(3), Pick(r, r.Size(70), 32)
	if n*h*l*l*d > 4_000_000 {
		n, h = 1, 1
	}
	return n, l, h, d
}
