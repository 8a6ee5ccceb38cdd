package kernelstest

import (
	"testing"

	"onestep/kernels"
)

// The tolerance is not checked on Ref against itself alone: half conversion, guards and unwritten elements are.
func TestAgree(t *testing.T) {
	Agree(t, &kernels.Cast, func(r *Rand) kernels.CastArgs {
		n := r.Size(1823)
		return kernels.CastArgs{Y: r.Out(n + 3), X: r.In(n), N: n}
	}, Exactly())
}
