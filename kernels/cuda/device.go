package cuda

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"onestep/kernels"
	"onestep/kernels/cuda/driver"
)

// Kind is that of the implementations that run on a [Device].
const Kind = "cuda"

// SyncEnv names the environment variable that, set to 1, makes every launch wait for its end, so that an error names the kernel it comes from.
const SyncEnv = "ONESTEP_CUDA_SYNC"

// Device is a GPU, or the interpreter in its place. All its work is done in order on one stream. One goroutine uses it at a time.
type Device struct {
	// TF32 lets products of float32 round their factors to TF32, which keeps 10 bits of the fraction, for the tensor cores' speed.
	TF32 bool

	tile    string // the one that products are cut into; empty: the one that promises most
	unsplit bool   // in tests: no product's sum is split among blocks

	drv    driver.Driver
	info   driver.Info
	name   string
	stream driver.Stream
	sync   bool // wait for every launch

	pool    *pool
	staging staging
	side    side

	constants constants

	kernels  map[*Kernel]*loaded
	launch   driver.Launch // being made
	recent   [16]string    // the names of the last launches, a ring
	launched int           // so far
}

var (
	_ kernels.Capturer = (*Device)(nil)
	_ kernels.Reader   = (*Device)(nil)
)

// Open opens a GPU by its number. Without a GPU or its driver the error wraps [driver.ErrNone]; every error is one line.
func Open(ordinal int) (*Device, error) {
	drv, err := driver.Open(ordinal)
	if err != nil {
		return nil, err
	}
	return On(drv, fmt.Sprintf("cuda:%d %s", ordinal, drv.Info().Name))
}

// On makes a device of an opened driver, which the device then owns.
func On(drv driver.Driver, name string) (*Device, error) {
	stream, err := drv.NewStream()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), drv.Close())
	}
	return &Device{
		drv: drv, info: drv.Info(), name: name, stream: stream, sync: os.Getenv(SyncEnv) == "1",
		pool: newPool(drv), kernels: map[*Kernel]*loaded{},
	}, nil
}

// Close waits for the device's work and gives it back with all its memory.
func (d *Device) Close() error { return errors.Join(d.drv.Sync(d.stream), d.drv.Close()) }

// Name is "cuda:0 NVIDIA A100-SXM4-80GB", or "emulated".
func (d *Device) Name() string { return d.name }

// Kind is "cuda".
func (d *Device) Kind() string { return Kind }

// Self is the device itself.
func (d *Device) Self() kernels.Device { return d }

// SMs is the number of multiprocessors.
func (d *Device) SMs() int { return d.info.SMs }

// Info is what else a launch may depend on.
func (d *Device) Info() driver.Info { return d.info }

// Driver and Stream are for libraries that work on the device's memory, in the order of its stream: NCCL.
func (d *Device) Driver() driver.Driver { return d.drv }

// Stream is the one that all work is done on.
func (d *Device) Stream() driver.Stream { return d.stream }

// Sync waits for all work.
func (d *Device) Sync() { d.check("synchronisation", d.drv.Sync(d.stream)) }

// Alloc gives out memory. Memory that was freed is given out again without a wait, since all work is done in one order.
func (d *Device) Alloc(t kernels.DType, n int) kernels.Buf {
	if n <= 0 {
		panic(fmt.Errorf("kernels/cuda: buffer of %d elements", n))
	}
	bytes := n * t.Size()
	addr, err := d.pool.alloc(bytes)
	if err != nil {
		d.check(fmt.Sprintf("allocation of %d bytes", bytes), d.outOfMemory(err))
	}
	d.check("allocation", d.drv.Mark(driver.Ptr(addr), bytes, d.stream))
	return kernels.Buf{Addr: addr, Type: t, Len: n}
}

// Free takes back a buffer that Alloc made, whole.
func (d *Device) Free(b kernels.Buf) {
	if err := d.pool.release(b.Addr); err != nil {
		panic(fmt.Errorf("kernels/cuda: free: %w", err))
	}
	d.check("free", d.drv.Mark(driver.Ptr(b.Addr), 0, d.stream))
}

// Scratch is memory for the launches of one operation, to be given back with Free once they are made.
func (d *Device) Scratch(t kernels.DType, n int) kernels.Buf { return d.Alloc(t, n) }

// Memory reports the bytes in buffers that are in use or belong to graphs, and the most that ever were.
func (d *Device) Memory() (now, peak int64) { return d.pool.now, d.pool.peak }

// Held reports the bytes taken from the driver: buffers in use or kept for later.
func (d *Device) Held() int64 { return d.pool.held }

// outOfMemory adds to the error of an allocation what the memory is used for.
func (d *Device) outOfMemory(err error) error {
	free, total, err2 := d.drv.MemInfo()
	if !errors.Is(err, driver.ErrMemory) || err2 != nil {
		return err
	}
	const mib = 1 << 20
	return fmt.Errorf("%w: %d MiB are in use and %d MiB cached here, %d of the device's %d MiB are free: smaller microbatches need less",
		err, d.pool.now/mib, (d.pool.held-d.pool.now)/mib, free/mib, total/mib)
}

// note remembers a launch for messages.
func (d *Device) note(name string) {
	d.recent[d.launched%len(d.recent)] = name
	d.launched++
}

// settle waits for a launch if every launch is to be waited for.
func (d *Device) settle(name string) {
	if d.sync && d.pool.capture == nil {
		d.check(name, d.drv.Sync(d.stream))
	}
}

// check panics with what the driver failed to do. If the failure is that of an earlier launch, the last ones are named.
func (d *Device) check(op string, err error) {
	if err == nil {
		return
	}
	if errors.Is(err, driver.ErrLate) && !d.sync {
		err = fmt.Errorf("%w; the last launches, of which one failed: %s; %s=1 tells which", err, strings.Join(d.last(), ", "), SyncEnv)
	}
	panic(&kernels.DeviceError{Device: d.name, Op: op, Err: err})
}

// last lists the last launches, the latest first.
func (d *Device) last() (names []string) {
	for i := d.launched - 1; i >= max(0, d.launched-len(d.recent)); i-- {
		names = append(names, d.recent[i%len(d.recent)])
	}
	return names
}
