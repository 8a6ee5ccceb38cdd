package optim

import (
	"onestep/kernels"
	"onestep/tensor"
)

// LossScale keeps binary16 gradients in range: the loss is multiplied by 2^Log2 before the backward pass, by [Optimizer.Seed], and the
// gradient divided by it after. A step whose gradient overflows is skipped and lowers Log2 by 1; every other step raises it by Growth. The
// zero LossScale leaves the loss as it is.
type LossScale struct {
	Log2   float64 // at the start
	Growth float64
}

// Half has the reference's settings: 2^20, growing by 1e-3 in log2 per step.
var Half = LossScale{Log2: 20, Growth: 1e-3}

// State is what an optimiser remembers besides moments and averages.
type State struct {
	Steps int     // updates made, skipped steps not counted: for the bias corrections
	Log2  float64 // of the loss scale
}

// State reads the state.
func (o *Optimizer) State() State {
	x := o.state.Float32s()
	return State{Steps: int(kernels.Float64(x[2*kernels.StateSteps:])), Log2: kernels.Float64(x[2*kernels.StateLog2:])}
}

// SetState sets it. The powers of β₁ and β₂ are multiplied up as the steps do, so that a continued run has the same bits.
func (o *Optimizer) SetState(s State) {
	p1, p2 := 1.0, 1.0
	for range s.Steps {
		p1 *= o.Rule.Beta1
		p2 *= o.Rule.Beta2
	}
	x := make([]float32, 2*kernels.StateLen)
	kernels.PutFloat64(x[2*kernels.StateLog2:], s.Log2)
	kernels.PutFloat64(x[2*kernels.StateSteps:], float64(s.Steps))
	kernels.PutFloat64(x[2*kernels.StateBeta1:], p1)
	kernels.PutFloat64(x[2*kernels.StateBeta2:], p2)
	o.state.CopyFrom(x)

	plan := make([]float32, kernels.PlanLen)
	plan[kernels.PlanFactor] = kernels.LossFactor(s.Log2)
	o.plan.CopyFrom(plan)
}

// Seed is the gradient at n of a batch's losses, (n): one over the batch, times the loss scale.
func (o *Optimizer) Seed(n, batch int) *tensor.Tensor {
	d := o.device()
	mean := d.Input(func(dst []float32) {
		for i := range dst {
			dst[i] = float32(1 / float64(batch))
		}
	}, n)
	seed := mean.NewLike()
	kernels.SampleAxpby.Run(d, kernels.SampleAxpbyArgs{
		Y: seed.Buf(), X: mean.Buf(), A: o.plan.Buf().Slice(kernels.PlanFactor, kernels.PlanFactor+1), N: 1, I: n,
	})
	return seed
}

// ReportWords is the length of what [Optimizer.Step] writes before the losses.
const ReportWords = 2 * kernels.ReportLen

// Report is what a step showed.
type Report struct {
	GradNorm  float64 // Euclidean length of the gradient of all parameters, before clipping; ±Inf or NaN if any element is
	ParamNorm float64 // of all parameters, before the step
	Log2      float64 // of the loss scale of this step
	Fits      bool    // loss and gradient are finite: the step was made if the parameters are, too
	Losses    []float32
}

// ReadReport reads the words of a report.
func ReadReport(x []float32) Report {
	at := func(i int) float64 { return kernels.Float64(x[2*i:]) }
	return Report{
		GradNorm: at(kernels.ReportGradNorm), ParamNorm: at(kernels.ReportParamNorm), Log2: at(kernels.ReportLog2),
		Fits: at(kernels.ReportFits) != 0, Losses: x[ReportWords:],
	}
}
