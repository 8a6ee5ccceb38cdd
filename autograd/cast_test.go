package autograd_test

import (
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

func init() {
	gradientCase("cast_same", func(x []*Var) *Var { return autograd.Cast(x[0], kernels.F32).Scale(2) }, normal(2, 3))
	linearCase("cast", func(x []*Var) *Var { return autograd.Cast(autograd.Cast(x[0], kernels.F16), kernels.F32) }, normal(5, 7))
}

// TestHalfCopy: a parameter is cast to binary16 once, and again only after its value was overwritten; other Vars are cast each time.
func TestHalfCopy(t *testing.T) {
	d := tensor.CPU(1)
	before, _ := d.Memory()
	x := autograd.Param(d.FromFloat32([]float32{1, 2.0001, -3}, 3))
	if x.Half().Given() {
		t.Error("a copy that nobody asked for")
	}
	cast := func(want ...float32) {
		t.Helper()
		d.Scope(func() []*tensor.Tensor {
			y := autograd.Cast(x, kernels.F16)
			for i, v := range y.Value.Float32s() {
				if v != want[i] {
					t.Errorf("element %d is %v, want %v", i, v, want[i])
				}
			}
			if &y.Buf().F16[0] != &x.Half().F16[0] {
				t.Error("cast anew")
			}
			return nil
		})
	}
	cast(1, 2, -3)
	x.Half().F16[0] = kernels.ToF16(7) // as an optimiser does
	cast(7, 2, -3)
	x.Value.CopyFrom([]float32{4, 5, 6})
	cast(4, 5, 6)
	other := d.FromFloat32([]float32{8, 9, 10}, 3)
	x.Value.Copy(other)
	cast(8, 9, 10)
	x.Freeze()
	cast(8, 9, 10)

	c := autograd.Const(other)
	a, b := autograd.Cast(c, kernels.F16), autograd.Cast(c, kernels.F16)
	if &a.Buf().F16[0] == &b.Buf().F16[0] || c.Half().Given() {
		t.Error("the copy of a constant is kept")
	}
	a.Value.Release()
	b.Value.Release()
	other.Release()
	x.Release()
	if now, _ := d.Memory(); now != before {
		t.Errorf("%d bytes are left", now-before)
	}
}
