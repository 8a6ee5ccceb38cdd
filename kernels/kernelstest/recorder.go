package kernelstest

import (
	"fmt"
	"math"

	"onestep/kernels"
)

// Recorder is the host as a device that records, stricter than one need be: what a recording allocated is NaN before every launch, a
// download is not there before it is waited for, and what a recording may not do panics. It counts what it is asked for.
type Recorder struct {
	*kernels.CPU
	Operations int // done or recorded one by one
	Launches   int
	Uploads    int
	Reads      int

	tape *tape // being recorded, or nil
}

var (
	_ kernels.Capturer = (*Recorder)(nil)
	_ kernels.Reader   = (*Recorder)(nil)
)

// NewRecorder makes the host a recorder with so many threads.
func NewRecorder(threads int) *Recorder { return &Recorder{CPU: kernels.NewCPU(threads)} }

// Kind is "recorder".
func (r *Recorder) Kind() string { return "recorder" }

// Name is "recorder", too.
func (r *Recorder) Name() string { return "recorder" }

// Self is the device itself.
func (r *Recorder) Self() kernels.Device { return r }

// tape is a recording: operations in order and, by the address of their first word, its buffers that are in use.
type tape struct {
	r      *Recorder
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
func (r *Recorder) Alloc(t kernels.DType, n int) kernels.Buf {
	if r.tape == nil {
		return r.CPU.Alloc(t, n)
	}
	b := r.tape.memory.Alloc(t, n)
	r.tape.all = append(r.tape.all, b)
	r.tape.inUse[key(b)] = true
	return b
}

// Free is [kernels.Device]'s.
func (r *Recorder) Free(b kernels.Buf) {
	if r.tape == nil {
		r.CPU.Free(b)
		return
	}
	if !r.tape.inUse[key(b)] {
		panic(fmt.Errorf("kernelstest: a recording frees a buffer of %d elements that it has not", b.Len))
	}
	delete(r.tape.inUse, key(b))
	r.tape.memory.Free(b)
}

// Upload is [kernels.Device]'s.
func (r *Recorder) Upload(dst kernels.Buf, src []float32) {
	r.idle("upload")
	r.Uploads++
	r.CPU.Upload(dst, src)
}

// Download is [kernels.Device]'s.
func (r *Recorder) Download(dst []float32, src kernels.Buf) {
	r.idle("download")
	r.CPU.Download(dst, src)
}

// Read is [kernels.Reader]'s.
func (r *Recorder) Read(dst []float32, src kernels.Buf) (wait func()) {
	r.idle("read")
	r.Reads++
	x := make([]float32, len(dst))
	r.CPU.Download(x, src)
	for i := range dst {
		dst[i] = unwritten
	}
	return func() { copy(dst, x) }
}

func (r *Recorder) idle(what string) {
	if r.tape != nil {
		panic(fmt.Errorf("kernelstest: %s in a recording", what))
	}
}

// Capture is [kernels.Capturer]'s.
func (r *Recorder) Capture(do func()) kernels.Graph {
	r.idle("a recording")
	t := &tape{r: r, memory: kernels.NewCPU(1), inUse: map[any]bool{}}
	r.tape = t
	defer func() { r.tape = nil }()
	do()
	return t
}

// Launch is [kernels.Graph]'s.
func (t *tape) Launch() {
	t.r.idle("a launch")
	t.r.Launches++
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

// recorded gives an operation to recorders.
func recorded[A any](op *kernels.Op[A]) {
	op.Register(kernels.Impl[A]{Kind: "recorder", Half: true, Run: func(d kernels.Device, a A) {
		r := d.(*Recorder)
		r.Operations++
		if r.tape != nil {
			r.tape.do = append(r.tape.do, func() { op.Run(r.CPU, a) })
			return
		}
		op.Run(r.CPU, a)
	}})
}

func init() {
	recorded(&kernels.Adam)
	recorded(&kernels.Attention)
	recorded(&kernels.AttentionBackward)
	recorded(&kernels.Axpby)
	recorded(&kernels.Bilinear)
	recorded(&kernels.Cast)
	recorded(&kernels.ChannelAffine)
	recorded(&kernels.Conv2D)
	recorded(&kernels.Conv2DInputGrad)
	recorded(&kernels.Conv2DWeightGrad)
	recorded(&kernels.CopyChannels)
	recorded(&kernels.CrossEntropy)
	recorded(&kernels.CrossEntropyBackward)
	recorded(&kernels.Embedding)
	recorded(&kernels.EmbeddingBackward)
	recorded(&kernels.GEMM)
	recorded(&kernels.GroupNorm)
	recorded(&kernels.GroupNormBackward)
	recorded(&kernels.LPIPSLayer)
	recorded(&kernels.LPIPSLayerBackward)
	recorded(&kernels.MeanPixels)
	recorded(&kernels.Mul)
	recorded(&kernels.Normal)
	recorded(&kernels.Pool2D)
	recorded(&kernels.Pool2DBackward)
	recorded(&kernels.ReLUBackward)
	recorded(&kernels.Resample)
	recorded(&kernels.SampleAxpby)
	recorded(&kernels.SampleDistance)
	recorded(&kernels.SampleDistanceBackward)
	recorded(&kernels.SiLU)
	recorded(&kernels.SiLUBackward)
	recorded(&kernels.SquaredNorm)
	recorded(&kernels.StepControl)
}
