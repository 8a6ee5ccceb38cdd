package emulated

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"onestep/kernels/cuda/driver"
)

// counter is a machine with a few words of memory and one kernel, which adds its parameter to the first.
type counter struct {
	data  map[uint64][]byte
	marks []int
}

func (c *counter) alloc(n int) (uint64, error) {
	p := uint64(len(c.data)+1) << 32
	c.data[p] = make([]byte, n)
	return p, nil
}

func (c *counter) free(p uint64) error                { delete(c.data, p); return nil }
func (c *counter) read(dst []byte, p uint64) error    { copy(dst, c.data[p]); return nil }
func (c *counter) write(p uint64, src []byte) error   { copy(c.data[p], src); return nil }
func (c *counter) mark(_ uint64, n int) error         { c.marks = append(c.marks, n); return nil }
func (c *counter) load(_, _ string) (program, error)  { return c, nil }
func (c *counter) info() driver.FuncInfo              { return driver.FuncInfo{MaxThreads: 32, Shared: 1000} }
func (c *counter) kernel(name string) (kernel, error) { return c, nil }

func (c *counter) launch(_, _ driver.Dim, _ int, params []byte) error {
	x := c.data[binary.LittleEndian.Uint64(params)]
	binary.LittleEndian.PutUint32(x, binary.LittleEndian.Uint32(x)+uint32(params[8]))
	return nil
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDriver does work at once, and that of a capture when its graph is launched, with the parameters of then.
func TestDriver(t *testing.T) {
	m := &counter{data: map[uint64][]byte{}}
	d := newDriver(m, driver.Info{Memory: 1000, SharedPerBlock: 4000})
	s, _ := d.NewStream()
	p, err := d.Alloc(8)
	try(t, err)
	mod, err := d.Load("", "")
	try(t, err)
	f, err := d.Func(mod, "add")
	try(t, err)
	l := &driver.Launch{Func: f, Params: append(binary.LittleEndian.AppendUint64(nil, uint64(p)), 1), Stream: s}
	host, _ := d.AllocHost(8)
	value := func() uint32 {
		t.Helper()
		try(t, d.CopyOut(host, p, s))
		try(t, d.Sync(s))
		return binary.LittleEndian.Uint32(host)
	}
	try(t, d.Fill(p, 100, 2, s))
	try(t, d.Launch(l))
	if v := value(); v != 101 {
		t.Errorf("%d, want 101", v)
	}

	side, _ := d.NewStream()
	forked, _ := d.NewEvent(false)
	joined, _ := d.NewEvent(false)
	try(t, d.BeginCapture(s))
	l.Params[8] = 2
	try(t, d.Launch(l))
	try(t, d.Record(forked, s))
	try(t, d.Wait(side, forked))
	l.Params[8], l.Stream = 3, side
	try(t, d.Launch(l)) // a part of the capture, through the event
	try(t, d.Record(joined, side))
	try(t, d.Wait(s, joined))
	l.Params[8], l.Stream = 200, s
	try(t, d.Mark(p, 8, s))
	for name, f := range map[string]func() error{
		"alloc": func() error { _, err := d.Alloc(8); return err }, "free": func() error { return d.Free(p) },
		"sync": func() error { return d.Sync(s) }, "load": func() error { _, err := d.Load("", ""); return err },
		"capture": func() error { return d.BeginCapture(s) },
	} {
		if err := f(); !errors.Is(err, errCapture) {
			t.Errorf("%s during a capture: %v", name, err)
		}
	}
	try(t, d.Relaxed(func() error { _, err := d.Alloc(8); return err }))
	g, err := d.EndCapture(s)
	try(t, err)
	if v := value(); v != 101 || len(m.marks) != 0 {
		t.Errorf("%d after the capture, want 101", v)
	}
	for range 2 {
		try(t, d.LaunchGraph(g, s))
	}
	if v := value(); v != 111 || !slices.Equal(m.marks, []int{8, 8}) {
		t.Errorf("%d after two replays, want 111; marks %v", v, m.marks)
	}
	try(t, d.CloseGraph(g))
	if err := d.LaunchGraph(g, s); err == nil {
		t.Error("a graph that was closed")
	}
}

func TestLimits(t *testing.T) {
	d := newDriver(&counter{data: map[uint64][]byte{}}, driver.Info{Memory: 1000, SharedPerBlock: 4000})
	p, err := d.Alloc(600)
	try(t, err)
	if _, err := d.Alloc(401); !errors.Is(err, driver.ErrMemory) {
		t.Errorf("too much memory: %v", err)
	}
	try(t, d.Free(p))
	if err := d.Free(p); err == nil {
		t.Error("freed twice")
	}
	if free, total, _ := d.MemInfo(); free != 1000 || total != 1000 {
		t.Errorf("%d of %d are free", free, total)
	}
	mod, _ := d.Load("", "")
	f, _ := d.Func(mod, "add")
	try(t, d.MaxDynamicShared(f, 3000))
	if err := d.MaxDynamicShared(f, 3001); err == nil || !strings.Contains(err.Error(), "4001 bytes of shared memory") {
		t.Errorf("too much shared memory: %v", err)
	}
	if err := d.Launch(&driver.Launch{Func: f, Stream: 99}); err == nil {
		t.Error("a launch on no stream")
	}
	if _, err := d.Elapsed(1, 2); err == nil {
		t.Error("time between events that there are not")
	}
}
