//go:build linux && (amd64 || arm64)

package driver

import (
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"onestep/kernels/cuda/driver/stub"
)

const testPTX = `.version 7.0
.target sm_80
.address_size 64
.visible .entry echo(.param .u64 y, .param .u32 a, .param .f64 b, .param .f32 c, .param .u64 d) .maxntid 256, 1, 1 { ret; }
.visible .entry axpb(.param .u64 y, .param .u64 x, .param .f32 a, .param .f64 b, .param .u32 n) .maxntid 256, 1, 1 { ret; }
`

func openStub(t *testing.T, s *stub.Library) Driver {
	t.Helper()
	d, err := OpenLibrary(s.Path, 1)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// try fails the test if a call failed.
func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func get[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		try(t, err)
		return v
	}
}

func TestInfo(t *testing.T) {
	s := stub.New(t)
	d := openStub(t, s)
	want := Info{Name: "Stub A101", Ordinal: 1, Version: 12050, Major: 8, Minor: 0, SMs: 108, SharedPerBlock: 166912, SharedPerSM: 167936,
		ThreadsPerSM: 2048, RegistersPerSM: 65536, L2: 41943040, ClockKHz: 1410000, MemoryClockKHz: 1593000, BusBits: 5120, Memory: 80 << 30}
	if d.Info() != want {
		t.Errorf("%+v, want %+v", d.Info(), want)
	}
	try(t, d.Close())
	if n := s.Contexts(); n != 0 {
		t.Errorf("%d contexts are left", n)
	}
}

// TestOpenErrors has one line for everything that can be wrong with a machine: what it is, and what to do.
func TestOpenErrors(t *testing.T) {
	for name, c := range map[string]struct {
		set     func(*stub.Library)
		ordinal int
		none    bool // there is no GPU, which is no error to --device auto
		says    []string
	}{
		"old driver":      {func(s *stub.Library) { s.Device(2, 8, 11030) }, 0, false, []string{"driver is too old", "CUDA 11.3", "CUDA 11.4 (driver R470)", "update"}},
		"no device":       {func(s *stub.Library) { s.Device(0, 8, 12050) }, 0, true, []string{"no GPU", "CUDA_VISIBLE_DEVICES"}},
		"init: no device": {func(s *stub.Library) { s.Inject("cuInit", 0, 100) }, 0, true, []string{"CUDA_ERROR_NO_DEVICE (100)"}},
		"old device":      {func(s *stub.Library) { s.Device(1, 7, 12050) }, 0, false, []string{"cuda:0", "Stub A100 is too old", "7.0", "8.0"}},
		"ordinal":         {func(*stub.Library) {}, 2, false, []string{"cuda:2", "no such GPU", "sees 2"}},
		"negative":        {func(*stub.Library) {}, -1, false, []string{"cuda:-1"}},
		"full device":     {func(s *stub.Library) { s.Inject("cuDevicePrimaryCtxRetain", 0, 2) }, 0, false, []string{"cuda:0: Stub A100", "OUT_OF_MEMORY", "nvidia-smi"}},
		"mismatch":        {func(s *stub.Library) { s.Inject("cuInit", 0, 803) }, 0, false, []string{"(803)", "reboot"}},
		"unknown error":   {func(s *stub.Library) { s.Inject("cuInit", 0, 12345) }, 0, false, []string{"cuInit: unknown error (12345)"}},
	} {
		s := stub.New(t)
		c.set(s)
		d, err := OpenLibrary(s.Path, c.ordinal)
		switch {
		case err == nil:
			t.Errorf("%s: opened %s", name, d.Info().Name)
			continue
		case errors.Is(err, ErrNone) != c.none:
			t.Errorf("%s: %q means that there is no GPU: %t", name, err, !c.none)
		case strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: more than a line: %s", name, err)
		}
		for _, w := range c.says {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", name, err, w)
			}
		}
	}
	s := stub.NewWithoutGraphs(t)
	if _, err := OpenLibrary(s.Path, 0); err == nil || !strings.Contains(err.Error(), "lacks cuGraphInstantiateWithFlags") {
		t.Errorf("a missing function: %v", err)
	}
	s.Device(1, 8, 11000)
	if _, err := OpenLibrary(s.Path, 0); err == nil || !strings.Contains(err.Error(), "too old: it has CUDA 11.0") {
		t.Errorf("a missing function of an old driver: %v", err)
	}
	if _, err := OpenLibrary("libc.so.6", 0); err == nil || !strings.Contains(err.Error(), "is no CUDA driver") {
		t.Errorf("another library: %v", err)
	}
	if _, err := OpenLibrary("/nowhere/libcuda.so.1", 0); err == nil {
		t.Error("no library")
	}
}

