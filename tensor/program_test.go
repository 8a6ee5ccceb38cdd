package tensor_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
	"onestep/tensor"
)

// TestProgram replays a sum of inputs, one of which follows from what Prepare computed, with temporaries in between.
func TestProgram(t *testing.T) {
	for _, d := range []*tensor.Device{tensor.CPU(1), tensor.On(kernelstest.NewCapturer(1))} {
		y := d.New(kernels.F32, 3)
		var step, square int
		p := d.Program(func() {
			d.Scope(func() []*tensor.Tensor {
				d.Prepare(func() { square = step * step })
				a := d.Input(func(dst []float32) { dst[1] = float32(step) }, 3)
				temporary := a.NewLike()
				kernels.Axpby.Run(d, kernels.AxpbyArgs{Y: temporary.Buf(), X: a.Buf(), A: 2, N: 3})
				b := d.Input(func(dst []float32) { dst[0], dst[2] = float32(square), 1 }, 3)
				kernels.Axpby.Run(d, kernels.AxpbyArgs{Y: y.Buf(), X: temporary.Buf(), Z: b.Buf(), A: 1, B: 1, N: 3})
				return nil
			})
		})
		var reports []*tensor.Later
		for step = range 5 {
			p.Run()
			reports = append(reports, y.Later())
		}
		for k, r := range reports {
			if got, want := r.Float32s(), []float32{float32(k * k), float32(2 * k), 1}; !slices.Equal(got, want) || !slices.Equal(r.Float32s(), want) {
				t.Errorf("%s: run %d: %v, want %v", d.Name(), k, got, want)
			}
		}
		p.Release()
	}
}

// TestProgramRefuses names what a captured program cannot do, and is usable afterwards.
func TestProgramRefuses(t *testing.T) {
	r := kernelstest.NewCapturer(1)
	d := tensor.On(r)
	x := d.FromFloat32([]float32{1, 2}, 2)
	for name, f := range map[string]func(run int){
		"upload while a program is captured":   func(int) { d.FromFloat32([]float32{1}, 1) },
		"download while a program is captured": func(int) { x.Float32s() },
		"no room for shape [300]": func(run int) {
			for range run {
				d.Input(func([]float32) {}, 300)
			}
		},
	} {
		run := 0
		p := d.Program(func() {
			d.Scope(func() []*tensor.Tensor {
				run++
				f(run)
				return nil
			})
		})
		p.Run()
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, name) {
					t.Errorf("%q: %s", name, got)
				}
			}()
			p.Run()
		}()
		if d.Capturing() || !slices.Equal(x.Float32s(), []float32{1, 2}) {
			t.Errorf("%q: the device is still capturing", name)
		}
	}
}

// failing is a device whose operations fail at will.
type failing struct {
	*kernels.CPU
	fail bool
}

func (d *failing) Alloc(t kernels.DType, n int) kernels.Buf {
	if d.fail {
		panic(&kernels.DeviceError{Device: "failing", Op: "alloc", Err: errors.New("out of memory")})
	}
	return d.CPU.Alloc(t, n)
}

// TestRecover fails in the depth of scopes: they are closed, what they held is free, and gradients are recorded again.
func TestRecover(t *testing.T) {
	host := &failing{CPU: kernels.NewCPU(1)}
	d := tensor.On(host)
	kept := d.FromFloat32([]float32{1}, 1)
	before, _ := d.Memory()
	work := func(fail bool) (err error) {
		defer tensor.Recover(&err)
		d.Scope(func() []*tensor.Tensor {
			d.New(kernels.F32, 1000)
			d.NoGrad(func() {
				d.Scope(func() []*tensor.Tensor {
					d.New(kernels.F32, 1000)
					host.fail = fail
					d.New(kernels.F32, 1000)
					return nil
				})
			})
			return nil
		})
		return nil
	}
	for range 2 {
		err := work(true)
		host.fail = false
		if de := (*kernels.DeviceError)(nil); !errors.As(err, &de) {
			t.Fatalf("error %v", err)
		}
		if now, _ := d.Memory(); now != before || !d.GradEnabled() {
			t.Errorf("%d bytes more than before, gradients enabled: %t", now-before, d.GradEnabled())
		}
		if err := work(false); err != nil {
			t.Error(err)
		}
	}
	outside := d.New(kernels.F32, 1)
	d.Scope(func() []*tensor.Tensor { return nil })
	outside.Release() // it was the caller's, so no scope is open
	kept.Release()
}
