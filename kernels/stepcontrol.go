package kernels

import "math"

// StepControl decides on the device what becomes of a step, and plans it for [Adam]. With the squared norms of the gradient of 2^lg times
// the loss and of the parameters, the losses, and the state (lg, k, β₁ᵏ, β₂ᵏ) after k updates:
//
//	|g| = √grad / factor                          factor: the loss scale 2^lg rounded to float32, as the plan of the step before has it
//	fits = |g| and Σ losses are finite            they did not overflow
//	apply = fits and |θ| = √param is finite       otherwise the step is skipped
//	gradScale = 1/factor · ( clip/(|g| + 1e-6) if 0 < clip < |g|, else 1 )
//	k ← k+1,  βᵏ ← βᵏ·β                           if apply
//	lg ← lg + growth if fits, else lg − 1         if growth > 0; otherwise the scale stays
//
// and the bias corrections, with b_i = 1 − β_iᵏ, folded into
//
//	Adam:  step = lr/b₁·√b₂,  eps = ε·√b₂,  adaptive
//	RAdam: step = lr·r·√b₂/b₁,  eps = ε,  adaptive      if ρ = ρ∞ − 2k·β₂ᵏ/b₂ > 5, with ρ∞ = 2/(1−β₂) − 1 and
//	       r = √( (ρ−4)(ρ−2)ρ∞ / ((ρ∞−4)(ρ∞−2)ρ) )
//	       step = lr/b₁,  eps = 0,  not adaptive         otherwise: the first five updates
//
// RAdam adds ε to √v before the bias correction, as PyTorch does. The losses are added in order, and every operation is a single correctly
// rounded one of float64, as in [InverseNormal]: every device has the same bits.
var StepControl = define(Op[StepControlArgs]{Name: "step_control", Ref: stepControl})

// StepControlArgs lists updated buffers, output, inputs, settings, size. Buffers of float64s are as [PutFloat64] writes them.
type StepControlArgs struct {
	State       Buf `kernel:"inout"` // (2·StateLen) float64s
	Plan        Buf `kernel:"inout"` // (PlanLen); only PlanFactor is read
	Report      Buf `kernel:"out"`   // (2·ReportLen) float64s
	Grad, Param Buf // (2) float64: squared norms
	LR          Buf // (2) float64
	Losses      Buf // (N) float32
	Rectified   bool
	Beta1       float64
	Beta2, Eps  float64
	Clip        float64 // 0: none
	Growth      float64 // 0: the scale stays
	N           int
}

// The elements of StepControlArgs.State.
const (
	StateLog2  = iota // lg, log2 of the loss scale
	StateSteps        // k, updates so far
	StateBeta1        // β₁ᵏ
	StateBeta2        // β₂ᵏ
	StateLen
)

// The elements of StepControlArgs.Plan.
const (
	PlanFactor    = iota // the loss scale, for the backward pass of the next step
	PlanGradScale        // what gradients are multiplied by
	PlanStep
	PlanEps
	PlanAdaptive // 1 or 0
	PlanApply    // 1 or 0
	PlanLen
)

// The elements of StepControlArgs.Report.
const (
	ReportGradNorm  = iota // |g|, the loss scale taken out, before clipping
	ReportParamNorm        // |θ| before the step
	ReportLog2             // log2 of the loss scale of this step
	ReportFits             // 1 or 0
	ReportLen
)

func stepControl(_ *CPU, a StepControlArgs) {
	state, plan, report := words64(a.State.F32), a.Plan.F32, words64(a.Report.F32)
	factor := float64(plan[PlanFactor])
	gradNorm, paramNorm, loss := math.Sqrt(Float64(a.Grad.F32))/factor, math.Sqrt(Float64(a.Param.F32)), 0.0
	for _, l := range a.Losses.F32[:a.N] {
		loss += float64(l)
	}
	finite := func(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }
	fits := finite(gradNorm) && finite(loss)
	report.set(ReportGradNorm, gradNorm)
	report.set(ReportParamNorm, paramNorm)
	report.set(ReportLog2, state.at(StateLog2))
	report.set(ReportFits, 0)
	if fits {
		report.set(ReportFits, 1)
	}
	clear(plan[:PlanLen])
	if fits && finite(paramNorm) {
		k, p1, p2 := state.at(StateSteps)+1, float64(state.at(StateBeta1)*a.Beta1), float64(state.at(StateBeta2)*a.Beta2) // rounded
		state.set(StateSteps, k)
		state.set(StateBeta1, p1)
		state.set(StateBeta2, p2)
		by := 1 / factor
		if a.Clip > 0 && gradNorm > a.Clip {
			by *= a.Clip / (gradNorm + 1e-6)
		}
		step, eps, adaptive := a.coefficients(Float64(a.LR.F32), k, p1, p2)
		plan[PlanApply], plan[PlanGradScale], plan[PlanStep], plan[PlanEps] = 1, float32(by), float32(step), float32(eps)
		if adaptive {
			plan[PlanAdaptive] = 1
		}
	}
	if a.Growth > 0 {
		by := a.Growth
		if !fits {
			by = -1
		}
		state.set(StateLog2, state.at(StateLog2)+by)
	}
	plan[PlanFactor] = LossFactor(state.at(StateLog2))
}

// LossFactor is 2^lg, |lg| < 1000: with n the integer nearest to lg, 2ⁿ·exp(y) for y = (lg−n)·ln 2 by the series up to y¹³/13!.
func LossFactor(lg float64) float32 {
	n := math.RoundToEven(lg)
	y := (lg - n) * math.Ln2
	sum := 1.0
	for k := 13; k > 0; k-- {
		sum = muladd(y/float64(k), sum, 1)
	}
	return float32(sum * math.Float64frombits(uint64(1023+int(n))<<52))
}

// coefficients folds the bias corrections of update k into a step size and an epsilon; p1 and p2 are β₁ᵏ and β₂ᵏ.
func (a *StepControlArgs) coefficients(lr, k, p1, p2 float64) (step, eps float64, adaptive bool) {
	b1, b2 := 1-p1, 1-p2
	if !a.Rectified {
		return lr / b1 * math.Sqrt(b2), a.Eps * math.Sqrt(b2), true
	}
	limit := 2/(1-a.Beta2) - 1
	rho := limit - 2*k*p2/b2
	if rho <= 5 {
		return lr / b1, 0, false
	}
	rect := math.Sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
	return lr * rect * math.Sqrt(b2) / b1, a.Eps, true
}

// words64 is a buffer of float64s.
type words64 []float32

func (w words64) at(i int) float64     { return Float64(w[2*i:]) }
func (w words64) set(i int, v float64) { PutFloat64(w[2*i:], v) }
