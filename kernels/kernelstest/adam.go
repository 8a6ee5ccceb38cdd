package kernelstest

import "onestep/kernels"

// Adam draws arguments of [kernels.Adam], without binary16 copies.
func Adam(r *Rand) kernels.AdamArgs {
	plan := make([]float32, kernels.PlanLen)
	plan[kernels.PlanGradScale], plan[kernels.PlanStep], plan[kernels.PlanEps] = r.Float32(), 0.01, 1e-8
	plan[kernels.PlanAdaptive], plan[kernels.PlanApply] = Pick[float32](r, 1, 0), Pick[float32](r, 1, 1, 1, 0)
	a := kernels.AdamArgs{Plan: r.Values(plan...), Rates: Pick(r, []float64{0.5, 0.999}, nil, []float64{0.9}), Decay: r.Float32() / 10, Beta1: 0.9, Beta2: 0.999}
	for range r.Size(4) {
		n := Pick(r, r.Size(20_000), r.Size(100))
		a.P, a.M, a.V, a.G = append(a.P, r.InOut(n)), append(a.M, r.InOut(n)), append(a.V, r.Uniform(n, 0, 2)), append(a.G, r.In(n))
	}
	for range a.Rates {
		for _, p := range a.P {
			a.EMA = append(a.EMA, r.InOut(p.Len))
		}
	}
	return a
}
