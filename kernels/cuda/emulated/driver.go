// Package emulated is a driver whose device is an interpreter of PTX: what runs on a GPU runs here launch for launch, and is checked.
//
// Work is done when it is asked for, which is one of the orders that streams allow. Errors therefore come from the call that causes them.
package emulated

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"onestep/kernels/cuda/driver"
)

// machine is what the driver needs of an interpreter.
type machine interface {
	alloc(bytes int) (uint64, error)
	free(addr uint64) error
	read(dst []byte, addr uint64) error
	write(addr uint64, src []byte) error
	// mark says how many bytes from an address on are in use, with undefined contents; 0: the block there is not.
	mark(addr uint64, bytes int) error
	load(name, text string) (program, error)
}

// program is a loaded module.
type program interface {
	kernel(entry string) (kernel, error)
}

// kernel is an entry of a module.
type kernel interface {
	info() driver.FuncInfo
	launch(grid, block driver.Dim, shared int, params []byte) error
}

// Driver is an emulated device.
type Driver struct {
	m    machine
	info driver.Info

	sizes    map[driver.Ptr]int // of the memory that is given out, in bytes
	used     int64
	relaxed  bool
	last     uintptr // the last handle that was given out
	programs map[driver.Module]program
	kernels  map[driver.Func]kernel
	streams  map[driver.Stream]*captured // nil: not capturing
	events   map[driver.Event]event
	graphs   map[driver.Graph]*captured
}

// event is when it happened last, or the capture that it is a part of.
type event struct {
	at time.Time
	in *captured
}

// captured is the work of streams between the begin and the end of a capture.
type captured struct {
	work []func() error
}

func newDriver(m machine, info driver.Info) *Driver {
	return &Driver{
		m: m, info: info, sizes: map[driver.Ptr]int{}, programs: map[driver.Module]program{}, kernels: map[driver.Func]kernel{},
		streams: map[driver.Stream]*captured{}, events: map[driver.Event]event{}, graphs: map[driver.Graph]*captured{},
	}
}

var _ driver.Driver = (*Driver)(nil)

// handle is a number that was not given out before.
func (d *Driver) handle() uintptr {
	d.last++
	return d.last
}

var errCapture = errors.New("emulated: not during a capture")

// apart is an error while a stream captures, as a GPU's driver has it for what is no work of a stream.
func (d *Driver) apart() error {
	if d.relaxed {
		return nil
	}
	for _, r := range d.streams {
		if r != nil {
			return errCapture
		}
	}
	return nil
}

// do does a stream's work, or records it.
func (d *Driver) do(s driver.Stream, work func() error) error {
	r, open := d.streams[s]
	switch {
	case !open:
		return fmt.Errorf("emulated: no stream %d", s)
	case r != nil:
		r.work = append(r.work, work)
		return nil
	}
	return work()
}

// Info describes an A100, whose sizes launches go by.
func (d *Driver) Info() driver.Info { return d.info }

// Do calls f.
func (d *Driver) Do(f func() error) error { return f() }

// Close forgets everything.
func (d *Driver) Close() error {
	*d = *newDriver(nil, d.info)
	return nil
}

// MemInfo counts what is given out.
func (d *Driver) MemInfo() (free, total int64, err error) {
	return d.info.Memory - d.used, d.info.Memory, nil
}

// Alloc takes memory of the interpreter.
func (d *Driver) Alloc(bytes int) (driver.Ptr, error) {
	if err := d.apart(); err != nil {
		return 0, err
	}
	if d.used+int64(bytes) > d.info.Memory {
		return 0, fmt.Errorf("emulated: %w", driver.ErrMemory)
	}
	a, err := d.m.alloc(bytes)
	if err != nil {
		return 0, err
	}
	d.sizes[driver.Ptr(a)] = bytes
	d.used += int64(bytes)
	return driver.Ptr(a), nil
}

// Free gives it back.
func (d *Driver) Free(p driver.Ptr) error {
	if err := d.apart(); err != nil {
		return err
	}
	n, ok := d.sizes[p]
	if !ok {
		return fmt.Errorf("emulated: no memory starts at %#x", p)
	}
	delete(d.sizes, p)
	d.used -= int64(n)
	return d.m.free(uint64(p))
}

// AllocHost is memory of Go's.
func (d *Driver) AllocHost(bytes int) ([]byte, error) { return make([]byte, bytes), d.apart() }

// FreeHost leaves it to the garbage collector.
func (d *Driver) FreeHost([]byte) error { return d.apart() }

// Mark tells the interpreter which memory kernels may use.
func (d *Driver) Mark(p driver.Ptr, bytes int, s driver.Stream) error {
	return d.do(s, func() error { return d.m.mark(uint64(p), bytes) })
}

// CopyIn writes to the interpreter's memory.
func (d *Driver) CopyIn(dst driver.Ptr, src []byte, s driver.Stream) error {
	return d.do(s, func() error { return d.m.write(uint64(dst), src) })
}

// CopyOut reads from it.
func (d *Driver) CopyOut(dst []byte, src driver.Ptr, s driver.Stream) error {
	return d.do(s, func() error { return d.m.read(dst, uint64(src)) })
}

// Copy copies within it.
func (d *Driver) Copy(dst, src driver.Ptr, bytes int, s driver.Stream) error {
	return d.do(s, func() error {
		b := make([]byte, bytes)
		if err := d.m.read(b, uint64(src)); err != nil {
			return err
		}
		return d.m.write(uint64(dst), b)
	})
}

