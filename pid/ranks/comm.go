package ranks

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"onestep/kernels"
	"onestep/tensor"
)

// Comm is one process's place in a group of ranks. One goroutine uses it, except for Abort, and all ranks make the same calls in the same order.
// After an error every call fails with it.
type Comm struct {
	start Start
	host  host
	sums  sums
}

// host carries small data between the processes.
type host interface {
	// allGather hands every rank's bytes to every rank.
	allGather(part []byte) ([][]byte, error)
	// abort makes the other ranks end.
	abort(reason string)
	close() error
}

// sums adds gradients up.
type sums interface {
	start(bucket []*tensor.Tensor) error
	wait() error
	close() error
}

// GPU is what sums on a device need of it. Sums have a stream of their own, so that they go on while the backward pass does.
type GPU interface {
	// Do runs f on a thread where the device's context is current. Any goroutine may call it.
	Do(f func())
	// Fork makes the stream of the sums wait for what has been launched so far, and returns its handle.
	Fork() uintptr
	// Join makes what is launched from now on wait for the stream of the sums.
	Join()
}

// Options say how to join.
type Options struct {
	GPU  GPU         // that the gradients are on; nil: a CPU, or a device whose numbers are fetched to the host
	Lost func(error) // called at most once, from another goroutine, when another rank is gone; nil: the next call just fails
}

// Open joins the group that a start describes, and returns when all ranks have come.
func Open(s Start, o Options) (*Comm, error) {
	if s.Size == 1 {
		return Single(), nil
	}
	c, err := open(s, o)
	if err != nil {
		return nil, fmt.Errorf("rank %d of %d, started by %s: %w", s.Rank, s.Size, s.By, err)
	}
	return c, nil
}

func open(s Start, o Options) (*Comm, error) {
	lost := o.Lost
	if lost == nil {
		lost = func(error) {}
	}
	if s.By == MPIRun || s.By == Slurm && s.PMIx {
		m, err := openMPI(s)
		if err != nil {
			return nil, err
		}
		c := &Comm{start: s, host: m, sums: newHostSums(m, s.Size)}
		if err := sameKind(m, o.GPU != nil); err != nil {
			return nil, err
		}
		if o.GPU != nil {
			c.sums, err = openNCCL(s, m, o.GPU, lost)
		}
		return c, err
	}
	if o.GPU == nil {
		return nil, errors.New(
			"processes that compute on CPUs are started with Open MPI, mpirun -n N or srun --mpi=pmix; for one alone unset WORLD_SIZE and SLURM_NTASKS")
	}
	var sums atomic.Pointer[nccl]
	t, err := openTCP(s, joinTimeout, func(err error) {
		if n := sums.Load(); n != nil {
			n.fail(err)
		}
		lost(err)
	})
	if err != nil {
		return nil, err
	}
	n, err := openNCCL(s, t, o.GPU, lost)
	if err != nil {
		t.abort(err.Error())
		return nil, err
	}
	sums.Store(n)
	return &Comm{start: s, host: t, sums: n}, nil
}

// sameKind makes sure that all ranks have their gradients on GPUs, or none has.
func sameKind(h host, gpu bool) error {
	own := []byte("CPU")
	if gpu {
		own = []byte("GPU")
	}
	all, err := h.allGather(own)
	for r := range all {
		if err == nil && !bytes.Equal(all[r], all[0]) {
			err = fmt.Errorf("rank 0 is on a %s, rank %d on a %s: all must be on one kind of device", all[0], r, all[r])
		}
	}
	return err
}

// Single is a group of one.
func Single() *Comm { return &Comm{start: Start{Size: 1}, host: singleRank{}, sums: singleRank{}} }

// Rank is this process's number, from 0.
func (c *Comm) Rank() int { return c.start.Rank }

// Size is the number of processes.
func (c *Comm) Size() int { return c.start.Size }

// OnDevice says whether sums are operations of the device, which can be recorded and replayed, rather than the host's.
func (c *Comm) OnDevice() bool {
	_, ok := c.sums.(*nccl)
	return ok
}

// AllReduce starts to replace every element of a bucket by its sum over all ranks. Nobody may touch the tensors until Wait has returned. As an
// operation on tensors it panics with a [kernels.DeviceError] if it fails.
func (c *Comm) AllReduce(bucket []*tensor.Tensor) {
	c.check("sum of gradients over ranks", c.sums.start(bucket))
}

// Wait ends when the sums that were started are there: on a GPU, for whatever is launched next. It panics as AllReduce does.
func (c *Comm) Wait() { c.check("sum of gradients over ranks", c.sums.wait()) }

func (c *Comm) check(op string, err error) {
	if err != nil {
		panic(&kernels.DeviceError{Device: fmt.Sprintf("rank %d of %d", c.start.Rank, c.start.Size), Op: op, Err: err})
	}
}

// AllGather returns every rank's bytes, by rank.
func (c *Comm) AllGather(part []byte) ([][]byte, error) { return c.host.allGather(part) }

// Broadcast returns the bytes of one rank. The others' are not looked at.
func (c *Comm) Broadcast(data []byte, from int) ([]byte, error) {
	if c.start.Rank != from {
		data = nil
	}
	all, err := c.host.allGather(data)
	if err != nil {
		return nil, err
	}
	return all[from], nil
}

// Barrier returns when all ranks have come to it.
func (c *Comm) Barrier() error {
	_, err := c.host.allGather(nil)
	return err
}

// Abort ends all other ranks, because of an error that the caller has already printed. Under MPI it ends this one too, with status 1. Any goroutine may
// call it.
func (c *Comm) Abort(err error) {
	c.host.abort(err.Error())
	runtime.KeepAlive(c) // until then a sum may be under way, in memory of c that is pinned
}

// Close leaves the group once all ranks do, in order. A rank that has failed calls Abort instead, or ends as it is: under MPI the others would be
// waited for.
func (c *Comm) Close() error { return errors.Join(c.sums.close(), c.host.close()) }

// singleRank is host and sums of a group of one.
type singleRank struct{}

func (singleRank) allGather(part []byte) ([][]byte, error) { return [][]byte{part}, nil }
func (singleRank) start([]*tensor.Tensor) error            { return nil }
func (singleRank) wait() error                             { return nil }
func (singleRank) abort(string)                            {}
func (singleRank) close() error                            { return nil }
