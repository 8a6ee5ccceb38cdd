package tensor

import (
	"errors"

	"onestep/kernels"
	_ "onestep/kernels/cpu" // the host's fast kernels
)

// Device is a kernel device together with the bookkeeping of the tensors on it. One goroutine uses it at a time.
type Device struct {
	kernels.Device
	scopes   [][]*Tensor
	noRecord int
	nodes    uint64
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
// all scopes, to the caller.
func (d *Device) Scope(f func() []*Tensor) []*Tensor {
	depth := len(d.scopes)
	d.scopes = append(d.scopes, nil)
	kept := f()
	for _, x := range kept {
		x.Retain()
	}
	made := d.scopes[depth]
	d.scopes = d.scopes[:depth]
	for _, x := range made {
		x.Release()
	}
	for _, x := range kept {
		d.own(x)
	}
	return kept
}

// NoRecord runs f with the recording of gradients switched off. The switch lives here because one goroutine uses a device.
func (d *Device) NoRecord(f func()) {
	d.noRecord++
	f()
	d.noRecord--
}

// Recording says whether gradients are being recorded.
func (d *Device) Recording() bool { return d.noRecord == 0 }

// NextNode numbers the nodes of gradient graphs in the order of their making.
func (d *Device) NextNode() uint64 {
	d.nodes++
	return d.nodes
}

// Recover, deferred, turns a device failure that a kernel panicked with into an error. Other panics go on.
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
