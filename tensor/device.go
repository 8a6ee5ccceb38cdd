package tensor

import (
	"errors"

	"onestep/kernels"
	_ "onestep/kernels/cpu" // the host's fast kernels
)

// Device is a kernel device together with the bookkeeping of the tensors on it. One goroutine uses it at a time.
type Device struct {
	kernels.Device
	scopes [][]*Tensor
	noGrad int
	nodes  uint64

	watched   *[]*Tensor      // the list that Note adds to, or nil
	observer  func(Operation) // see Observe; nil: nobody observes
	capturing *Program        // being captured, or nil
	counted   *int            // words of inputs, while a program's first run counts them
}

// On makes a device for tensors of a device for kernels.
func On(d kernels.Device) *Device { return &Device{Device: d} }

// CPU makes the host a device with so many threads (0: all).
func CPU(threads int) *Device { return On(kernels.NewCPU(threads)) }

// own hands a new tensor to the innermost scope.
func (d *Device) own(x *Tensor) {
	if n := len(d.scopes); n > 0 {
		d.scopes[n-1] = append(d.scopes[n-1], x)
	}
}

// Scope runs f and releases every tensor made meanwhile, except what f returns: that passes to the enclosing scope or, outside
// all scopes, to the caller. If f panics, all of them are released and the panic goes on.
func (d *Device) Scope(f func() []*Tensor) (kept []*Tensor) {
	depth := len(d.scopes)
	d.scopes = append(d.scopes, nil)
	defer func() {
		made := d.scopes[depth]
		d.scopes = d.scopes[:depth]
		for _, x := range made {
			x.Release()
		}
		for _, x := range kept {
			d.own(x)
		}
	}()
	ys := f()
	for _, x := range ys {
		x.Retain()
	}
	return ys
}

// Unscoped makes a tensor that no scope releases.
func (d *Device) Unscoped(f func() *Tensor) *Tensor {
	scopes := d.scopes
	d.scopes = nil
	defer func() { d.scopes = scopes }()
	return f()
}

// NoGrad runs f without recording operations for a backward pass. The switch lives here because one goroutine uses a device.
func (d *Device) NoGrad(f func()) {
	d.noGrad++
	defer func() { d.noGrad-- }()
	f()
}

// GradEnabled tells whether operations are recorded for a backward pass.
func (d *Device) GradEnabled() bool { return d.noGrad == 0 }

// Watch runs f and returns the tensors that [Device.Note] was called with meanwhile, each as often as it was.
func (d *Device) Watch(f func()) (noted []*Tensor) {
	outer := d.watched
	d.watched = &noted
	defer func() {
		if d.watched = outer; outer != nil {
			*outer = append(*outer, noted...)
		}
	}()
	f()
	return noted
}

// Note puts x on the list of [Device.Watch], if f of that is running. Package autograd calls it for each value that needs a gradient and that an
// operation reads under NoGrad.
func (d *Device) Note(x *Tensor) {
	if d.watched != nil {
		*d.watched = append(*d.watched, x)
	}
}

// NextNode returns 1, 2, 3 and so on: package autograd numbers the nodes of its graphs in the order in which they are made.
func (d *Device) NextNode() uint64 {
	d.nodes++
	return d.nodes
}

// Recover, deferred, turns a device failure that a kernel panicked with into an error. Other panics go on. The scopes that the panic passed
// are closed, so the device can be used again.
func Recover(err *error) {
	r := recover()
	if r == nil {
		return
	}
	if e, ok := r.(error); ok {
		if de := (*kernels.DeviceError)(nil); errors.As(e, &de) {
			*err = de
			return
		}
	}
	panic(r)
}
