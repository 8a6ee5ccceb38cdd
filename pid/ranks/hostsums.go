package ranks

import (
	"fmt"
	"math"
	"runtime"

	"onestep/tensor"
)

// exchanger moves blocks of numbers between the ranks.
type exchanger interface {
	// alltoall sends block r of send to rank r, and puts the block from rank r into recv at r; there are as many blocks of n numbers as ranks.
	alltoall(send, recv []float32, n int) error
	// allgather puts the block of rank r into recv at r. Own is the caller's, and no part of recv.
	allgather(own, recv []float32) error
	// queue runs f on the goroutine that talks to the others, after what was queued before.
	queue(f func())
}

// hostSums adds buckets up through the memory of the host, in the order of the ranks:
//
//	sum[i] = float32( float64(x₀[i]) + … + float64(x_{R−1}[i]) )
//
// Rank r does so for the r-th of R equal parts of a bucket.
type hostSums struct {
	ranks   int
	via     exchanger
	pending []*hostBucket
	idle    []*hostBucket // by the order in which they are used in a step
	recv    pinned
	own     pinned
	err     error // touched by the queue only, and by wait when that is empty
}

// hostBucket is one bucket on its way.
type hostBucket struct {
	tensors []*tensor.Tensor
	numbers pinned // all tensors in a row, padded to a multiple of the number of ranks
	done    chan struct{}
}

func newHostSums(via exchanger, ranks int) *hostSums { return &hostSums{ranks: ranks, via: via} }

func (h *hostSums) start(bucket []*tensor.Tensor) error {
	n := 0
	for _, t := range bucket {
		n += t.Len()
	}
	part := (n + h.ranks - 1) / h.ranks
	if part > math.MaxInt32 {
		return fmt.Errorf("a bucket of %d numbers is too large for MPI", n)
	}
	b := &hostBucket{}
	if k := len(h.pending); k < len(h.idle) {
		b = h.idle[k]
	} else {
		h.idle = append(h.idle, b)
	}
	b.tensors, b.done = bucket, make(chan struct{})
	x := b.numbers.resize(part * h.ranks)
	at := 0
	for _, t := range bucket {
		t.Device().Device.Download(x[at:at+t.Len()], t.Buf())
		at += t.Len()
	}
	h.pending = append(h.pending, b)
	h.via.queue(func() {
		defer close(b.done)
		if h.err == nil {
			h.err = h.sum(x, part)
		}
	})
	return nil
}

// sum replaces x, of one part for each rank, by its sum over the ranks.
func (h *hostSums) sum(x []float32, part int) error {
	if part == 0 {
		return nil
	}
	recv, own := h.recv.resize(len(x)), h.own.resize(part)
	if err := h.via.alltoall(x, recv, part); err != nil {
		return err
	}
	for i := range own {
		var s float64
		for at := i; at < len(recv); at += part {
			s += float64(recv[at])
		}
		own[i] = float32(s)
	}
	return h.via.allgather(own, x)
}

func (h *hostSums) wait() error {
	for _, b := range h.pending {
		<-b.done
	}
	if h.err != nil {
		return h.err
	}
	for _, b := range h.pending {
		at := 0
		for _, t := range b.tensors {
			t.Device().Device.Upload(t.Buf(), b.numbers.x[at:at+t.Len()])
			at += t.Len()
		}
		b.tensors = nil
	}
	h.pending = h.pending[:0]
	return nil
}

func (h *hostSums) close() error {
	for _, b := range h.idle {
		b.numbers.release()
	}
	h.recv.release()
	h.own.release()
	return nil
}

// pinned is memory that C may hold on to between calls.
type pinned struct {
	x   []float32
	pin runtime.Pinner
}

// resize returns n numbers, of undefined value if there were fewer before.
func (p *pinned) resize(n int) []float32 {
	if n > cap(p.x) {
		p.release()
		p.x = make([]float32, n)
		p.pin.Pin(&p.x[0])
	}
	p.x = p.x[:n]
	return p.x
}

func (p *pinned) release() {
	p.pin.Unpin()
	p.x = nil
}
