//go:build linux && (amd64 || arm64)

package cuda

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"onestep/kernels"
	"onestep/kernels/cuda/asm"
	"onestep/kernels/cuda/driver"
	"onestep/kernels/cuda/driver/stub"
)

// Kernels of the names and parameters that the stub knows.
var (
	echoKernel = Probe("echo", 256, func(k *asm.Kernel) { k.Ptr("y"); k.I32("a"); k.F64("b"); k.F32("c"); k.U64("d") })
	axpbKernel = Probe("axpb", 256, func(k *asm.Kernel) { k.Ptr("y"); k.Ptr("x"); k.F32("a"); k.F64("b"); k.I32("n") })
)

func newStub(t testing.TB) (*stub.Library, *Device) {
	t.Helper()
	s := stub.New(t)
	return s, onStub(t, s)
}

func onStub(t testing.TB, s *stub.Library) *Device {
	t.Helper()
	drv, err := driver.OpenLibrary(s.Path, 0)
	if err != nil {
		t.Fatal(err)
	}
	d, err := On(drv, "cuda:0 "+drv.Info().Name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// axpb is y = a·x + b.
func axpb(d *Device, y, x kernels.Buf, a float32, b float64) {
	d.Launch(axpbKernel, Dim{X: (y.Len + 255) / 256}, Dim{X: 256}, 0, Ptr(y), Ptr(x), F32(a), F64(b), I32(y.Len))
}

func download(d *Device, b kernels.Buf) []float32 {
	x := make([]float32, b.Len)
	d.Download(x, b)
	return x
}

func ramp(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%4099)/16 - 100
	}
	return x
}

// failure is the device error that f panics with.
func failure(t *testing.T, f func()) (e *kernels.DeviceError) {
	t.Helper()
	defer func() {
		t.Helper()
		r := recover()
		if err, ok := r.(error); !ok || !errors.As(err, &e) {
			t.Fatalf("it panics with %v, want a device error", r)
		}
	}()
	f()
	return nil
}

// mistake is what f panics with, for mistakes of the caller.
func mistake(t *testing.T, says string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if err, ok := recover().(error); !ok || !strings.Contains(err.Error(), says) {
			t.Errorf("it panics with %v, want %q", err, says)
		}
	}()
	f()
}

// TestTransfers copies in and out, across pieces of the staging memory and in both types.
func TestTransfers(t *testing.T) {
	_, d := newStub(t)
	for _, n := range []int{1, 1000, largestPiece/4 - 1, largestPiece / 4, largestPiece/2 + 3} {
		for _, dt := range []kernels.DType{kernels.F32, kernels.F16} {
			b := d.Alloc(dt, n)
			src := ramp(n)
			src[0] = math.Float32frombits(0x7fa00123) // the bits of a float32 go through as they are
			want := slices.Clone(src)
			if dt == kernels.F16 {
				for i, x := range src {
					want[i] = kernels.ToF16(x).Float32()
				}
			}
			d.Upload(b, src)
			for i := range src {
				src[i] = -1 // Upload is done with it
			}
			got := download(d, b)
			for i := range want {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Fatalf("%v, %d elements: [%d] = %v, want %v", dt, n, i, got[i], want[i])
				}
			}
			d.Free(b)
		}
	}
	b := d.Alloc(kernels.F32, 10)
	mistake(t, "upload of 9 elements, the buffer has 10", func() { d.Upload(b, make([]float32, 9)) })
	mistake(t, "download of 11 elements, the buffer has 10", func() { d.Download(make([]float32, 11), b) })
}

// TestUploadsWait has more uploads under way than there is staging memory, none of which may overtake.
func TestUploadsWait(t *testing.T) {
	s, d := newStub(t)
	const pieces = 3 * stagingLimit / largestPiece
	n := largestPiece / 4
	a, b := d.Alloc(kernels.F32, n), d.Alloc(kernels.F32, pieces)
	for i := range pieces {
		x := ramp(n)
		x[7] = float32(i)
		d.Upload(a, x)
		axpb(d, b.Slice(i, i+1), a.Slice(7, 8), 2, 0.5)
	}
	for i, x := range download(d, b) {
		if x != 2*float32(i)+0.5 {
			t.Errorf("upload %d: %v", i, x)
		}
	}
	if n := s.Count("cuMemHostAlloc"); n > stagingLimit/largestPiece+2 {
		t.Errorf("%d pieces of pinned memory", n)
	}
}

