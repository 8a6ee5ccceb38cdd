package cuda

import "onestep/kernels"

// register adds an implementation for devices of kind "cuda". Without options it takes float32 buffers of any size.
func register[A any](op *kernels.Op[A], run func(*Device, A), options ...func(*kernels.Impl[A])) {
	im := kernels.Impl[A]{Kind: Kind, Run: func(d kernels.Device, a A) { run(d.(*Device), a) }}
	for _, o := range options {
		o(&im)
	}
	op.Register(im)
}

// half is the option of an implementation that takes F16 buffers itself. Others are given float32 copies.
func half[A any](im *kernels.Impl[A]) { im.Half = true }

// fits is the option of an implementation that takes some arguments only.
func fits[A any](f func(A) bool) func(*kernels.Impl[A]) {
	return func(im *kernels.Impl[A]) { im.Fits = f }
}
