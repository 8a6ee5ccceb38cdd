package kernels

import "reflect"

// NewDryCPU is the host as a device that computes nothing: what a program asks of it, it notes. It chooses implementations, gives out buffers and
// keeps freed ones as [NewCPU]'s device does, so that its Memory and Held are those of a real run, but for the scratch of tasks. All its buffers
// are one piece of memory that is hardly touched: their contents mean nothing, and downloads are ones.
func NewDryCPU(threads int) *CPU {
	c := NewCPU(threads)
	c.dry = &dry{}
	return c
}

// Work is one operation that a dry device was asked for.
type Work struct {
	Op    string
	MACs  int  // multiply-adds of a product or convolution, or 0
	Bytes int  // of all its buffers
	Inner bool // part of another operation: the host's conversions of half-precision buffers
}

// Notes are the operations that a dry device was asked for so far, in order.
func (c *CPU) Notes() []Work { return c.dry.notes }

// dry is what a dry device has besides.
type dry struct {
	notes []Work
	depth int       // operations under way
	room  []float32 // the memory of all buffers
}

// some is that many floats of the memory, which grows without being touched.
func (d *dry) some(floats int) []float32 {
	if len(d.room) < floats {
		d.room = aligned(max(floats, 2*len(d.room)))
	}
	return d.room[:floats:floats]
}

// note notes an operation, and returns what is to be called at its end.
func (d *dry) note(w Work) (end func()) {
	w.Inner = d.depth > 0
	d.notes = append(d.notes, w)
	d.depth++
	return func() { d.depth-- }
}

// work describes an operation.
func (o *Op[A]) work(a A) Work {
	w := Work{Op: o.Name}
	if o.MACs != nil {
		w.MACs = o.MACs(a)
	}
	for _, field := range reflect.ValueOf(a).Fields() {
		switch x := field.Interface().(type) {
		case Buf:
			w.Bytes += x.Bytes()
		case []Buf:
			for _, b := range x {
				w.Bytes += b.Bytes()
			}
		}
	}
	return w
}

func fillOnes(x []float32) {
	for i := range x {
		x[i] = 1
	}
}