// TestOpen looks for a driver on this machine, and must say in one line that there is none.
func TestOpen(t *testing.T) {
	d, err := Open(0)
	switch {
	case err == nil:
		t.Log(d.Info())
		try(t, d.Close())
	case !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "no NVIDIA driver was found: libcuda.so.1") || strings.Contains(err.Error(), "\n"):
		t.Error(err)
	default:
		t.Skip("this machine has no GPU: ", err)
	}
}

func TestMemory(t *testing.T) {
	s := stub.New(t)
	d := openStub(t, s)
	defer d.Close()
	s.Limit(6 << 30)
	const big = 5<<30 + 512 // more than 32 bits
	p := get(d.Alloc(big))(t)
	if p>>32 == 0 {
		t.Fatalf("the stub's addresses must need more than 32 bits: %#x", p)
	}
	free, total, err := d.MemInfo()
	if err != nil || free != 6<<30-big || total != 6<<30 || s.Memory() != big {
		t.Errorf("free %d of %d: %v", free, total, err)
	}
	_, err = d.Alloc(1 << 30)
	if !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), "cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY (2): out of memory") {
		t.Errorf("full memory: %v", err)
	}
	try(t, d.Free(p))
	if s.Memory() != 0 {
		t.Errorf("%d bytes are left", s.Memory())
	}
}

func TestCopies(t *testing.T) {
	s := stub.New(t)
	d := openStub(t, s)
	defer d.Close()
	st := get(d.NewStream())(t)
	a, b := get(d.Alloc(4096))(t), get(d.Alloc(4096))(t)
	in, out := get(d.AllocHost(4096))(t), get(d.AllocHost(4096))(t)
	for i := range in {
		in[i] = byte(i * 7)
	}
	try(t, d.CopyIn(a, in, st))
	try(t, d.Copy(b+8, a+4, 4000, st))
	try(t, d.Fill(b, 0x01020304, 2, st))
	try(t, d.CopyOut(out, b, st))
	if out[0] != 0xcd {
		t.Error("the stub did work that nothing waited for")
	}
	try(t, d.Sync(st))
	if want := append([]byte{4, 3, 2, 1, 4, 3, 2, 1}, in[4:4004]...); !slices.Equal(out[:4008], want) {
		t.Errorf("% x..., want % x...", out[:16], want[:16])
	}
	try(t, d.FreeHost(in))
	try(t, d.FreeHost(out))
	try(t, d.CloseStream(st))
}

func TestEvents(t *testing.T) {
	s := stub.New(t)
	d := openStub(t, s)
	defer d.Close()
	s1, s2 := get(d.NewStream())(t), get(d.NewStream())(t)
	e1, e2, e3 := get(d.NewEvent(true))(t), get(d.NewEvent(true))(t), get(d.NewEvent(false))(t)
	p := get(d.Alloc(64))(t)
	out := get(d.AllocHost(64))(t)
	try(t, d.Record(e1, s1))
	try(t, d.Fill(p, 7, 16, s1))
	try(t, d.Record(e2, s1))
	try(t, d.Wait(s2, e2)) // the other stream's copy comes after the fill
	try(t, d.CopyOut(out, p, s2))
	try(t, d.Record(e3, s2))
	if done, err := d.Done(e3); done || err != nil {
		t.Errorf("the event has happened: %v, %v", done, err)
	}
	for range 3 {
		if done := get(d.Done(e3))(t); done {
			break
		}
	}
	if out[0] != 7 || out[60] != 7 {
		t.Errorf("out % x", out)
	}
	try(t, d.SyncEvent(e2))
	if ms := get(d.Elapsed(e1, e2))(t); ms != 0.5 {
		t.Errorf("%v ms, want 0.5", ms)
	}
	for _, e := range []Event{e1, e2, e3} {
		try(t, d.CloseEvent(e))
	}
}

