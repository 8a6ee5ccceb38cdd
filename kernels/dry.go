package kernels

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"
)

// NewDryCPU is the host as a device that notes which operations a program asks for and computes none of them. It chooses implementations, gives out
// buffers and keeps freed ones as [NewCPU]'s device does, so that its Memory and Held are those of a real run, but for the scratch of tasks. All its
// buffers are the same piece of memory, which is hardly ever touched: their contents mean nothing, and downloads are ones.
//
// A large piece may be refused by the system all the same. So a buffer of more than 4 GiB, or of what [CPU.LimitDry] says, panics with a
// [DeviceError] of [ErrDry].
func NewDryCPU(threads int) *CPU {
	c := NewCPU(threads)
	c.dry = &dry{most: 4 << 30}
	return c
}

// LimitDry sets the largest buffer of a dry device, in bytes.
func (c *CPU) LimitDry(most int64) { c.dry.most = most }

// ErrDry says that a dry device was asked for a larger buffer than it is to have.
var ErrDry = errors.New("too large for a dry run")

// Work is one operation that a dry device was asked for.
type Work struct {
	Op    string
	MACs  int  // multiply-adds of a product or convolution, or 0
	Bytes int  // of all its buffers
	Inner bool // part of another operation: the host's conversions of half-precision buffers
}

// Notes are the operations that a dry device was asked for so far, in order.
func (c *CPU) Notes() []Work { return c.dry.notes }

// dry is the state of a dry device.
type dry struct {
	notes []Work
	depth int       // operations under way
	room  []float32 // the memory of all buffers
	rooms [][]byte  // room, and the smaller ones before it, which buffers may still lie in
	most  int64     // largest size of room in bytes
}

// alloc returns so many floats of the memory, which grows without being touched.
func (d *dry) alloc(floats int) []float32 {
	if len(d.room) < floats {
		bytes := 4 * max(floats, min(2*len(d.room), int(d.most/4)))
		var room []byte
		err := error(ErrDry)
		if int64(bytes) <= d.most {
			room, err = reserve(bytes)
		}
		if err != nil {
			panic(&DeviceError{Device: "dry run", Op: fmt.Sprintf("allocation of %d bytes", 4*floats), Err: ErrDry})
		}
		d.rooms = append(d.rooms, room)
		d.room = unsafe.Slice((*float32)(unsafe.Pointer(&room[0])), bytes/4)
	}
	return d.room[:floats:floats]
}

// close gives the memory back.
func (d *dry) close() {
	for _, room := range d.rooms {
		unreserve(room)
	}
	d.room, d.rooms = nil, nil
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
