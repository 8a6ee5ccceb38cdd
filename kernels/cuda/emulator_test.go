package cuda_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"onestep/kernels"
	"onestep/kernels/cuda"
	"onestep/kernels/cuda/asm"
	"onestep/kernels/cuda/emulated"
	"onestep/kernels/cuda/simt"
	"onestep/kernels/kernelstest"
)

// TestMain runs the tests. If they were all of them, with -short or without, every kernel has been launched, or that is a failure.
func TestMain(m *testing.M) {
	cuda.PlantGiven()
	code := m.Run()
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" && flag.Lookup("test.list").Value.String() == ""
	if code == 0 && whole && !onGPU {
		if list := cuda.Unlaunched(); len(list) > 0 {
			fmt.Fprintf(os.Stderr, "FAIL: no test launches %s\n", strings.Join(list, ", "))
			code = 1
		}
		if list := cuda.Unlisted(); len(list) > 0 {
			fmt.Fprintf(os.Stderr, "FAIL: no family lists %s, which is launched\n", strings.Join(list, ", "))
			code = 1
		}
	}
	os.Exit(code)
}

// onGPU says that the tests of operations are to run on the first GPU.
var onGPU = os.Getenv("ONESTEP_DEVICE") == "cuda"

var gpu = sync.OnceValue(func() *cuda.Device {
	d, err := cuda.Open(0)
	if err != nil {
		panic(err)
	}
	return d
})

// interpreted skips on a GPU what only the interpreter can show.
func interpreted(t *testing.T) {
	t.Helper()
	if onGPU {
		t.Skip("on a GPU: only the interpreter can show it")
	}
}

// emulator opens a test's own interpreter, with all its checks, under the schedule of a seed, and lets the test run beside others; or the GPU if one
// is asked for.
func emulator(t *testing.T) kernelstest.Opener {
	t.Helper()
	if onGPU {
		return func(uint64) kernels.Device { return gpu() }
	}
	t.Parallel()
	_, open := cuda.Strict(t, nil)
	return open
}

// scouted lets a test launch every kernel of its operation, see [kernelstest.Covering]. On a GPU it does nothing.
func scouted(t *testing.T) kernelstest.Option {
	t.Helper()
	if onGPU {
		return kernelstest.Covering(nil)
	}
	recorder := emulated.NewRecorder()
	d, err := cuda.On(recorder, "recorded")
	if err != nil {
		t.Fatal(err)
	}
	return kernelstest.Covering(func(run func(kernels.Device)) (names []string) {
		recorder.Reset()
		run(d)
		for _, l := range recorder.Launches {
			names = append(names, l.Entry)
		}
		return names
	})
}

// Kernels that do what the interpreter must see.
var (
	fillKernel = cuda.Probe("fill", 64, func(k *asm.Kernel) {
		y, a, n := k.Ptr("y"), k.F32("a"), k.I32("n")
		i := k.GlobalIndex()
		k.If(i.Lt(n), func() { k.Store(asm.Global, y.Index(i, 4), 0, a) })
	})
	twiceKernel = cuda.Probe("twice", 64, func(k *asm.Kernel) {
		y, x, n := k.Ptr("y"), k.Ptr("x"), k.I32("n")
		i := k.GlobalIndex()
		k.If(i.Lt(n), func() {
			v := k.Load(asm.Global, asm.F32, x.Index(i, 4), 0)
			k.Store(asm.Global, y.Index(i, 4), 0, v.Add(v))
		})
	})
)

func fill(d *cuda.Device, y kernels.Buf, a float32, n int) {
	d.Launch(fillKernel, cuda.Dim{X: (n + 63) / 64}, cuda.Dim{X: 64}, 0, cuda.Ptr(y), cuda.F32(a), cuda.I32(n))
}

func twice(d *cuda.Device, y, x kernels.Buf) {
	d.Launch(twiceKernel, cuda.Dim{X: (y.Len + 63) / 64}, cuda.Dim{X: 64}, 0, cuda.Ptr(y), cuda.Ptr(x), cuda.I32(y.Len))
}

func contents(d *cuda.Device, b kernels.Buf) []float32 {
	x := make([]float32, b.Len)
	d.Download(x, b)
	return x
}

// fault is the device error that f panics with; it must say all of the words.
func fault(t *testing.T, f func(), words ...string) {
	t.Helper()
	defer func() {
		t.Helper()
		err, _ := recover().(error)
		if e := (*kernels.DeviceError)(nil); !errors.As(err, &e) {
			t.Errorf("it panics with %v, want a device error", err)
			return
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%v does not say %q", err, w)
			}
		}
	}()
	f()
}

