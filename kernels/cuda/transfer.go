package cuda

import (
	"fmt"
	"math/bits"
	"unsafe"

	"onestep/kernels"
	"onestep/kernels/cuda/driver"
)

// Transfers go through pieces of pinned memory, which the device copies by itself. Sizes in bytes.
const (
	smallestPiece = 4 << 10
	largestPiece  = 4 << 20
	stagingLimit  = 64 << 20 // of all pieces of uploads; beyond it an upload waits for an earlier one
)

// piece is pinned memory, and the event after which it may be used again.
type piece struct {
	mem   []byte
	class int // its size is smallestPiece << class
	done  driver.Event
}

// staging is the pinned memory of a device.
type staging struct {
	free    [][]*piece // by class
	pending []*piece   // of uploads under way, oldest first
	held    int        // bytes
}

// Upload copies numbers to a buffer, after all work that was asked for. It returns before they are there, and src may change then.
func (d *Device) Upload(dst kernels.Buf, src []float32) {
	d.transfer("upload", dst, len(src))
	size := dst.Type.Size()
	for at := 0; at < len(src); {
		n := min(len(src)-at, largestPiece/size)
		p := d.piece(n * size)
		encode(p.mem[:n*size], dst.Type, src[at:at+n])
		d.check("upload", d.drv.CopyIn(driver.Ptr(dst.Addr)+driver.Ptr(at*size), p.mem[:n*size], d.stream))
		d.check("upload", d.drv.Record(p.done, d.stream))
		d.staging.pending = append(d.staging.pending, p)
		at += n
	}
}

// Download copies a buffer to the host, after all work that was asked for, and waits for that.
func (d *Device) Download(dst []float32, src kernels.Buf) { d.Read(dst, src)() }

// Read is Download that does not wait: dst is filled when wait returns.
func (d *Device) Read(dst []float32, src kernels.Buf) (wait func()) {
	d.transfer("download", src, len(dst))
	size := src.Type.Size()
	var pieces []*piece
	fetch := func(at int) int {
		n := min(len(dst)-at, largestPiece/size)
		p := d.piece(n * size)
		d.check("download", d.drv.CopyOut(p.mem[:n*size], driver.Ptr(src.Addr)+driver.Ptr(at*size), d.stream))
		d.check("download", d.drv.Record(p.done, d.stream))
		pieces = append(pieces, p)
		return at + n
	}
	for at := 0; at < len(dst); {
		at = fetch(at)
	}
	return func() {
		at := 0
		for _, p := range pieces {
			d.check("download", d.drv.SyncEvent(p.done))
			n := min(len(dst)-at, largestPiece/size)
			decode(dst[at:at+n], src.Type, p.mem)
			d.staging.put(p)
			at += n
		}
	}
}

func (d *Device) transfer(what string, b kernels.Buf, n int) {
	if d.pool.capture != nil {
		panic(fmt.Errorf("kernels/cuda: %s during a capture: every replay would repeat it", what))
	}
	if n != b.Len {
		panic(fmt.Errorf("kernels/cuda: %s of %d elements, the buffer has %d", what, n, b.Len))
	}
}

// piece finds pinned memory of at least n bytes: free, or used by an upload that is over, or new; or else it waits for the oldest upload.
func (d *Device) piece(n int) *piece {
	s := &d.staging
	class := bits.Len(uint(max(n, smallestPiece)-1) / smallestPiece)
	for {
		if p := s.take(class); p != nil {
			return p
		}
		if len(s.pending) == 0 {
			break
		}
		p := s.pending[0]
		over, err := d.drv.Done(p.done)
		d.check("upload", err)
		if !over {
			if s.held+smallestPiece<<class <= stagingLimit {
				break
			}
			d.check("upload", d.drv.SyncEvent(p.done))
		}
		s.pending = s.pending[:copy(s.pending, s.pending[1:])]
		s.put(p)
	}
	p := &piece{class: class}
	var err error
	p.mem, err = d.drv.AllocHost(smallestPiece << class)
	d.check(fmt.Sprintf("pinned memory of %d bytes", smallestPiece<<class), err)
	p.done, err = d.drv.NewEvent(false)
	d.check("event", err)
	s.held += len(p.mem)
	return p
}

func (s *staging) take(class int) *piece {
	if class >= len(s.free) || len(s.free[class]) == 0 {
		return nil
	}
	list := s.free[class]
	p := list[len(list)-1]
	s.free[class] = list[:len(list)-1]
	return p
}

func (s *staging) put(p *piece) {
	for len(s.free) <= p.class {
		s.free = append(s.free, nil)
	}
	s.free[p.class] = append(s.free[p.class], p)
}

// encode writes numbers as elements of a type. Float32 goes by its bits.
func encode(dst []byte, t kernels.DType, src []float32) {
	if t == kernels.F32 {
		copy(dst, bytesOf(src))
		return
	}
	h := unsafe.Slice((*kernels.F16Bits)(unsafe.Pointer(unsafe.SliceData(dst))), len(src))
	for i, x := range src {
		h[i] = kernels.ToF16(x)
	}
}

// decode reads them.
func decode(dst []float32, t kernels.DType, src []byte) {
	if t == kernels.F32 {
		copy(bytesOf(dst), src)
		return
	}
	h := unsafe.Slice((*kernels.F16Bits)(unsafe.Pointer(unsafe.SliceData(src))), len(dst))
	for i, x := range h {
		dst[i] = x.Float32()
	}
}

func bytesOf(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}
