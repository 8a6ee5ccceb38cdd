package cuda

import (
	"onestep/kernels"
	"onestep/kernels/cuda/driver"
)

// Kind is that of the implementations that run on a [Device].
const Kind = "cuda"

// Device is a GPU, or the interpreter in its place. All its work is done in order on one stream.
type Device struct {
	drv    driver.Driver
	info   driver.Info
	name   string
	stream driver.Stream
	eager  bool // wait for every launch

	modules  map[*Module]driver.Module
	kernels  map[kernelKey]*kernel
	launch   driver.Launch
	recent   [16]string // the last launches, a ring
	launched int
}

// note remembers a launch for messages.
func (d *Device) note(name string) {
	d.recent[d.launched%len(d.recent)] = name
	d.launched++
}

func (d *Device) capturing() bool { return false }

// check panics with what the driver failed to do.
func (d *Device) check(op string, err error) {
	if err == nil {
		return
	}
	panic(&kernels.DeviceError{Device: d.name, Op: op, Err: err})
}

// SMs is the number of multiprocessors.
func (d *Device) SMs() int { return d.info.SMs }

// Info is what else a launch may depend on.
func (d *Device) Info() driver.Info { return d.info }

// Name is "cuda:0 NVIDIA A100-SXM4-80GB", or "emulated".
func (d *Device) Name() string { return d.name }

// Kind is "cuda".
func (d *Device) Kind() string { return Kind }

// Self is the device itself.
func (d *Device) Self() kernels.Device { return d }

// Alloc returns memory.
func (d *Device) Alloc(t kernels.DType, n int) kernels.Buf {
	p, err := d.drv.Alloc(n * t.Size())
	d.check("alloc", err)
	return kernels.Buf{Addr: uint64(p), Type: t, Len: n}
}

// Free returns it.
func (d *Device) Free(b kernels.Buf) { d.check("free", d.drv.Free(driver.Ptr(b.Addr))) }

// Scratch is memory for the launches of one operation, to be given back with Free once they are made.
func (d *Device) Scratch(t kernels.DType, n int) kernels.Buf { return d.Alloc(t, n) }

func (d *Device) Upload(dst kernels.Buf, src []float32)   {}
func (d *Device) Download(dst []float32, src kernels.Buf) {}
func (d *Device) Memory() (now, peak int64)               { return 0, 0 }

var _ kernels.Device = (*Device)(nil)
