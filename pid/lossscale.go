package pid

import "math"

// LossScale keeps binary16 gradients in range: the loss is multiplied by 2^Log2 before the backward pass and the gradient divided by it
// after. A step whose gradient overflows is skipped and lowers Log2 by 1; every other step raises it by Growth.
type LossScale struct {
	Log2   float64
	Growth float64
}

// NewLossScale has the reference's settings: 2^20, growing by 1e-3 in log2 per step.
func NewLossScale() *LossScale { return &LossScale{Log2: 20, Growth: 1e-3} }

// Factor is 2^Log2, or 1 for the nil LossScale of a float32 run.
func (s *LossScale) Factor() float64 {
	if s == nil {
		return 1
	}
	return math.Exp2(s.Log2)
}

// update notes whether the gradient was finite.
func (s *LossScale) update(finite bool) {
	switch {
	case s == nil:
	case finite:
		s.Log2 += s.Growth
	default:
		s.Log2--
	}
}