// echoLaunch is a launch of the stub's kernel echo, and what it will write.
func echoLaunch(f Func, st Stream, y Ptr) (*Launch, []byte) {
	params := binary.LittleEndian.AppendUint64(nil, uint64(y))
	params = binary.LittleEndian.AppendUint32(params, 0xfffffffe)
	params = append(params, 0, 0, 0, 0)
	params = binary.LittleEndian.AppendUint64(params, math.Float64bits(-math.Pi))
	params = binary.LittleEndian.AppendUint32(params, math.Float32bits(1.5))
	params = append(params, 0, 0, 0, 0)
	params = binary.LittleEndian.AppendUint64(params, 1<<63|5)
	var want []byte
	for _, x := range []uint32{5, 1 << 17, 3, 2, 64, 2, 2, 100000} {
		want = binary.LittleEndian.AppendUint32(want, x)
	}
	return &Launch{Func: f, Grid: Dim{1 << 17, 3, 2}, Block: Dim{64, 2, 2}, Shared: 100000, Params: params, Offsets: []int{0, 8, 16, 24, 32}, Stream: st},
		append(want, params...)
}

func TestLaunch(t *testing.T) {
	s := stub.New(t)
	d := openStub(t, s)
	defer d.Close()
	st := get(d.NewStream())(t)
	mod := get(d.Load("test.ptx", testPTX))(t)
	f := get(d.Func(mod, "echo"))(t)
	if info := get(d.FuncInfo(f))(t); info != (FuncInfo{Registers: 40, Local: 16, Shared: 1024, MaxThreads: 256}) {
		t.Errorf("%+v", info)
	}
	try(t, d.MaxDynamicShared(f, 100000))
	p := get(d.Alloc(128))(t)
	out := get(d.AllocHost(72))(t)
	l, want := echoLaunch(f, st, p)
	try(t, d.Launch(l))
	for i := range l.Params { // the next launch's parameters
		l.Params[i] = 0xff
	}
	runtime.GC()
	try(t, d.CopyOut(out, p, st))
	try(t, d.Sync(st))
	if !slices.Equal(out[:len(want)], want) {
		t.Errorf("the kernel saw\n% x, want\n% x", out, want)
	}
	if _, err := d.Func(mod, "nothing"); err == nil || !strings.Contains(err.Error(), "CUDA_ERROR_NOT_FOUND") {
		t.Errorf("an entry that is not there: %v", err)
	}
	l.Params = make([]byte, 5000)
	if err := d.Launch(l); err == nil {
		t.Error("5000 bytes of parameters")
	}
	try(t, d.Unload(mod))
}

func TestLoadErrors(t *testing.T) {
	for code, says := range map[Code][]string{
		codeInvalidPTX: {"test.ptx", "error   : Unknown symbol 'q'"},
		codeNoCompiler: {"libnvidia-ptxjitcompiler.so.1", "test.ptx"},
		codeNewPTX:     {"update it", "test.ptx"},
		codeNoBinary:   {"compute capability 8.0", "test.ptx"},
	} {
		s := stub.New(t)
		d := openStub(t, s)
		s.Inject("cuModuleLoadDataEx", 0, int32(code))
		_, err := d.Load("test.ptx", testPTX)
		for _, w := range says {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%d: %v does not say %q", code, err, w)
			}
		}
		if _, err := d.Load("test.ptx", testPTX); err != nil {
			t.Errorf("after %d: %v", code, err)
		}
		try(t, d.Close())
	}
}

