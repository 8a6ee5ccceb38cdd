package kernelstest

import (
	"math"

	"onestep/kernels"
)

// StepControl draws arguments of [kernels.StepControl], whose bits are the same on every device: good steps, overflows, and parameters that
// are not finite.
func StepControl(r *Rand) kernels.StepControlArgs {
	n := r.Size(300)
	k := Pick(r, r.IntN(10), r.IntN(100_000))
	lg := Pick(r, 0, 20+r.Float64(), -r.Float64()*20)
	a := kernels.StepControlArgs{
		Report: r.Out(2 * kernels.ReportLen), LR: r.float64s(1e-3 * r.Float64()), Losses: r.In(n),
		Grad: r.float64s(math.Exp2(2*lg) * r.ExpFloat64()), Param: r.float64s(100 * r.Float64()),
		Rectified: r.Bool(), Beta1: 0.9, Beta2: Pick(r, 0.999, 0.99), Eps: 1e-8, Clip: Pick(r, 0, 0.1, 1), Growth: Pick(r, 0, 1e-3), N: n,
	}
	state := make([]float64, kernels.StateLen)
	state[kernels.StateLog2], state[kernels.StateSteps] = lg, float64(k)
	state[kernels.StateBeta1], state[kernels.StateBeta2] = math.Pow(a.Beta1, float64(k)), math.Pow(a.Beta2, float64(k))
	a.State = r.float64s(state...)
	plan := make([]float32, kernels.PlanLen)
	plan[kernels.PlanFactor] = kernels.LossFactor(lg)
	a.Plan = r.Values(plan...)
	switch r.IntN(8) {
	case 0:
		a.Grad = r.float64s(math.Inf(1))
	case 1:
		a.Losses.F32[r.IntN(n)] = float32(Pick(r, math.NaN(), math.Inf(1), math.Inf(-1)))
	case 2:
		a.Param = r.float64s(math.NaN())
	}
	return a
}

// Words is an input of integers, two words each.
func (r *Rand) Words(x ...uint64) kernels.Buf {
	w := make([]float32, 2*len(x))
	for i, v := range x {
		kernels.PutUint64(w[2*i:], v)
	}
	return kernels.HostF32(w)
}

func (r *Rand) float64s(x ...float64) kernels.Buf {
	w := make([]uint64, len(x))
	for i, v := range x {
		w[i] = math.Float64bits(v)
	}
	return r.Words(w...)
}
