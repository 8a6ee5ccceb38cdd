package driver

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"unsafe"
)

// What the kernels need: PTX 7.0, which CUDA 11.0 brought, for compute capability 8.0; and graphs made with flags, which CUDA 11.4 brought.
const (
	minVersion      = 11040
	minVersionNames = "CUDA 11.4 (driver R470)"
	minMajor        = 8
)

// library is libcuda, opened and initialised.
type library struct {
	fn      [symbolCount]uintptr
	version int
}

// libcuda is a device of the library. Calls that take pointers have them point into mem, which is pinned, since what a driver call reads and
// writes must not move.
type libcuda struct {
	*library
	info Info
	dev  uintptr
	ctx  [1]uintptr  // the arguments of making the context current, which any goroutine may do
	args [11]uintptr // of the call that is being made
	mem  *arena
}

// arena is what the driver reads and writes through pointers.
type arena struct {
	out    [4]uint64
	params [4096]byte // all parameters of a kernel: PTX's limit for .version 7.0
	ptrs   [1024]uintptr
	name   [256]byte
	log    [16384]byte
	opts   [2]uint32
	vals   [2]uintptr
	mode   uint32
}

// Open opens a device by its number. Errors are one line: what is missing, and what to do.
func Open(ordinal int) (Driver, error) {
	var errs []string
	for _, path := range libraries {
		lookup, err := openLibrary(path)
		if err == nil {
			return openDevice(path, lookup, ordinal)
		}
		errs = append(errs, err.Error())
	}
	return nil, fmt.Errorf("%w: no NVIDIA driver was found: %s", ErrNone, errs[0])
}

// OpenLibrary is Open with the driver's library at a path.
func OpenLibrary(path string, ordinal int) (Driver, error) {
	lookup, err := openLibrary(path)
	if err != nil {
		return nil, err
	}
	return openDevice(path, lookup, ordinal)
}

func openDevice(path string, lookup func(string) (uintptr, error), ordinal int) (Driver, error) {
	d := &libcuda{library: &library{}, mem: &arena{}}
	pin := &runtime.Pinner{}
	pin.Pin(d.mem)
	runtime.AddCleanup(d, (*runtime.Pinner).Unpin, pin)
	if err := d.initialise(path, lookup); err != nil {
		return nil, err
	}
	if err := d.open(ordinal); err != nil {
		return nil, err
	}
	return d, nil
}

// initialise finds the functions and starts the driver. The version is looked at before the functions, since an old driver lacks some.
func (d *libcuda) initialise(path string, lookup func(string) (uintptr, error)) error {
	missing := ""
	for s, name := range exports {
		var err error
		if d.fn[s], err = lookup(name); err != nil && missing == "" {
			missing = name
		}
	}
	for _, s := range []symbol{cuInit, cuDriverGetVersion, cuGetErrorName, cuGetErrorString} {
		if d.fn[s] == 0 {
			return fmt.Errorf("%s is no CUDA driver: it has no %s", path, exports[s])
		}
	}
	if err := d.plain(cuInit, 0); err != nil {
		return err
	}
	if err := d.plain(cuDriverGetVersion, at(&d.mem.out)); err != nil {
		return err
	}
	d.version = int(int32(d.mem.out[0]))
	has := fmt.Sprintf("the NVIDIA driver is too old: it has CUDA %d.%d, the kernels need %s or above",
		d.version/1000, d.version%1000/10, minVersionNames)
	switch {
	case d.version < minVersion:
		return fmt.Errorf("%s: update the driver", has)
	case missing != "":
		return fmt.Errorf("%s lacks %s, which %s has: reinstall the driver", path, missing, minVersionNames)
	}
	return nil
}

// open finds the device, makes its primary context and reads what it is.
func (d *libcuda) open(ordinal int) error {
	if err := d.plain(cuDeviceGetCount, at(&d.mem.out)); err != nil {
		return err
	}
	switch n := int(int32(d.mem.out[0])); {
	case n == 0:
		return fmt.Errorf("%w: the driver sees none: CUDA_VISIBLE_DEVICES may hide them", ErrNone)
	case ordinal < 0 || ordinal >= n:
		return fmt.Errorf("cuda:%d: there is no such GPU: the driver sees %d, from cuda:0", ordinal, n)
	}
	if err := d.plain(cuDeviceGet, at(&d.mem.out), uintptr(ordinal)); err != nil {
		return err
	}
	d.dev = uintptr(uint32(d.mem.out[0]))
	if err := d.readInfo(ordinal); err != nil {
		return err
	}
	if d.info.Major < minMajor {
		return fmt.Errorf("cuda:%d: %s is too old: it has compute capability %d.%d, the kernels need %d.0 or above (A100, RTX 30 and later)",
			ordinal, d.info.Name, d.info.Major, d.info.Minor, minMajor)
	}
	if err := d.plain(cuDevicePrimaryCtxRetain, at(&d.mem.out), d.dev); err != nil {
		return fmt.Errorf("cuda:%d: %s cannot be used: %w", ordinal, d.info.Name, err)
	}
	d.ctx[0] = uintptr(d.mem.out[0])
	return nil
}

func (d *libcuda) readInfo(ordinal int) error {
	m := d.mem
	if err := d.plain(cuDeviceGetName, at(&m.name), uintptr(len(m.name)), d.dev); err != nil {
		return err
	}
	name, _, _ := bytes.Cut(m.name[:], []byte{0})
	d.info = Info{Name: strings.TrimSpace(string(name)), Ordinal: ordinal, Version: d.version}
	for _, a := range []struct {
		id  uintptr
		dst *int
	}{
		{attrMajor, &d.info.Major}, {attrMinor, &d.info.Minor}, {attrSMs, &d.info.SMs},
		{attrSharedPerBlock, &d.info.SharedPerBlock}, {attrSharedPerSM, &d.info.SharedPerSM}, {attrThreadsPerSM, &d.info.ThreadsPerSM},
		{attrRegistersPerSM, &d.info.RegistersPerSM}, {attrL2, &d.info.L2}, {attrClock, &d.info.ClockKHz},
		{attrMemoryClock, &d.info.MemoryClockKHz}, {attrBusBits, &d.info.BusBits},
	} {
		if err := d.plain(cuDeviceGetAttribute, at(&m.out), a.id, d.dev); err != nil {
			return err
		}
		*a.dst = int(int32(m.out[0]))
	}
	if err := d.plain(cuDeviceTotalMem, at(&m.out), d.dev); err != nil {
		return err
	}
	d.info.Memory = int64(m.out[0])
	return nil
}

// at is the address of something in the arena.
func at[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }
