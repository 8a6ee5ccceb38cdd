package kernels_test

import (
	"math"
	"testing"

	"onestep/kernels"
)

func TestLossFactor(t *testing.T) {
	for i := range 40_000 {
		lg := float64(i)/1000 - 20
		if got, want := kernels.LossFactor(lg), float32(math.Exp2(lg)); got != want && got != math.Nextafter32(want, 0) && got != math.Nextafter32(want, 1e9) {
			t.Fatalf("2^%g = %v, want %v", lg, got, want)
		}
	}
	if kernels.LossFactor(20) != 1<<20 || kernels.LossFactor(-3) != 0.125 || kernels.LossFactor(0) != 1 {
		t.Error("whole powers of two are not exact")
	}
}

// controller is a run of StepControl on the host.
type controller struct {
	kernels.StepControlArgs
	d *kernels.CPU
}

func newController(t *testing.T, lg float64, a kernels.StepControlArgs) *controller {
	words := func(n int) kernels.Buf { return kernels.HostF32(make([]float32, n)) }
	a.State, a.Plan, a.Report = words(2*kernels.StateLen), words(kernels.PlanLen), words(2*kernels.ReportLen)
	a.Grad, a.Param, a.LR, a.Losses, a.N = words(2), words(2), words(2), words(3), 3
	kernels.PutFloat64(a.State.F32[2*kernels.StateLog2:], lg)
	kernels.PutFloat64(a.State.F32[2*kernels.StateBeta1:], 1)
	kernels.PutFloat64(a.State.F32[2*kernels.StateBeta2:], 1)
	a.Plan.F32[kernels.PlanFactor] = kernels.LossFactor(lg)
	d := kernels.NewCPUAt(kernels.Generic, 1)
	t.Cleanup(d.Close)
	return &controller{a, d}
}

// step has a gradient, before scaling, and parameters of the given lengths.
func (c *controller) step(grad, param, lr float64, losses ...float32) {
	g := grad * float64(c.Plan.F32[kernels.PlanFactor])
	kernels.PutFloat64(c.Grad.F32, g*g)
	kernels.PutFloat64(c.Param.F32, param*param)
	kernels.PutFloat64(c.LR.F32, lr)
	copy(c.Losses.F32, losses)
	kernels.StepControl.Run(c.d, c.StepControlArgs)
}

func (c *controller) state(i int) float64  { return kernels.Float64(c.State.F32[2*i:]) }
func (c *controller) report(i int) float64 { return kernels.Float64(c.Report.F32[2*i:]) }

// TestStepControlCoefficients compares with the formulas as Adam and RAdam state them, with powers instead of products.
func TestStepControlCoefficients(t *testing.T) {
	for _, rectified := range []bool{false, true} {
		c := newController(t, 0, kernels.StepControlArgs{Rectified: rectified, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8})
		for k := 1.0; k <= 3000; k++ {
			lr := 1e-3 / k
			c.step(2, 1, lr, 1, 2, 3)
			b1, b2 := 1-math.Pow(0.9, k), 1-math.Pow(0.999, k)
			step, eps, adaptive := lr/b1*math.Sqrt(b2), 1e-8*math.Sqrt(b2), true
			if rectified {
				limit := 2/(1-0.999) - 1
				rho := limit - 2*k*(1-b2)/b2
				step *= math.Sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
				if eps, adaptive = 1e-8, k > 5; !adaptive {
					step, eps = lr/b1, 0
				}
			}
			near := func(i int, want float64) bool { return math.Abs(float64(c.Plan.F32[i])-want) <= 1.3e-7*want }
			if !near(kernels.PlanStep, step) || !near(kernels.PlanEps, eps) || (c.Plan.F32[kernels.PlanAdaptive] == 1) != adaptive || c.Plan.F32[kernels.PlanApply] != 1 ||
				c.Plan.F32[kernels.PlanGradScale] != 1 || c.state(kernels.StateSteps) != k {
				t.Fatalf("rectified %t, update %g: plan %v, want step %g, eps %g, adaptive %t", rectified, k, c.Plan.F32, step, eps, adaptive)
			}
		}
	}
}

func TestStepControlSkips(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for name, s := range map[string]struct {
		grad, param float64
		loss        float32
		fits        bool
		applied     bool
	}{
		"good":            {3, 4, 1, true, true},
		"gradient":        {inf, 4, 1, false, false},
		"gradient is NaN": {nan, 4, 1, false, false},
		"loss":            {3, 4, float32(-inf), false, false},
		"loss is NaN":     {3, 4, float32(nan), false, false},
		"parameters":      {3, nan, 1, true, false},
	} {
		for _, growth := range []float64{0, 0.25} {
			c := newController(t, 10, kernels.StepControlArgs{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Growth: growth, Clip: 2})
			c.step(s.grad, s.param, 1e-3, 1, s.loss, 1)
			lg, steps, apply := 10.0, 0.0, float32(0)
			switch {
			case growth > 0 && s.fits:
				lg += growth
			case growth > 0:
				lg--
			}
			if s.applied {
				steps, apply = 1, 1
			}
			if c.state(kernels.StateLog2) != lg || c.state(kernels.StateSteps) != steps || c.Plan.F32[kernels.PlanApply] != apply ||
				c.Plan.F32[kernels.PlanFactor] != kernels.LossFactor(lg) {
				t.Errorf("%s, growth %g: log2 %g, %g updates, plan %v", name, growth, c.state(kernels.StateLog2), c.state(kernels.StateSteps), c.Plan.F32)
			}
			if (c.report(kernels.ReportFits) == 1) != s.fits || c.report(kernels.ReportLog2) != 10 {
				t.Errorf("%s: reports that it fits %g at a scale of 2^%g", name, c.report(kernels.ReportFits), c.report(kernels.ReportLog2))
			}
			if want := float32(2 / (3 + 1e-6) / 1024); s.applied && (c.Plan.F32[kernels.PlanGradScale] != want || c.report(kernels.ReportGradNorm) != 3 || c.report(kernels.ReportParamNorm) != 4) {
				t.Errorf("%s: gradients are scaled by %g, want %g; norms %g and %g", name, c.Plan.F32[kernels.PlanGradScale], want,
					c.report(kernels.ReportGradNorm), c.report(kernels.ReportParamNorm))
			}
		}
	}
}
