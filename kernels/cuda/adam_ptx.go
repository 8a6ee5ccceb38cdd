package cuda

import (
	"onestep/kernels"
	"onestep/kernels/cuda/asm"
)

var adamPTX = &family{name: "adam", part: "optimiser", about: `
one update of Adam or RAdam for all parameters, with every moving average and the binary16 copies; kernels/adam.go has the
formulas, and every float32 operation here is one of those, in its order, correctly rounded and never fused.
A block has 4096 elements of one parameter. A row of the table has the addresses of theta, m, v, g, the copy or 0, and the averages.
Bytes an element: 28, and 8 for every average, and 2 for the copy.`}

func init() {
	adamPTX.all(func(add func(*Kernel)) { add(adamKernel()) })
}

func adamKernel() *Kernel { return adamPTX.kernel("adam_f32", 256, writeAdam) }

func writeAdam(k *asm.Kernel) {
	t, plan := newTablePlace(k), k.Ptr("plan")
	decay, b1, c1, b2, c2 := k.F32("decay"), k.F32("b1"), k.F32("c1"), k.F32("b2"), k.F32("c2")
	rates, averages := k.Ptr("rates"), k.I32("averages")
	setting := func(i int) asm.Reg { return k.Load(asm.GlobalNC, asm.F32, plan, 4*i) }
	k.If(setting(kernels.PlanApply).Ne(0), func() {
		gradScale, step, eps, adaptive := setting(kernels.PlanGradScale), setting(kernels.PlanStep), setting(kernels.PlanEps), setting(kernels.PlanAdaptive).Ne(0)
		p, m, v, g, half := t.buffer(0), t.buffer(1), t.buffer(2), t.buffer(3), t.buffer(4)
		hasHalf := half.Ne(0)
		t.each(func(e asm.Reg, width int) {
			load := func(x asm.Reg) []asm.Reg { return loadFloats(k, asm.Global, asm.F32, width, x.Index(e, 4), 0) }
			store := func(x asm.Reg, ys []asm.Reg) { storeFloats(k, asm.Global, asm.F32, x.Index(e, 4), 0, ys) }
			ps, ms, vs, gs := load(p), load(m), load(v), load(g)
			by := make([]asm.Reg, width) // what the step is divided by
			for i := range ps {
				grad := gs[i].Mul(gradScale).Add(decay.Mul(ps[i]))
				ms[i] = b1.Mul(ms[i]).Add(c1.Mul(grad))
				vs[i] = b2.Mul(vs[i]).Add(c2.Mul(grad).Mul(grad))
				by[i] = k.Var(asm.F32, 1)
			}
			k.If(adaptive, func() {
				for i := range by {
					by[i].Set(vs[i].Sqrt().Add(eps))
				}
			})
			for i := range ps {
				ps[i] = ps[i].Sub(step.Mul(ms[i]).Div(by[i]))
			}
			store(p, ps)
			store(m, ms)
			store(v, vs)
			k.If(hasHalf, func() { storeFloats(k, asm.Global, asm.F16, half.Index(e, 2), 0, ps) })
			k.For(0, averages, 1, func(a asm.Reg) {
				rate := k.LoadV(asm.GlobalNC, asm.F32, 2, rates.Index(a, 8), 0) // r, 1−r
				ema := k.Op("cvta.to.global.u64", asm.U64, k.Load(asm.GlobalNC, asm.U64, t.row.Index(a, 8), 8*6))
				es := load(ema)
				for i := range es {
					es[i] = rate[0].Mul(es[i]).Add(rate[1].Mul(ps[i]))
				}
				store(ema, es)
			})
		})
	})
}
