package cuda

import (
	"math"

	"onestep/kernels"
	"onestep/kernels/cuda/asm"
)

var stepControlPTX = &family{name: "stepcontrol", part: "optimiser", about: `
what becomes of a step, and the plan for the update; kernels/stepcontrol.go has the formulas, and every float64 operation
here is one of those, in its order, correctly rounded and never fused: the bits are the same.
One warp; its lanes look at 32 losses at a time and all do the same arithmetic, lane 0 writes.`}

func init() {
	stepControlPTX.all(func(add func(*Kernel)) { add(stepControlKernel()) })
}

func stepControlKernel() *Kernel { return stepControlPTX.kernel("step_control", 32, writeStepControl) }

func writeStepControl(k *asm.Kernel) {
	state, plan, report, grad, param, lrAt, losses := k.Ptr("state"), k.Ptr("plan"), k.Ptr("report"), k.Ptr("grad"), k.Ptr("param"), k.Ptr("lr"), k.Ptr("losses")
	n, rectified := k.I32("n"), k.I32("rectified")
	beta1, beta2, eps, clip, growth := k.F64("beta1"), k.F64("beta2"), k.F64("eps"), k.F64("clip"), k.F64("growth")
	one, zero := k.Const(asm.F64, 1), k.Const(asm.F64, 0)
	get := func(buf asm.Reg, i int) asm.Reg { return loadWord64(k, buf, i, asm.F64) }
	pick := func(p asm.Reg, a, b any) asm.Reg { return p.Select(asm.F64, a, b) }

	factor := k.Load(asm.Global, asm.F32, plan, 4*kernels.PlanFactor).To(asm.F64)
	gradNorm, paramNorm := get(grad, 0).Sqrt().Div(factor), get(param, 0).Sqrt()
	finite := func(x asm.Reg) asm.Reg { return x.Abs().Lt(math.Inf(1)) }
	fits := finite(gradNorm).And(finiteLosses(k, losses, n))
	apply := fits.And(finite(paramNorm))
	lg := get(state, kernels.StateLog2)

	steps, p1, p2 := get(state, kernels.StateSteps).Add(1), get(state, kernels.StateBeta1).Mul(beta1), get(state, kernels.StateBeta2).Mul(beta2)
	by := one.Div(factor)
	clipped := clip.Gt(0).And(gradNorm.Gt(clip))
	by = pick(clipped, by.Mul(clip.Div(gradNorm.Add(1e-6))), by)

	// bias corrections
	lr, b1, b2 := get(lrAt, 0), one.Sub(p1), one.Sub(p2)
	root := b2.Sqrt()
	limit := k.Const(asm.F64, 2).Div(one.Sub(beta2)).Sub(1)
	rho := limit.Sub(steps.Mul(2).Mul(p2).Div(b2))
	rect := rho.Sub(4).Mul(rho.Sub(2)).Mul(limit).Div(limit.Sub(4).Mul(limit.Sub(2)).Mul(rho)).Sqrt()
	adam, early := rectified.Eq(0), rho.Le(5)
	plain := lr.Div(b1)
	size := pick(adam, plain.Mul(root), pick(early, plain, lr.Mul(rect).Mul(root).Div(b1)))
	epsilon := pick(adam, eps.Mul(root), pick(early, 0, eps))
	adaptive := adam.Or(early.Not())

	change := pick(fits, growth, -1)
	next := pick(growth.Gt(0), lg.Add(change), lg)
	k.Barrier() // all lanes have read what is written now
	k.If(k.TID().Eq(0), func() {
		storeWord64(k, report, kernels.ReportGradNorm, gradNorm)
		storeWord64(k, report, kernels.ReportParamNorm, paramNorm)
		storeWord64(k, report, kernels.ReportLog2, lg)
		storeWord64(k, report, kernels.ReportFits, pick(fits, one, zero))
		k.If(apply, func() {
			storeWord64(k, state, kernels.StateSteps, steps)
			storeWord64(k, state, kernels.StateBeta1, p1)
			storeWord64(k, state, kernels.StateBeta2, p2)
		})
		storeWord64(k, state, kernels.StateLog2, next)
		put := func(i int, x asm.Reg) {
			k.Store(asm.Global, plan, 4*i, apply.Select(asm.F32, x, 0))
		}
		put(kernels.PlanGradScale, by.To(asm.F32))
		put(kernels.PlanStep, size.To(asm.F32))
		put(kernels.PlanEps, epsilon.To(asm.F32))
		put(kernels.PlanAdaptive, adaptive.Select(asm.F32, 1, 0))
		put(kernels.PlanApply, k.Const(asm.F32, 1))
		k.Store(asm.Global, plan, 4*kernels.PlanFactor, lossFactor(k, next))
	})
}

// finiteLosses says whether the sum of n float32 losses in float64 is finite: if each of them is.
func finiteLosses(k *asm.Kernel, losses, n asm.Reg) asm.Reg {
	largest := k.Var(asm.F32, 0)
	k.For(k.TID(), n, 32, func(i asm.Reg) {
		x := k.Load(asm.Global, asm.F32, losses.Index(i, 4), 0)
		largest.Set(k.Op("max.NaN.f32", asm.F32, largest, x.Abs()))
	})
	return k.Op("vote.sync.all.pred", asm.Pred, largest.Lt(math.Inf(1)), -1)
}

// lossFactor is 2^lg rounded to float32: 2ⁿ·exp(y), y = (lg−n)·ln 2.
func lossFactor(k *asm.Kernel, lg asm.Reg) asm.Reg {
	n := k.Op("cvt.rni.f64.f64", asm.F64, lg)
	y := lg.Sub(n).Mul(math.Ln2)
	sum := k.Const(asm.F64, 1)
	for i := 13; i > 0; i-- {
		sum = y.Div(i).Mul(sum).Add(1)
	}
	power := k.Op("cvt.rzi.s64.f64", asm.S64, n).Add(1023).Shl(52).Bits(asm.F64)
	return sum.Mul(power).To(asm.F32)
}