// TestRead has several downloads under way, which see the work that was asked for before them and not what came after.
func TestRead(t *testing.T) {
	_, d := newStub(t)
	b := d.Alloc(kernels.F32, 100)
	d.Upload(b, ramp(100))
	var got [3][100]float32
	var waits [3]func()
	for i := range got {
		axpb(d, b, b, 1, 1)
		waits[i] = d.Read(got[i][:], b)
	}
	axpb(d, b, b, 0, 0)
	if got[0][0] != 0 {
		t.Error("a download was waited for")
	}
	for _, i := range []int{2, 0, 1} {
		waits[i]()
		for j, x := range ramp(100) {
			if got[i][j] != x+float32(i+1) {
				t.Fatalf("read %d: [%d] = %v", i, j, got[i][j])
			}
		}
	}
}

// TestSteadyStep has a step, once warm, ask the driver for nothing but the step's work.
func TestSteadyStep(t *testing.T) {
	s, d := newStub(t)
	step := func() {
		a, b := d.Alloc(kernels.F32, 3_000_000), d.Alloc(kernels.F32, 5000)
		d.Upload(a, ramp(a.Len))
		axpb(d, b, a.Slice(0, b.Len), 1, 2)
		c := d.Scratch(kernels.F16, 1_000_000)
		d.Free(c)
		d.Free(a)
		download(d, b)
		d.Free(b)
	}
	names := []string{"cuMemAlloc_v2", "cuMemFree_v2", "cuMemHostAlloc", "cuMemFreeHost", "cuEventCreate", "cuModuleLoadDataEx", "cuModuleGetFunction",
		"cuFuncGetAttribute", "cuFuncSetAttribute", "cuStreamCreate", "cuStreamSynchronize", "cuMemGetInfo_v2"}
	count := func() (n []int32) {
		for _, name := range names {
			n = append(n, s.Count(name))
		}
		return n
	}
	step()
	step()
	before := count()
	for range 10 {
		step()
	}
	if after := count(); !slices.Equal(before, after) {
		t.Errorf("%v: %v calls, before %v", names, after, before)
	}
	if now, peak := d.Memory(); now != 0 || peak < 12_020_000 || peak > 14_500_000 {
		t.Errorf("%d bytes in use, at most %d", now, peak)
	}
}

// TestLaunchAllocates has launches, and buffers for them, make no garbage.
func TestLaunchAllocates(t *testing.T) {
	_, d := newStub(t)
	b := d.Alloc(kernels.F32, 100)
	if n := testing.AllocsPerRun(50, func() {
		c := d.Scratch(kernels.F32, 100)
		for range 10 {
			axpb(d, b, c, 1, 1)
		}
		d.Free(c)
	}); n > 4 { // two blocks of the pool, and what the race detector has purego lose
		t.Errorf("ten launches make %v allocations of Go's", n)
	}
}

// TestLaunchChecks refuses what does not fit the declaration, before the driver sees it.
func TestLaunchChecks(t *testing.T) {
	s, d := newStub(t)
	b := d.Alloc(kernels.F32, 100)
	one := Dim{X: 1}
	mistake(t, "axpb has 5 parameters, not 1", func() { d.Launch(axpbKernel, one, one, 0, Ptr(b)) })
	mistake(t, "parameter 2 of axpb has 4 bytes, not 8", func() { d.Launch(axpbKernel, one, one, 0, Ptr(b), Ptr(b), F64(1), F64(2), I32(0)) })
	ok := []Arg{Ptr(b), Ptr(kernels.Buf{}), F32(0), F64(0), I32(0)}
	mistake(t, "at most 256 threads", func() { d.Launch(axpbKernel, one, Dim{X: 257}, 0, ok...) })
	mistake(t, "grid (0,1,1)", func() { d.Launch(axpbKernel, Dim{}, one, 0, ok...) })
	mistake(t, "grid (1,65536,1)", func() { d.Launch(axpbKernel, Dim{X: 1, Y: 65536}, one, 0, ok...) })
	mistake(t, "200000 bytes of dynamic shared memory; Stub A100 has 165888", func() { d.Launch(axpbKernel, one, one, 200000, ok...) })
	mistake(t, "not on the device", func() { Ptr(kernels.HostF32(make([]float32, 3))) })
	mistake(t, "does not fit", func() { I32(1 << 32) })
	mistake(t, "does not fit", func() { I32(-1<<31 - 1) })
	if n := s.Count("cuLaunchKernel"); n != 0 {
		t.Errorf("%d launches", n)
	}
	for range 3 {
		d.Launch(axpbKernel, one, one, 60000, ok...)
	}
	if n := s.Count("cuFuncSetAttribute"); n != 1 {
		t.Errorf("shared memory was asked for %d times", n)
	}
	mistake(t, "buffer of 0 elements", func() { d.Alloc(kernels.F32, 0) })
	mistake(t, "no buffer starts at", func() { d.Free(b.Slice(1, 2)) })
}

