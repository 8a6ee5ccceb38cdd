package cuda_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

// TestAdam has no tolerance: the kernel rounds where Ref does.
func TestAdam(t *testing.T) {
	open := emulator(t)
	kernelstest.AgreeOn(t, &kernels.Adam, func(r *kernelstest.Rand) kernels.AdamArgs {
		a := kernelstest.Adam(r)
		if r.Bool() {
			for _, p := range a.P {
				a.Half = append(a.Half, r.Maybe(r.Out(p.Len)))
			}
		}
		return a
	}, open, kernelstest.Exactly(), kernelstest.OnlyF32("P", "M", "V", "G", "EMA", "Plan"), kernelstest.AllHalf())
}
