package kernelstest

import (
	"fmt"
	"math"

	"onestep/kernels"
)

// Capturer is the host as a device that captures operations, stricter than one need be: what was allocated meanwhile is NaN before every launch, a
// download is not there before it is waited for, and what may not be done meanwhile panics. It counts what it is asked for.
type Capturer struct {
	*kernels.CPU
	Operations int // done or captured one by one
	Launches   int
	Uploads    int
	Reads      int

	tape *tape // being captured, or nil
}

var (
	_ kernels.Capturer = (*Capturer)(nil)
	_ kernels.Reader   = (*Capturer)(nil)
)

// NewCapturer makes the host a capturer with so many threads.
func NewCapturer(threads int) *Capturer { return &Capturer{CPU: kernels.NewCPU(threads)} }

// Kind is "capturer".
func (c *Capturer) Kind() string { return "capturer" }

// Name is "capturer", too.
func (c *Capturer) Name() string { return "capturer" }

// Self is the device itself.
func (c *Capturer) Self() kernels.Device { return c }

// tape is a captured program: operations in order and, by the address of their first word, its buffers that are in use.
type tape struct {
	of     *Capturer
	do     []func()
	memory *kernels.CPU
	all    []kernels.Buf
	inUse  map[any]bool
}

func key(b kernels.Buf) any {
	if b.Type == kernels.F16 {
		return &b.F16[0]
	}
	return &b.F32[0]
}

// Alloc is [kernels.Device]'s.
func (c *Capturer) Alloc(t kernels.DType, n int) kernels.Buf {
	if c.tape == nil {
		return c.CPU.Alloc(t, n)
	}
	b := c.tape.memory.Alloc(t, n)
	c.tape.all = append(c.tape.all, b)
	c.tape.inUse[key(b)] = true
	return b
}

// Free is [kernels.Device]'s.
func (c *Capturer) Free(b kernels.Buf) {
	if c.tape == nil {
		c.CPU.Free(b)
		return
	}
	if !c.tape.inUse[key(b)] {
		panic(fmt.Errorf("kernelstest: a captured program frees a buffer of %d elements that it has not", b.Len))
	}
	delete(c.tape.inUse, key(b))
	c.tape.memory.Free(b)
}

// Upload is [kernels.Device]'s.
func (c *Capturer) Upload(dst kernels.Buf, src []float32) {
	c.idle("upload")
	c.Uploads++
	c.CPU.Upload(dst, src)
}

// Download is [kernels.Device]'s.
func (c *Capturer) Download(dst []float32, src kernels.Buf) {
	c.idle("download")
	c.CPU.Download(dst, src)
}

// Read is [kernels.Reader]'s.
func (c *Capturer) Read(dst []float32, src kernels.Buf) (wait func()) {
	c.idle("read")
	c.Reads++
	x := make([]float32, len(dst))
	c.CPU.Download(x, src)
	for i := range dst {
		dst[i] = unwritten
	}
	return func() { copy(dst, x) }
}

func (c *Capturer) idle(what string) {
	if c.tape != nil {
		panic(fmt.Errorf("kernelstest: %s while a program is captured", what))
	}
}

// Capture is [kernels.Capturer]'s.
func (c *Capturer) Capture(do func()) kernels.Graph {
	c.idle("a capture")
	t := &tape{of: c, memory: kernels.NewCPU(1), inUse: map[any]bool{}}
	c.tape = t
	defer func() { c.tape = nil }()
	do()
	return t
}

// Launch is [kernels.Graph]'s.
func (t *tape) Launch() {
	t.of.idle("a launch")
	t.of.Launches++
	for _, b := range t.all {
		for i := range b.F32 {
			b.F32[i] = float32(math.NaN())
		}
		for i := range b.F16 {
			b.F16[i] = unwrittenHalf
		}
	}
	for _, f := range t.do {
		f()
	}
}

// Release is [kernels.Graph]'s.
func (t *tape) Release() { t.memory.Close() }

func init() {
	for _, op := range kernels.Operations() {
		op.Delegate("capturer", func(d kernels.Device, do func(on kernels.Device)) {
			c := d.(*Capturer)
			c.Operations++
			if c.tape != nil {
				c.tape.do = append(c.tape.do, func() { do(c.CPU) })
				return
			}
			do(c.CPU)
		})
	}
}
