package tensor

import (
	"fmt"

	"onestep/kernels"
)

// Program is a function of device operations that is run again and again, a training step say. On a device that can capture operations, the first
// run is done as it comes, the second is captured, and it and all later ones are replayed with one call and without waiting.
//
// The function must ask for the same operations every time. What changes from one run to the next reaches the device by [Device.Input] alone,
// and host state that inputs are made from is brought up to date in [Device.Prepare]: a replay calls again, in order, the functions that were
// given to these two, and nothing else. Tensors that the function makes it also releases; it downloads nothing, see [Tensor.Later].
type Program struct {
	d     *Device
	f     func()
	runs  int
	words int // of all inputs, as the first run counted them
	graph kernels.Graph
	fills []func() // of the captured run, in order
	host  []float32
	block *Tensor // all inputs, uploaded at once
	used  int     // words of block that are given out
}

// Program makes a program of f. Its Run is f on a device that cannot capture.
func (d *Device) Program(f func()) *Program { return &Program{d: d, f: f} }

// Run runs the program once.
func (p *Program) Run() {
	c, ok := p.d.Device.(kernels.Capturer)
	switch {
	case !ok:
		p.f()
		return
	case p.runs == 0:
		p.d.counted = &p.words
		defer func() { p.d.counted = nil }()
		p.f()
	case p.graph == nil:
		p.capture(c)
		p.replay()
	default:
		p.replay()
	}
	p.runs++
}

func (p *Program) capture(c kernels.Capturer) {
	if p.block == nil && p.words > 0 {
		p.block = p.d.Unscoped(func() *Tensor { return p.d.New(kernels.F32, p.words) })
		p.host = make([]float32, p.words)
	}
	p.fills, p.used = nil, 0
	p.d.capturing = p
	defer func() { p.d.capturing = nil }()
	p.graph = c.Capture(p.f)
}

func (p *Program) replay() {
	clear(p.host)
	for _, fill := range p.fills {
		fill()
	}
	if p.block != nil {
		p.block.CopyFrom(p.host)
	}
	p.graph.Launch()
}

// Release frees what capturing took. The program cannot be run afterwards.
func (p *Program) Release() {
	if p.graph != nil {
		p.graph.Release()
	}
	if p.block != nil {
		p.block.Release()
	}
}

// Input is a float32 tensor of what fill writes: dst starts as zeros. In a captured program fill is called again before every replay.
func (d *Device) Input(fill func(dst []float32), shape ...int) *Tensor {
	n := 1
	for _, s := range shape {
		n *= s
	}
	if d.counted != nil {
		*d.counted += inputWords(n)
	}
	p := d.capturing
	if p == nil {
		dst := make([]float32, n)
		fill(dst)
		return d.FromFloat32(dst, shape...)
	}
	lo := p.used
	if p.used += inputWords(n); p.used > p.words {
		panic(fmt.Errorf("tensor: a program has more inputs than in its first run: no room for shape %v", shape))
	}
	p.fills = append(p.fills, func() { fill(p.host[lo : lo+n : lo+n]) })
	return p.block.share(p.block.Buf().Slice(lo, lo+n), shape)
}

// inputWords is the room of n words in a block, such that every input begins at a multiple of 256 bytes.
func inputWords(n int) int { return (n + 63) / 64 * 64 }

// Prepare calls f now, and in a captured program before every replay, in order with the fill functions of inputs.
func (d *Device) Prepare(f func()) {
	if p := d.capturing; p != nil {
		p.fills = append(p.fills, f)
		return
	}
	f()
}

// Capturing tells whether a program is being captured: operations are not done then.
func (d *Device) Capturing() bool { return d.capturing != nil }

// transfer panics if a program is being captured.
func (d *Device) transfer(what string) {
	if d.capturing != nil {
		panic(fmt.Errorf("tensor: %s while a program is captured: use Input or Later", what))
	}
}

// Later is the contents of a tensor on their way to the host.
type Later struct {
	dst  []float32
	wait func()
}

// Later asks for the elements as they are after all operations asked for so far, and does not wait for them.
func (x *Tensor) Later() *Later {
	x.dev.transfer("download")
	l := &Later{dst: make([]float32, x.Len())}
	if r, ok := x.dev.Device.(kernels.Reader); ok {
		l.wait = r.Read(l.dst, x.Buf())
	} else {
		x.dev.Device.Download(l.dst, x.Buf())
	}
	return l
}

// Float32s waits for the elements.
func (l *Later) Float32s() []float32 {
	if l.wait != nil {
		l.wait()
		l.wait = nil
	}
	return l.dst
}
