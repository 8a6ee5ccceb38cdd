package ranks

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"onestep/tensor"
)

// board is an exchanger of ranks that are goroutines.
type board struct {
	rank, ranks int
	to          [][]chan []float32 // by sender, then receiver
	jobs        chan func()
}

func boards(n int) (all []*board) {
	to := make([][]chan []float32, n)
	for i := range to {
		for range n {
			to[i] = append(to[i], make(chan []float32, 1))
		}
	}
	for r := range n {
		b := &board{rank: r, ranks: n, to: to, jobs: make(chan func(), 64)}
		go func() {
			for f := range b.jobs {
				f()
			}
		}()
		all = append(all, b)
	}
	return all
}

func (b *board) queue(f func()) { b.jobs <- f }

func (b *board) alltoall(send, recv []float32, n int) error {
	for r := range b.ranks {
		b.to[b.rank][r] <- slices.Clone(send[r*n : (r+1)*n])
	}
	for r := range b.ranks {
		copy(recv[r*n:(r+1)*n], <-b.to[r][b.rank])
	}
	return nil
}

func (b *board) allgather(own, recv []float32) error {
	for r := range b.ranks {
		b.to[b.rank][r] <- slices.Clone(own)
	}
	for r := range b.ranks {
		copy(recv[r*len(own):], <-b.to[r][b.rank])
	}
	return nil
}

// exampleBuckets are a rank's: of one and of several tensors, of sizes that the number of ranks does not divide, and empty.
func exampleBuckets(d *tensor.Device, rank int) (buckets [][]*tensor.Tensor) {
	r := rand.New(rand.NewPCG(7, uint64(rank)))
	for _, sizes := range [][]int{{1}, {5, 3, 1000}, {}, {7}, {64, 64}} {
		var bucket []*tensor.Tensor
		for _, n := range sizes {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.NormFloat64() * 1e3)
			}
			bucket = append(bucket, d.FromFloat32(x, n))
		}
		buckets = append(buckets, bucket)
	}
	return buckets
}

// exampleSum is what the sums must be: in float64, in the order of the ranks, rounded once.
func exampleSum(ranks, times int) (sum []float32) {
	d := tensor.CPU(1)
	var parts [][]float32
	for r := range ranks {
		var flat []float32
		for _, bucket := range exampleBuckets(d, r) {
			for _, x := range bucket {
				flat = append(flat, x.Float32s()...)
			}
		}
		parts = append(parts, flat)
	}
	for range times {
		sum = make([]float32, len(parts[0]))
		for i := range sum {
			var s float64
			for r := range ranks {
				s += float64(parts[r][i])
			}
			sum[i] = float32(s)
		}
		for r := range parts {
			parts[r] = sum
		}
	}
	return sum
}

// sumExample adds the buckets of the example up, twice over, and returns what becomes of them.
func sumExample(rank int, start func([]*tensor.Tensor) error, wait func() error) (sum []float32, err error) {
	buckets := exampleBuckets(tensor.CPU(1), rank)
	for range 2 {
		for _, b := range buckets {
			if err := start(b); err != nil {
				return nil, err
			}
		}
		if err := wait(); err != nil {
			return nil, err
		}
	}
	for _, b := range buckets {
		for _, x := range b {
			sum = append(sum, x.Float32s()...)
		}
	}
	return sum, nil
}

func TestHostSums(t *testing.T) {
	for _, ranks := range []int{2, 3, 4, 7} {
		want := exampleSum(ranks, 2)
		var wait sync.WaitGroup
		for r, b := range boards(ranks) {
			wait.Go(func() {
				defer close(b.jobs)
				h := newHostSums(b, ranks)
				got, err := sumExample(r, h.start, h.wait)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("rank %d of %d: another sum: %v", r, ranks, err)
				}
				h.close()
			})
		}
		wait.Wait()
	}
}

// collecting is a host whose abort takes long enough for garbage to be collected, and finds out whether the sums were.
type collecting struct {
	singleRank
	gone     *atomic.Bool
	wereGone *bool
}

func (c collecting) abort(string) {
	for range 5 {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	*c.wereGone = c.gone.Load()
}

// watchedSums are sums that are large enough to be a piece of memory of their own.
type watchedSums struct {
	singleRank
	_ [64]byte
}

// TestAbortKeepsSums: what a sum may be under way in, pinned memory, is no garbage while a group is ended. The program would end with a panic.
func TestAbortKeepsSums(t *testing.T) {
	var gone atomic.Bool
	var wereGone bool
	s := &watchedSums{}
	runtime.AddCleanup(s, func(gone *atomic.Bool) { gone.Store(true) }, &gone)
	(&Comm{host: collecting{gone: &gone, wereGone: &wereGone}, sums: s}).Abort(errors.New("test"))
	if wereGone {
		t.Error("the sums were collected while the group was being ended")
	}
}
