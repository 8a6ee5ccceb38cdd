package kernels

import (
	"runtime"
	"sort"
	"sync/atomic"
	"time"
)

// spin is how long an idle worker looks for the next job before it parks: waking a parked thread costs more than most
// kernels run for, and the next kernel of a network usually follows within microseconds.
const spin = 200 * time.Microsecond

// crew is a set of persistent workers. The caller of For works too, and waits only for tasks that a worker has
// already claimed, so a worker that the system does not schedule delays nobody.
type crew struct {
	job    atomic.Pointer[job]
	parked atomic.Int32
	wake   chan struct{}
	quit   atomic.Bool
}

type job struct {
	f       func(worker, i int)
	n       int64
	next    atomic.Int64 // the next task to claim
	done    atomic.Int64 // tasks finished
	workers atomic.Int32 // the next worker number; the caller is 0
	limit   int32
}

func newCrew(threads int) *crew {
	c := &crew{wake: make(chan struct{}, threads)}
	for range threads - 1 {
		go c.work()
	}
	return c
}

func (c *crew) close() {
	c.quit.Store(true)
	for range cap(c.wake) {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// work waits for jobs: first spinning, then parked.
func (c *crew) work() {
	var last *job
	for !c.quit.Load() {
		j := c.job.Load()
		if j == nil || j == last {
			if j = c.await(last); j == nil {
				continue
			}
		}
		last = j
		if w := j.workers.Add(1); w < j.limit {
			j.run(int(w))
		}
	}
}

// await returns the next job, or nil after it was parked and woken.
func (c *crew) await(last *job) *job {
	start := time.Now()
	for i := 1; ; i++ {
		if j := c.job.Load(); j != nil && j != last {
			return j
		}
		if i%256 == 0 {
			if c.quit.Load() {
				return nil
			}
			if time.Since(start) > spin {
				break
			}
			runtime.Gosched()
		}
	}
	c.parked.Add(1)
	defer c.parked.Add(-1)
	if j := c.job.Load(); j != nil && j != last { // published before parked was seen
		return j
	}
	<-c.wake
	return nil
}

func (j *job) run(worker int) {
	for {
		i := j.next.Add(1) - 1
		if i >= j.n {
			return
		}
		j.f(worker, int(i))
		j.done.Add(1)
	}
}

// For calls f(worker, i) for every task i in [0,n), in any order, on all threads, and returns when all are done. At most
// one task runs at a time for each worker number in [0,Threads). Tasks must not call For. What a task computes must not
// depend on the worker or on the order of tasks.
func (c *CPU) For(n int, f func(worker, i int)) {
	if c.dry != nil {
		return
	}
	if n <= 1 || c.threads == 1 {
		for i := range n {
			f(0, i)
		}
		return
	}
	j := &job{f: f, n: int64(n), limit: int32(c.threads)}
	c.crew.job.Store(j)
	for range min(int(c.crew.parked.Load()), n-1) {
		select {
		case c.crew.wake <- struct{}{}:
		default:
		}
	}
	j.run(0)
	for i := 1; j.done.Load() < j.n; i++ {
		if i%64 == 0 {
			runtime.Gosched()
		}
	}
	c.crew.job.CompareAndSwap(j, nil)
}

// BlockLen is the number of elements that [CPU.Blocks] gives to one task.
const BlockLen = 1 << 14

// Blocks splits n elements into tasks of BlockLen and calls f(worker, lo, hi) for each; one that fits a single task runs in the
// caller. The split depends on n alone, so partial sums kept per block have a fixed order.
func (c *CPU) Blocks(n int, f func(worker, lo, hi int)) {
	c.For((n+BlockLen-1)/BlockLen, func(w, i int) { f(w, i*BlockLen, min(n, (i+1)*BlockLen)) })
}

// Rows splits n rows of so many elements each into tasks of about BlockLen elements and calls f(worker, lo, hi) with row
// numbers.
func (c *CPU) Rows(n, elements int, f func(worker, lo, hi int)) {
	per := max(1, BlockLen/max(1, elements))
	c.For((n+per-1)/per, func(w, i int) { f(w, i*per, min(n, (i+1)*per)) })
}

// BlocksOf splits each of several buffers into tasks of at most BlockLen elements and calls f(worker, block, i, lo, hi) for elements lo up to
// hi of buffer i; blocks are numbered through. The split depends on the lengths alone.
func (c *CPU) BlocksOf(list []Buf, f func(worker, block, i, lo, hi int)) {
	first := make([]int, len(list)) // block of each buffer
	blocks := 0
	for i, b := range list {
		first[i] = blocks
		blocks += (b.Len + BlockLen - 1) / BlockLen
	}
	c.For(blocks, func(w, block int) {
		i := sort.SearchInts(first, block+1) - 1 // the last buffer that begins at or before it; empty ones begin where the next does
		lo := (block - first[i]) * BlockLen
		f(w, block, i, lo, min(list[i].Len, lo+BlockLen))
	})
}

// countBlocks is the number of blocks of [CPU.BlocksOf].
func countBlocks(list []Buf) (n int) {
	for _, b := range list {
		n += (b.Len + BlockLen - 1) / BlockLen
	}
	return n
}
