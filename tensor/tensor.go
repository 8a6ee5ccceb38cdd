package tensor

import (
	"fmt"
	"slices"

	"onestep/kernels"
)

// Tensor is a dense, contiguous, row-major array on a device. Images are (N,H,W,C).
type Tensor struct {
	shape []int
	buf   kernels.Buf
	dev   *Device
	refs  int
	base  *Tensor // of a view: the tensor whose memory it shares and owns a part in

	version int // counts CopyFrom and Copy
}

// New makes a tensor with undefined contents.
func (d *Device) New(t kernels.DType, shape ...int) *Tensor {
	n := 1
	for _, s := range shape {
		n *= s
	}
	x := &Tensor{shape: slices.Clone(shape), buf: d.Device.Alloc(t, n), dev: d, refs: 1}
	d.own(x)
	return x
}

// FromFloat32 makes a float32 tensor from host numbers.
func (d *Device) FromFloat32(src []float32, shape ...int) *Tensor {
	x := d.New(kernels.F32, shape...)
	if x.Len() != len(src) {
		panic(fmt.Errorf("tensor: %d numbers for shape %v", len(src), shape))
	}
	d.transfer("upload")
	d.Device.Upload(x.buf, src)
	return x
}

// View is x under another shape with as many elements, sharing its memory; it keeps x alive.
func (x *Tensor) View(shape ...int) *Tensor {
	n := 1
	for _, s := range shape {
		n *= s
	}
	if n != x.Len() {
		panic(fmt.Errorf("tensor: view of shape %v as %v", x.shape, shape))
	}
	return x.share(x.Buf(), shape)
}

// Part is entries lo up to hi along the first dimension, sharing x's memory; it keeps x alive.
func (x *Tensor) Part(lo, hi int) *Tensor {
	per := x.Len() / x.shape[0]
	shape := slices.Clone(x.shape)
	shape[0] = hi - lo
	return x.share(x.Buf().Slice(lo*per, hi*per), shape)
}

func (x *Tensor) share(b kernels.Buf, shape []int) *Tensor {
	v := &Tensor{shape: slices.Clone(shape), buf: b, dev: x.dev, refs: 1, base: x.Retain()}
	x.dev.own(v)
	return v
}

// NewLike makes a tensor of x's shape, type and device, with undefined contents.
func (x *Tensor) NewLike() *Tensor { return x.dev.New(x.buf.Type, x.shape...) }

// Shape is the list of dimensions. The caller must not change it.
func (x *Tensor) Shape() []int { return x.shape }

// Dim is one dimension; negative numbers count from the end.
func (x *Tensor) Dim(i int) int {
	if i < 0 {
		i += len(x.shape)
	}
	return x.shape[i]
}

// Len is the number of elements.
func (x *Tensor) Len() int { return x.buf.Len }

// DType is the element type.
func (x *Tensor) DType() kernels.DType { return x.buf.Type }

// Buf is the tensor's memory, for kernels.
func (x *Tensor) Buf() kernels.Buf {
	if x.refs == 0 {
		panic(fmt.Errorf("tensor: use of a released tensor of shape %v", x.shape))
	}
	return x.buf
}

// Device is where the tensor lives.
func (x *Tensor) Device() *Device { return x.dev }

// Float32s copies the elements to the host.
func (x *Tensor) Float32s() []float32 {
	dst := make([]float32, x.Len())
	x.dev.transfer("download")
	x.dev.Device.Download(dst, x.Buf())
	return dst
}

// CopyFrom overwrites the elements with host numbers.
func (x *Tensor) CopyFrom(src []float32) {
	if len(src) != x.Len() {
		panic(fmt.Errorf("tensor: %d numbers into shape %v", len(src), x.shape))
	}
	x.dev.transfer("upload")
	x.dev.Device.Upload(x.Buf(), src)
	x.version++
}

// Copy overwrites the elements with those of a tensor of as many elements, converting its type.
func (x *Tensor) Copy(from *Tensor) {
	if from.Len() != x.Len() {
		panic(fmt.Errorf("tensor: copy of shape %v into shape %v", from.shape, x.shape))
	}
	kernels.Cast.Run(x.dev.Device, kernels.CastArgs{Y: x.Buf(), X: from.Buf(), N: x.Len()})
	x.version++
}

// Version counts how often CopyFrom and Copy have overwritten x, for those who keep something that was made from it.
func (x *Tensor) Version() int { return x.version }

// Shared says whether more than one owner holds x, so that it must not be written in place.
func (x *Tensor) Shared() bool { return x.refs != 1 || x.base != nil && x.base.Shared() }

// Retain adds an owner and returns x.
func (x *Tensor) Retain() *Tensor {
	if x.refs == 0 {
		panic(fmt.Errorf("tensor: retain of a released tensor of shape %v", x.shape))
	}
	x.refs++
	return x
}

// Release drops an owner; the last one returns the memory to the device.
func (x *Tensor) Release() {
	if x.refs == 0 {
		panic(fmt.Errorf("tensor: tensor of shape %v released twice", x.shape))
	}
	if x.refs--; x.refs == 0 {
		if x.base != nil {
			x.base.Release()
		} else {
			x.dev.Device.Free(x.buf)
		}
		x.buf = kernels.Buf{Type: x.buf.Type, Len: x.buf.Len}
	}
}