// TestEmulated runs kernels through the same Device that a GPU has: what they do wrong is said with kernel, line, block and thread.
func TestEmulated(t *testing.T) {
	interpreted(t)
	open := emulator(t)
	d := open(0).(*cuda.Device)
	x, y := d.Alloc(kernels.F32, 100), d.Alloc(kernels.F32, 100)
	fill(d, x, 1.5, 100)
	twice(d, y, x)
	for i, v := range contents(d, y) {
		if v != 3 {
			t.Fatalf("y[%d] = %v, want 3", i, v)
		}
	}
	fault(t, func() { fill(d, x, 1, 101) }, "emulated: fill: ", "fill.ptx:29", "block (1,0,0), thread 36")
	fault(t, func() { fill(d, x.Slice(90, 100), 1, 11) }, "thread 10")
	d.Free(x)
	fault(t, func() { fill(d, x, 1, 1) }, "fill.ptx:29")
	x = d.Alloc(kernels.F32, 100) // has the memory of before, but not its contents
	fill(d, x, 1, 50)
	fault(t, func() { twice(d, y, x) }, "twice: ", "twice.ptx:30", "block (0,0,0), thread 50")
	twice(d, y.Slice(0, 50), x)
	d.Free(x)
	d.Free(y)
}

// TestEmulatedGraph replays a capture launch for launch, with memory of its own that is undefined at the start of every replay.
func TestEmulatedGraph(t *testing.T) {
	interpreted(t)
	open := emulator(t)
	d := open(0).(*cuda.Device)
	in := d.Alloc(kernels.F32, 100)
	d.Upload(in, make([]float32, 100))
	var out kernels.Buf
	g := d.Capture(func() {
		a := d.Scratch(kernels.F32, 100)
		twice(d, a, in)
		b := d.Scratch(kernels.F32, 100)
		twice(d, b, a)
		d.Free(a)
		out = d.Alloc(kernels.F32, 100) // has a's memory
		twice(d, out, b)
		d.Free(b)
	})
	for round := range 3 {
		x := make([]float32, 100)
		for i := range x {
			x[i] = float32(i + round)
		}
		d.Upload(in, x)
		g.Launch()
		for i, v := range contents(d, out) {
			if v != 8*x[i] {
				t.Fatalf("round %d: y[%d] = %v, want %v", round, i, v, 8*x[i])
			}
		}
	}
	d.Free(out)
	g.Release()

	var a kernels.Buf
	stale := d.Capture(func() {
		a = d.Alloc(kernels.F32, 10)
		twice(d, in.Slice(0, 10), a)
		fill(d, a, 1, 10)
	})
	for range 2 { // in the second replay a holds what the first one wrote, which a GPU does not promise
		fault(t, stale.Launch, "graph of 2 launches", "twice")
	}
	d.Free(in)
	stale.Release()
	d.Free(a)
}

// TestHalfCopies gives an operation that takes no halves float32 copies made on the device.
func TestHalfCopies(t *testing.T) {
	open := emulator(t)
	d := open(3).(*cuda.Device)
	type args struct {
		Y kernels.Buf `kernel:"out"`
		X kernels.Buf
	}
	op := kernels.Op[args]{Name: "twice"}
	op.Register(kernels.Impl[args]{Kind: cuda.Kind, Run: func(on kernels.Device, a args) {
		if a.X.Type != kernels.F32 || a.Y.Type != kernels.F32 {
			t.Errorf("the kernel is given %v and %v", a.X.Type, a.Y.Type)
		}
		twice(on.(*cuda.Device), a.Y, a.X)
	}})
	before, _ := d.Memory()
	x, y := d.Alloc(kernels.F16, 77), d.Alloc(kernels.F16, 77)
	src := make([]float32, 77)
	for i := range src {
		src[i] = float32(math.Sin(float64(i)))
	}
	d.Upload(x, src)
	op.Run(d, args{y, x})
	for i, v := range contents(d, y) {
		if want := kernels.ToF16(2 * kernels.ToF16(src[i]).Float32()).Float32(); v != want {
			t.Errorf("y[%d] = %v, want %v", i, v, want)
		}
	}
	d.Free(x)
	d.Free(y)
	if now, _ := d.Memory(); now != before {
		t.Errorf("%d bytes are left", now-before)
	}
}

func TestEmulatedOptions(t *testing.T) {
	interpreted(t)
	for text, want := range map[string]simt.Options{
		"": {Uninitialized: true}, "races": {Uninitialized: true, Races: true}, "races,seed=7": {Uninitialized: true, Races: true, Seed: 7},
	} {
		t.Setenv(emulated.Env, text)
		if o, err := emulated.FromEnv(); err != nil || o.Races != want.Races || o.Seed != want.Seed || o.Uninitialized != want.Uninitialized {
			t.Errorf("%q: %+v, %v", text, o, err)
		}
	}
	for _, text := range []string{"seed", "seed=x", "all", "races;seed=1"} {
		t.Setenv(emulated.Env, text)
		if d, err := cuda.Emulated(); err == nil || !strings.Contains(err.Error(), "want races or seed=N") {
			t.Errorf("%q: %v, %v", text, d, err)
		}
	}
	t.Setenv(emulated.Env, "")
	if d, err := cuda.Emulated(); err != nil || d.Name() != "emulated" || d.SMs() != 108 {
		t.Error(err)
	}
}