func TestGraph(t *testing.T) {
	s := stub.New(t)
	d := openStub(t, s)
	defer d.Close()
	st := get(d.NewStream())(t)
	f := get(d.Func(get(d.Load("test.ptx", testPTX))(t), "axpb"))(t)
	p := get(d.Alloc(1 << 20))(t)
	mem := get(d.AllocHost(64))(t)
	block := binary.LittleEndian.AppendUint64(nil, uint64(p))
	block = binary.LittleEndian.AppendUint64(block, uint64(p))
	block = append(binary.LittleEndian.AppendUint32(block, math.Float32bits(2)), 0, 0, 0, 0)
	block = binary.LittleEndian.AppendUint64(block, math.Float64bits(1))
	block = binary.LittleEndian.AppendUint32(block, 16)
	l := &Launch{Func: f, Grid: Dim{1, 1, 1}, Block: Dim{64, 1, 1}, Params: block, Offsets: []int{0, 8, 16, 24, 32}, Stream: st}

	try(t, d.Fill(p, 0, 16, st))
	try(t, d.BeginCapture(st))
	for range 3 {
		try(t, d.Launch(l))
	}
	var more Ptr
	try(t, d.Relaxed(func() (err error) { more, err = d.Alloc(100); return err }))
	try(t, d.Fill(more, 5, 25, st))
	g := get(d.EndCapture(st))(t)
	for range 2 {
		try(t, d.LaunchGraph(g, st))
	}
	try(t, d.CopyOut(mem, p, st))
	try(t, d.Sync(st))
	if v := *(*float32)(unsafe.Pointer(&mem[60])); v != 63 { // x = 2x + 1, six times from 0
		t.Errorf("after two replays of three launches: %v, want 63", v)
	}
	try(t, d.CloseGraph(g))
	if n := s.Count("cuLaunchKernel"); n != 3 {
		t.Errorf("%d launches were asked for, want 3", n)
	}
}

// TestLate has errors of work come with the call that waits for it, and then with every one.
func TestLate(t *testing.T) {
	s := stub.New(t)
	d := openStub(t, s)
	defer d.Close()
	st := get(d.NewStream())(t)
	f := get(d.Func(get(d.Load("test.ptx", testPTX))(t), "echo"))(t)
	try(t, d.MaxDynamicShared(f, 100000))
	l, _ := echoLaunch(f, st, get(d.Alloc(128))(t))
	s.Late(1)
	for range 3 {
		try(t, d.Launch(l))
	}
	for range 2 {
		if err := d.Sync(st); !errors.Is(err, ErrLate) || !strings.Contains(err.Error(), "CUDA_ERROR_ILLEGAL_ADDRESS (700)") {
			t.Errorf("%v", err)
		}
	}
}

// TestThreads makes calls from goroutines that move between threads: the context must be current on each.
func TestThreads(t *testing.T) {
	s := stub.New(t)
	d := openStub(t, s)
	defer d.Close()
	for range 20 {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
			p, err := d.Alloc(100)
			if err == nil {
				err = d.Free(p)
			}
			done <- err
		}()
		try(t, <-done)
	}
	if n := s.Count("cuCtxSetCurrent"); n < 40 {
		t.Errorf("the context was made current %d times for 40 calls", n)
	}
	try(t, d.Do(func() error { return nil }))
}

func TestAllocations(t *testing.T) {
	s := stub.New(t)
	d := openStub(t, s)
	defer d.Close()
	st := get(d.NewStream())(t)
	f := get(d.Func(get(d.Load("test.ptx", testPTX))(t), "echo"))(t)
	try(t, d.MaxDynamicShared(f, 100000))
	p := get(d.Alloc(128))(t)
	mem := get(d.AllocHost(64))(t)
	l, _ := echoLaunch(f, st, p)
	if n := testing.AllocsPerRun(20, func() {
		try(t, d.Launch(l))
		try(t, d.CopyIn(p, mem, st))
		try(t, d.CopyOut(mem, p, st))
	}); n > 2 { // the race detector has purego's pool lose some
		t.Errorf("a launch and two copies make %v allocations of Go's", n)
	}
}

func BenchmarkLaunch(b *testing.B) {
	s := stub.New(b)
	d, err := OpenLibrary(s.Path, 0)
	if err != nil {
		b.Fatal(err)
	}
	st, _ := d.NewStream()
	mod, _ := d.Load("test.ptx", testPTX)
	f, _ := d.Func(mod, "echo")
	if err := d.MaxDynamicShared(f, 100000); err != nil {
		b.Fatal(err)
	}
	p, _ := d.Alloc(128)
	l, _ := echoLaunch(f, st, p)
	for n := 0; b.Loop(); n++ {
		if err := d.Launch(l); err != nil {
			b.Fatal(err)
		}
		if n%256 == 0 {
			d.Sync(st)
		}
	}
}
