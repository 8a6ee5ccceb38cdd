package kernels_test

import (
	"math"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"onestep/kernels"
)

func TestFor(t *testing.T) {
	for _, threads := range []int{1, 2, 5, 16} {
		c := kernels.NewCPU(threads)
		for n := range 60 {
			seen, busy := make([]atomic.Int32, n), make([]atomic.Int32, threads)
			c.For(n, func(worker, i int) {
				if busy[worker].Add(1) != 1 {
					t.Errorf("%d threads: two tasks at a time for worker %d", threads, worker)
				}
				seen[i].Add(1)
				busy[worker].Add(-1)
			})
			for i := range seen {
				if k := seen[i].Load(); k != 1 {
					t.Fatalf("%d threads, %d tasks: task %d ran %d times", threads, n, i, k)
				}
			}
			if n%20 == 19 {
				time.Sleep(time.Millisecond) // long enough for the workers to park
			}
		}
		c.Close()
	}
}

func TestBlocks(t *testing.T) {
	c := kernels.NewCPU(3)
	defer c.Close()
	for _, n := range []int{1, kernels.BlockLen, kernels.BlockLen + 1, 5*kernels.BlockLen - 7} {
		var sum, rows atomic.Int64
		c.Blocks(n, func(_, lo, hi int) { sum.Add(int64(hi - lo)) })
		c.Rows(n, 100, func(_, lo, hi int) { rows.Add(int64(hi - lo)) })
		if sum.Load() != int64(n) || rows.Load() != int64(n) {
			t.Errorf("blocks of %d elements cover %d, rows %d", n, sum.Load(), rows.Load())
		}
	}
}

func TestAlloc(t *testing.T) {
	c := kernels.NewCPU(1)
	defer c.Close()
	start, _ := c.Memory()
	for _, n := range []int{1, 15, 16, 17, 1000, 1 << 20} {
		for _, dtype := range []kernels.DType{kernels.F32, kernels.F16} {
			b := c.Alloc(dtype, n)
			var at, again unsafe.Pointer
			address := func(b kernels.Buf) unsafe.Pointer {
				if dtype == kernels.F16 {
					return unsafe.Pointer(&b.F16[0])
				}
				return unsafe.Pointer(&b.F32[0])
			}
			if at = address(b); uintptr(at)%64 != 0 {
				t.Errorf("%v buffer of %d elements starts at %v", dtype, n, at)
			}
			if now, _ := c.Memory(); now < start+int64(b.Bytes()) {
				t.Errorf("%d bytes in use with a buffer of %d", now, b.Bytes())
			}
			c.Free(b)
			b = c.Alloc(dtype, n)
			if again = address(b); again != at {
				t.Errorf("%v buffer of %d elements is not reused", dtype, n)
			}
			c.Free(b)
		}
	}
	if now, peak := c.Memory(); now != start || peak < 4<<20 {
		t.Errorf("%d bytes in use at the end, %d at most", now, peak)
	}
}

// TestHalfAdapter runs an operation that knows float32 only on half buffers: the result is that of converted copies, rounded.
func TestHalfAdapter(t *testing.T) {
	c := kernels.NewCPUAt(kernels.Generic, 1)
	defer c.Close()
	x, z, y := make([]kernels.F16Bits, 100), make([]float32, 100), make([]kernels.F16Bits, 100)
	for i := range x {
		x[i], z[i] = kernels.ToF16(float32(i)/7), float32(i)/3
	}
	kernels.Axpby.Run(c, kernels.AxpbyArgs{Y: kernels.HostF16(y), X: kernels.HostF16(x), Z: kernels.HostF32(z), A: 2, B: -1, N: 100})
	for i := range y {
		want := kernels.ToF16(float32(2*float64(x[i].Float32()) - float64(z[i])))
		if y[i] != want {
			t.Errorf("element %d is %g, want %g", i, y[i].Float32(), want.Float32())
		}
	}
	if now, _ := c.Memory(); now != 0 {
		t.Errorf("%d bytes of copies are not freed", now)
	}
}

func TestF16(t *testing.T) {
	for _, c := range []struct {
		x    float32
		bits kernels.F16Bits
	}{
		{0, 0}, {float32(math.Copysign(0, -1)), 0x8000}, {1, 0x3c00}, {65504, 0x7bff}, {65519, 0x7bff}, {65520, 0x7c00}, {-1e9, 0xfc00},
		{1.0 / (1 << 24), 1}, {1.0 / (1 << 25), 0}, {1.5 / (1 << 25), 1}, {1 + 1.0/2048, 0x3c00}, {1 + 3.0/2048, 0x3c02},
		{float32(math.Inf(1)), 0x7c00},
	} {
		if got := kernels.ToF16(c.x); got != c.bits {
			t.Errorf("%g becomes %#04x, want %#04x", c.x, got, c.bits)
		}
	}
	for h := range 1 << 16 {
		b := kernels.F16Bits(h)
		if f := b.Float32(); f == f && kernels.ToF16(f) != b {
			t.Errorf("%#04x becomes %g becomes %#04x", h, f, kernels.ToF16(f))
		}
	}
	if nan := kernels.ToF16(float32(math.NaN())).Float32(); nan == nan {
		t.Errorf("NaN becomes %g", nan)
	}
}