// Fill sets n words.
func (d *Driver) Fill(dst driver.Ptr, word uint32, n int, s driver.Stream) error {
	return d.do(s, func() error {
		b := slices.Repeat([]byte{byte(word), byte(word >> 8), byte(word >> 16), byte(word >> 24)}, n)
		return d.m.write(uint64(dst), b)
	})
}

// Load parses and checks PTX.
func (d *Driver) Load(name, text string) (driver.Module, error) {
	if err := d.apart(); err != nil {
		return 0, err
	}
	p, err := d.m.load(name, text)
	if err != nil {
		return 0, err
	}
	m := driver.Module(d.handle())
	d.programs[m] = p
	return m, nil
}

// Unload forgets a module.
func (d *Driver) Unload(m driver.Module) error {
	delete(d.programs, m)
	return nil
}

// Func finds a kernel.
func (d *Driver) Func(m driver.Module, entry string) (driver.Func, error) {
	p := d.programs[m]
	if p == nil {
		return 0, fmt.Errorf("emulated: no module %d", m)
	}
	k, err := p.kernel(entry)
	if err != nil {
		return 0, err
	}
	f := driver.Func(d.handle())
	d.kernels[f] = k
	return f, nil
}

// FuncInfo describes a kernel.
func (d *Driver) FuncInfo(f driver.Func) (driver.FuncInfo, error) {
	if k := d.kernels[f]; k != nil {
		return k.info(), nil
	}
	return driver.FuncInfo{}, fmt.Errorf("emulated: no kernel %d", f)
}

// MaxDynamicShared checks the size.
func (d *Driver) MaxDynamicShared(f driver.Func, bytes int) error {
	info, err := d.FuncInfo(f)
	if err == nil && info.Shared+bytes > d.info.SharedPerBlock {
		err = fmt.Errorf("emulated: %d bytes of shared memory in a block, of %d", info.Shared+bytes, d.info.SharedPerBlock)
	}
	return err
}

// Launch runs a kernel, or records it with its parameters as they are now.
func (d *Driver) Launch(l *driver.Launch) error {
	k := d.kernels[l.Func]
	if k == nil {
		return fmt.Errorf("emulated: no kernel %d", l.Func)
	}
	grid, block, shared, params := l.Grid, l.Block, l.Shared, slices.Clone(l.Params)
	return d.do(l.Stream, func() error { return k.launch(grid, block, shared, params) })
}

// NewStream makes a stream.
func (d *Driver) NewStream() (driver.Stream, error) {
	s := driver.Stream(d.handle())
	d.streams[s] = nil
	return s, nil
}

// CloseStream forgets a stream.
func (d *Driver) CloseStream(s driver.Stream) error {
	delete(d.streams, s)
	return nil
}

// Sync has nothing to wait for.
func (d *Driver) Sync(s driver.Stream) error {
	if d.streams[s] != nil {
		return errCapture
	}
	return nil
}

// NewEvent makes an event.
func (d *Driver) NewEvent(bool) (driver.Event, error) {
	e := driver.Event(d.handle())
	d.events[e] = event{}
	return e, nil
}

// CloseEvent forgets an event.
func (d *Driver) CloseEvent(e driver.Event) error {
	delete(d.events, e)
	return nil
}

// Record notes the time, or the capture.
func (d *Driver) Record(e driver.Event, s driver.Stream) error {
	d.events[e] = event{time.Now(), d.streams[s]}
	return nil
}

// Wait makes a stream part of the event's capture. Otherwise there is nothing to wait for.
func (d *Driver) Wait(s driver.Stream, e driver.Event) error {
	in, r := d.events[e].in, d.streams[s]
	if r != nil && in != r {
		return errors.New("emulated: a captured stream waits for an event that is no part of the capture")
	}
	d.streams[s] = in
	return nil
}

// SyncEvent has nothing to wait for.
func (d *Driver) SyncEvent(driver.Event) error { return d.apart() }

// Done is true: all work is.
func (d *Driver) Done(e driver.Event) (bool, error) { return true, d.SyncEvent(e) }

// Elapsed is the time between two events.
func (d *Driver) Elapsed(from, to driver.Event) (float32, error) {
	a, b := d.events[from], d.events[to]
	if a.at.IsZero() || b.at.IsZero() || a.in != nil || b.in != nil {
		return 0, errors.New("emulated: an event that was not recorded")
	}
	return float32(b.at.Sub(a.at).Seconds() * 1e3), nil
}

// BeginCapture begins a capture.
func (d *Driver) BeginCapture(s driver.Stream) error {
	if err := d.apart(); err != nil {
		return err
	}
	d.streams[s] = &captured{}
	return nil
}

// EndCapture ends it.
func (d *Driver) EndCapture(s driver.Stream) (driver.Graph, error) {
	r := d.streams[s]
	if r == nil {
		return 0, errors.New("emulated: the stream does not capture")
	}
	for s := range d.streams {
		d.streams[s] = nil // no other capture can be under way: streams are one goroutine's
	}
	g := driver.Graph(d.handle())
	d.graphs[g] = r
	return g, nil
}

// Relaxed calls f, and allows what a capture forbids.
func (d *Driver) Relaxed(f func() error) error {
	d.relaxed = true
	defer func() { d.relaxed = false }()
	return f()
}

// LaunchGraph does the recorded work, launch for launch.
func (d *Driver) LaunchGraph(g driver.Graph, s driver.Stream) error {
	r := d.graphs[g]
	if r == nil {
		return fmt.Errorf("emulated: no graph %d", g)
	}
	return d.do(s, func() error {
		for _, work := range r.work {
			if err := work(); err != nil {
				return err
			}
		}
		return nil
	})
}

// CloseGraph forgets a graph.
func (d *Driver) CloseGraph(g driver.Graph) error {
	delete(d.graphs, g)
	return nil
}
