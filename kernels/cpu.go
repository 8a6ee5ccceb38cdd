package kernels

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

// ISA is a level of vector instructions. Each includes the ones before it.
type ISA uint8

const (
	Generic ISA = iota // plain Go
	AVX2               // AVX2, FMA3 and F16C
	AVX512             // AVX-512 F, BW, VL and DQ besides
)

var isaNames = []string{"generic", "avx2", "avx512"}

func (i ISA) String() string { return isaNames[i] }

// ISAEnv names the environment variable that lowers the level that [NewCPU] chooses: generic, avx2 or avx512.
const ISAEnv = "ONESTEP_CPU"

// DetectISA is the highest level that this processor and its operating system have.
func DetectISA() ISA {
	switch c := cpuid.CPU; {
	case c.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.F16C, cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512VL, cpuid.AVX512DQ):
		return AVX512
	case c.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.F16C):
		return AVX2
	}
	return Generic
}

// CheckISAEnv is an error if [ISAEnv] names no level.
func CheckISAEnv() error {
	_, err := allowedISA()
	return err
}

// allowedISA is the level that [ISAEnv] names, the highest if it names none.
func allowedISA() (ISA, error) {
	name := os.Getenv(ISAEnv)
	if name == "" {
		return AVX512, nil
	}
	for i, n := range isaNames {
		if strings.EqualFold(n, name) {
			return ISA(i), nil
		}
	}
	return 0, fmt.Errorf("%s=%s: want %s", ISAEnv, name, strings.Join(isaNames, ", "))
}

// ISAs lists the levels that can run here, plain Go first, up to what [ISAEnv] allows. It panics if that is no level's name.
func ISAs() []ISA {
	allowed, err := allowedISA()
	if err != nil {
		panic(fmt.Errorf("kernels: %w", err))
	}
	best := min(allowed, DetectISA())
	all := []ISA{Generic}
	for i := AVX2; i <= best; i++ {
		all = append(all, i)
	}
	return all
}

// CPU is the host as a device: a pool of buffers, a crew of worker goroutines and a level of vector instructions.
// Close stops the workers.
type CPU struct {
	isa     ISA
	threads int
	crew    *crew

	mu        sync.Mutex
	free      map[int][][]float32 // free buffers by capacity in floats
	now, peak int64
	held      int64 // bytes of all buffers, in use or free
	poison    bool
	dry       *dry // nil: operations are done

	scratch [][][]float32 // by worker and slot
}

// NewCPU makes the host a device that works on so many threads (0: GOMAXPROCS), with the best instructions at hand.
func NewCPU(threads int) *CPU {
	all := ISAs()
	return NewCPUAt(all[len(all)-1], threads)
}

// NewCPUAt is NewCPU at a chosen level, for tests and comparisons. It panics if the processor lacks it.
func NewCPUAt(isa ISA, threads int) *CPU {
	if isa > DetectISA() {
		panic(fmt.Errorf("kernels: this processor has no %v", isa))
	}
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	return &CPU{isa: isa, threads: threads, crew: newCrew(threads), free: map[int][][]float32{}, scratch: make([][][]float32, threads)}
}

// Name is "cpu/" and the instruction level.
func (c *CPU) Name() string { return "cpu/" + c.isa.String() }

// Kind is "cpu".
func (c *CPU) Kind() string { return "cpu" }

// Self is the device itself.
func (c *CPU) Self() Device { return c }

// ISA is the level of vector instructions that kernels may use.
func (c *CPU) ISA() ISA { return c.isa }

// Threads is the number of workers, the caller counted in.
func (c *CPU) Threads() int { return c.threads }

// Poison makes Alloc fill buffers with NaN, so that tests see reads of undefined contents.
func (c *CPU) Poison() { c.poison = true }

// Close ends the worker goroutines. The device must be idle.
func (c *CPU) Close() {
	c.crew.close()
	if c.dry != nil {
		c.dry.close()
	}
}

// Alloc takes a buffer of n elements from the pool, or makes one. It starts at a multiple of 64 bytes.
func (c *CPU) Alloc(t DType, n int) Buf {
	if n <= 0 {
		panic(fmt.Errorf("kernels: buffer of %d elements", n))
	}
	floats := (n*t.Size() + 3) / 4
	class := sizeClass(floats)

	c.mu.Lock()
	var x []float32
	if list := c.free[class]; len(list) > 0 {
		x = list[len(list)-1]
		c.free[class] = list[:len(list)-1]
	}
	c.now += int64(class) * 4
	c.peak = max(c.peak, c.now)
	c.mu.Unlock()

	if x == nil {
		x = c.take(class)
	}
	if c.poison {
		for i := range x {
			x[i] = float32(math.NaN())
		}
	}
	if t == F16 {
		h := unsafe.Slice((*F16Bits)(unsafe.Pointer(&x[0])), 2*class)
		return Buf{F16: h[: n : 2*class], Type: F16, Len: n}
	}
	return Buf{F32: x[:n:class], Type: F32, Len: n}
}

// Free returns a buffer that Alloc made, whole, to the pool.
func (c *CPU) Free(b Buf) {
	var x []float32
	if b.Type == F16 {
		h := b.F16[:cap(b.F16)]
		x = unsafe.Slice((*float32)(unsafe.Pointer(&h[0])), len(h)/2)
	} else {
		x = b.F32[:cap(b.F32)]
	}
	c.mu.Lock()
	c.free[len(x)] = append(c.free[len(x)], x)
	c.now -= int64(len(x)) * 4
	c.mu.Unlock()
}

// Memory reports the bytes in buffers that are in use, and the most that ever were.
func (c *CPU) Memory() (now, peak int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now, c.peak
}

// Held reports the bytes taken from the system: buffers in use or kept for later, and the scratch of the workers.
func (c *CPU) Held() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// take makes a new buffer.
func (c *CPU) take(floats int) []float32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held += int64(floats) * 4
	if c.dry != nil {
		return c.dry.alloc(floats)
	}
	return aligned(floats)
}

// Upload copies host numbers into a buffer.
func (c *CPU) Upload(dst Buf, src []float32) {
	Cast.Run(c, CastArgs{Y: dst, X: HostF32(src), N: len(src)})
}

// Download copies a buffer out.
func (c *CPU) Download(dst []float32, src Buf) {
	Cast.Run(c, CastArgs{Y: HostF32(dst), X: src, N: len(dst)})
	if c.dry != nil {
		fillOnes(dst)
	}
}

// Scratch is n floats of undefined contents that belong to one worker until it asks for the same slot again.
func (c *CPU) Scratch(worker, slot, n int) []float32 {
	s := &c.scratch[worker]
	for len(*s) <= slot {
		*s = append(*s, nil)
	}
	if len((*s)[slot]) < n {
		(*s)[slot] = c.take(sizeClass(n))
	}
	return (*s)[slot][:n]
}

// sizeClass rounds up to four significant bits, so that at most a sixteenth is wasted and few classes exist.
func sizeClass(n int) int {
	step := 16
	for step*16 < n {
		step *= 2
	}
	return (n + step - 1) / step * step
}

// aligned makes n floats that start at a multiple of 64 bytes.
func aligned(n int) []float32 {
	x := make([]float32, n+16)
	skip := 0
	if off := uintptr(unsafe.Pointer(&x[0])) % 64; off != 0 {
		skip = int(64-off) / 4
	}
	return x[skip : skip+n : skip+n]
}
