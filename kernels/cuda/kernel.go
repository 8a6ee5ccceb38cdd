package cuda

import (
	"fmt"

	"onestep/kernels/cuda/driver"
)

// loaded is a kernel on a device.
type loaded struct {
	name    string
	fn      driver.Func
	info    driver.FuncInfo
	params  []int // bytes of each
	offsets []int
	block   []byte // the parameters of the launch that is being made
	dynamic int    // bytes of dynamic shared memory that it may use so far
}

// defaultShared is the dynamic shared memory in bytes that a kernel may use without asking.
const defaultShared = 48 << 10

// load finds a kernel on the device, and brings it there at its first launch: it is written, and the driver compiles it.
func (d *Device) load(k *Kernel) *loaded {
	if l := d.kernels[k]; l != nil {
		return l
	}
	ptx := k.PTX()
	l := &loaded{name: k.Name, params: ptx.Params, dynamic: defaultShared}
	at := 0
	for _, size := range l.params {
		at = (at + size - 1) / size * size
		l.offsets = append(l.offsets, at)
		at += size
	}
	l.block = make([]byte, at)
	d.check(k.Name, d.uncaptured(func() (err error) {
		mod, err := d.drv.Load(k.Name+".ptx", ptx.Text)
		if err != nil {
			return err
		}
		if l.fn, err = d.drv.Func(mod, k.Name); err != nil {
			return err
		}
		l.info, err = d.drv.FuncInfo(l.fn)
		return err
	}))
	d.kernels[k] = l
	return l
}

// uncaptured calls f, which prepares launches, so that it is no part of a graph that is being captured.
func (d *Device) uncaptured(f func() error) error {
	if d.pool.capture != nil {
		return d.drv.Relaxed(f)
	}
	return f()
}

// start makes a launch with the parameters in k.block.
func (d *Device) start(k *loaded, grid, block Dim, shared int) {
	grid, block = extents(grid), extents(block)
	threads := block.X * block.Y * block.Z
	if grid.X < 1 || grid.Y < 1 || grid.Z < 1 || grid.Y > 65535 || grid.Z > 65535 || threads < 1 || threads > k.info.MaxThreads {
		panic(fmt.Errorf("kernels/cuda: %s: grid %v of blocks %v, of at most %d threads", k.name, grid, block, k.info.MaxThreads))
	}
	if shared > k.dynamic {
		if most := d.info.SharedPerBlock - k.info.Shared; shared > most {
			panic(fmt.Errorf("kernels/cuda: %s: %d bytes of dynamic shared memory; %s has %d", k.name, shared, d.info.Name, most))
		}
		d.check(k.name, d.uncaptured(func() error { return d.drv.MaxDynamicShared(k.fn, shared) }))
		k.dynamic = shared
	}
	d.launch = driver.Launch{Func: k.fn, Grid: grid, Block: block, Shared: shared, Params: k.block, Offsets: k.offsets, Stream: d.stream}
	d.note(k.name)
	d.check(k.name, d.drv.Launch(&d.launch))
	d.settle(k.name)
}

// extents is d with 1 in place of zeros.
func extents(d Dim) Dim { return Dim{X: d.X, Y: max(d.Y, 1), Z: max(d.Z, 1)} }