// TestOutOfMemory names the bytes; what was cached is given back first.
func TestOutOfMemory(t *testing.T) {
	s, d := newStub(t)
	s.Limit(100 << 20)
	d.Free(d.Alloc(kernels.F32, 15<<20))
	b := d.Alloc(kernels.F16, 40<<20)
	e := failure(t, func() { d.Alloc(kernels.F32, 10<<20) })
	for _, w := range []string{"cuda:0 Stub A100: allocation of 41943040 bytes: cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY (2)", "80 MiB are in use", "20 of the device's 100 MiB"} {
		if !strings.Contains(e.Error(), w) || !errors.Is(e, driver.ErrMemory) {
			t.Errorf("%v does not say %q", e, w)
		}
	}
	d.Free(b)
	d.Alloc(kernels.F32, 20<<20)
}

// TestLateErrors names the launches that an error may come from, or, with SyncEnv, the one.
func TestLateErrors(t *testing.T) {
	s, d := newStub(t)
	b := d.Alloc(kernels.F32, 100)
	s.Late(1)
	for range 2 {
		axpb(d, b, b, 1, 1)
	}
	d.Launch(echoKernel, Dim{X: 1}, Dim{X: 1}, 0, Ptr(b), I32(0), F64(0), F32(0), U64(0))
	e := failure(t, func() { download(d, b) })
	for _, w := range []string{"cuda:0 Stub A100: download: ", "(700)", "one failed: echo, axpb, axpb", SyncEnv + "=1"} {
		if !strings.Contains(e.Error(), w) {
			t.Errorf("%v does not say %q", e, w)
		}
	}
	d.Free(b) // asks the driver for nothing

	t.Setenv(SyncEnv, "1")
	s, d = newStub(t)
	b = d.Alloc(kernels.F32, 100)
	s.Late(1)
	axpb(d, b, b, 1, 1)
	e = failure(t, func() { axpb(d, b, b, 1, 1) })
	if want := "cuda:0 Stub A100: axpb: cuStreamSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS (700): an illegal memory access was encountered"; e.Error() != want {
		t.Errorf("%v, want %s", e, want)
	}
}

// TestGraph replays a capture whose memory nothing else has, whatever is allocated and freed meanwhile.
func TestGraph(t *testing.T) {
	for _, warm := range []bool{true, false} { // without a warm-up, modules are loaded and the pool grows within the capture
		s, d := newStub(t)
		in := d.Alloc(kernels.F32, 2_000_000)
		d.Upload(in, ramp(in.Len))
		var out kernels.Buf
		step := func() {
			out = d.Alloc(kernels.F32, in.Len)
			a := d.Alloc(kernels.F32, in.Len)
			axpb(d, a, in, 2, 0)
			b := d.Alloc(kernels.F32, in.Len)
			axpb(d, b, a, 1, 3)
			d.Free(a)
			c := d.Scratch(kernels.F32, in.Len) // may be a
			axpb(d, c, b, 3, 0)
			d.Free(b)
			axpb(d, out, c, 1, 1)
			d.Free(c)
		}
		if warm {
			step()
			d.Free(out)
		}
		before, _ := d.Memory()
		g := d.Capture(step)
		launches := s.Count("cuLaunchKernel")
		if s.Count("cuMemAlloc_v2") == 0 {
			t.Error("the stub counts nothing")
		}
		for round := range 3 {
			x := ramp(in.Len)
			x[5] = float32(round)
			d.Upload(in, x)
			other := d.Alloc(kernels.F32, 3*in.Len) // clobbers what is free
			axpb(d, other, other, 0, -7)
			d.Free(other)
			other = d.Alloc(kernels.F32, 3*in.Len)
			axpb(d, other, other, 0, 9)
			g.Launch()
			for i, y := range download(d, out) {
				if want := (2*x[i]+3)*3 + 1; y != want {
					t.Fatalf("round %d: y[%d] = %v, want %v", round, i, y, want)
				}
			}
			if y := download(d, other); slices.Min(y) != 9 || slices.Max(y) != 9 {
				t.Fatal("a replay wrote to another buffer")
			}
			d.Free(other)
		}
		if n := s.Count("cuLaunchKernel") - launches; n != 6 {
			t.Errorf("%d launches beside the replays, want 6", n)
		}
		if now, _ := d.Memory(); now < before+3*int64(in.Bytes()) {
			t.Errorf("%d bytes in use, of which the graph has none", now-before)
		}
		d.Free(out) // stays the graph's
		g.Launch()
		g.Release()
		if now, _ := d.Memory(); now != before {
			t.Errorf("%d bytes are left of the graph", now-before)
		}
		consistent(t, d.pool)
	}
}

