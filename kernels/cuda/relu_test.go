package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestReLUBackward(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.ReLUBackward, func(r *kernelstest.Rand) kernels.ReLUBackwardArgs {
		n := r.Size(5000)
		a := kernels.ReLUBackwardArgs{DX: r.Out(n), DY: r.In(n), Y: r.In(n), N: n}
		a.Y.F32[0], a.DY.F32[0] = 0, inf // the gradient is selected, not multiplied by 0
		return a
	}, open, kernelstest.Exactly(), scouted(t))
}