// TestGraphOutlived frees a buffer of a graph after the graph.
func TestGraphOutlived(t *testing.T) {
	_, d := newStub(t)
	var out kernels.Buf
	g := d.Capture(func() {
		out = d.Alloc(kernels.F32, 1000)
		axpb(d, out, out, 0, 5)
	})
	g.Launch()
	g.Release()
	other := d.Alloc(kernels.F32, 1000)
	axpb(d, other, other, 0, 6)
	if y := download(d, out); y[0] != 5 || y[999] != 5 {
		t.Errorf("%v", y[:3])
	}
	d.Free(out)
	d.Free(other)
	if now, _ := d.Memory(); now != 0 {
		t.Errorf("%d bytes are left", now)
	}
}

// TestBrokenCapture leaves the device as it was.
func TestBrokenCapture(t *testing.T) {
	_, d := newStub(t)
	b := d.Alloc(kernels.F32, 100)
	axpb(d, b, b, 0, 1)
	mistake(t, "upload during a capture", func() {
		d.Capture(func() {
			axpb(d, b, b, 0, 2)
			d.Upload(d.Alloc(kernels.F32, 10), ramp(10))
		})
	})
	mistake(t, "download during a capture", func() { d.Capture(func() { download(d, b) }) })
	mistake(t, "capture within a capture", func() { d.Capture(func() { d.Capture(func() {}) }) })
	if y := download(d, b); y[0] != 1 {
		t.Errorf("a broken capture was done: %v", y[0])
	}
	g := d.Capture(func() { axpb(d, b, b, 0, 3) })
	g.Launch()
	if y := download(d, b); y[0] != 3 {
		t.Errorf("the next capture: %v", y[0])
	}
}

// TestFork has work on the second stream, as it is and recorded: after what came before the fork, and before what comes after the join.
func TestFork(t *testing.T) {
	_, d := newStub(t)
	b := d.Alloc(kernels.F32, 100)
	step := func() {
		axpb(d, b, b, 2, 0)
		main := d.stream
		d.stream = driver.Stream(d.Fork()) // as NCCL launches its sums
		axpb(d, b, b, 1, 1)
		d.stream = main
		d.Join()
		axpb(d, b, b, 3, 0)
	}
	d.Upload(b, make([]float32, 100))
	step() // 3(2x + 1)
	g := d.Capture(step)
	g.Launch()
	if y := download(d, b); y[0] != 21 || y[99] != 21 {
		t.Errorf("%v, want 21", y[0])
	}
	d.Do(func() {})
}

func TestOpenDevice(t *testing.T) {
	d, err := Open(0)
	if err != nil {
		t.Skip("this machine has no GPU: ", err)
	}
	t.Log(d.Name())
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	s, d := newStub(t)
	b := d.Alloc(kernels.F32, 1)
	s.Late(0)
	axpb(d, b, b, 0, 0)
	if err := d.Close(); err == nil || s.Contexts() != 0 {
		t.Errorf("a device whose work failed: %v, %d contexts are left", err, s.Contexts())
	}
}
