package ranks

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"onestep/kernels"
	"onestep/tensor"
)

// ncclID is what all ranks of a communicator must know; it is passed by value.
type ncclID struct{ Bytes [128]byte }

// ncclLib is libnccl: the functions that are used, with the types of C: int and enumerations are int32; size_t, handles and addresses uintptr.
type ncclLib struct {
	getVersion  func(version *int32) int32
	getUniqueID func(id *ncclID) int32
	initRank    func(comm *uintptr, n int32, id ncclID, rank int32) int32
	allReduce   func(send, recv, count uintptr, typ, op int32, comm, stream uintptr) int32
	groupStart  func() int32
	groupEnd    func() int32
	asyncError  func(comm uintptr, result *int32) int32
	abort       func(comm uintptr) int32
	destroy     func(comm uintptr) int32
	errorString func(result int32) string
}

// Constants of nccl.h.
const (
	ncclFloat16, ncclFloat32 = 6, 7
	ncclSum                  = 0
	ncclInProgress           = 7
	ncclOldest               = 20900 // version 2.9.0, the first whose calls can be part of a CUDA graph; 2.8 and before had codes of four digits
)

// ncclPoll is how often NCCL is asked whether a peer is gone.
const ncclPoll = 500 * time.Millisecond

// loadNCCL opens libnccl. ONESTEP_LIBNCCL names another file than the usual one.
func loadNCCL() (*ncclLib, error) {
	name := "libnccl.so.2"
	if other := os.Getenv("ONESTEP_LIBNCCL"); other != "" {
		name = other
	}
	lib, err := openLibrary(name)
	if err != nil {
		return nil, fmt.Errorf("NCCL is needed for several GPUs (NVIDIA's libnccl2, or ONESTEP_LIBNCCL=FILE): %w", err)
	}
	l := &ncclLib{}
	for name, f := range map[string]any{
		"ncclGetVersion": &l.getVersion, "ncclGetUniqueId": &l.getUniqueID, "ncclCommInitRank": &l.initRank, "ncclAllReduce": &l.allReduce,
		"ncclGroupStart": &l.groupStart, "ncclGroupEnd": &l.groupEnd, "ncclCommGetAsyncError": &l.asyncError, "ncclCommAbort": &l.abort,
		"ncclCommDestroy": &l.destroy, "ncclGetErrorString": &l.errorString,
	} {
		if err := lib.bind(name, f); err != nil {
			return nil, err
		}
	}
	var version int32
	if err := l.check("ncclGetVersion", l.getVersion(&version)); err != nil {
		return nil, err
	}
	if version < ncclOldest {
		return nil, fmt.Errorf("%s: NCCL of version code %d: 2.9 or later is needed", lib.name, version)
	}
	return l, nil
}

// check turns a result into an error.
func (l *ncclLib) check(call string, result int32) error {
	if result == 0 {
		return nil
	}
	return fmt.Errorf("NCCL: %s: %s (%d)", call, l.errorString(result), result)
}

// nccl adds up what is on GPUs, one of each rank.
type nccl struct {
	lib  *ncclLib
	gpu  GPU
	comm uintptr
	stop chan struct{}

	mu     sync.Mutex // of what follows. It is not held in calls that may wait for a peer, so that fail can end those
	err    error
	closed bool
}

// openNCCL makes a communicator of all ranks. Rank 0 makes the id, and h carries it. lost is called when NCCL reports an error by itself.
func openNCCL(s Start, h host, gpu GPU, lost func(error)) (*nccl, error) {
	lib, err := loadNCCL()
	var id ncclID
	if err == nil && s.Rank == 0 {
		gpu.Do(func() { err = lib.check("ncclGetUniqueId", lib.getUniqueID(&id)) })
	}
	// Everybody says whether it can go on, because whoever goes on alone waits forever.
	message := append([]byte{0}, id.Bytes[:]...)
	if err != nil {
		message = append([]byte{1}, err.Error()...)
	}
	all, gatherErr := h.allGather(message)
	if err = errors.Join(err, gatherErr); err != nil {
		return nil, err
	}
	for r, m := range all {
		if m[0] != 0 {
			return nil, fmt.Errorf("rank %d: %s", r, m[1:])
		}
	}
	copy(id.Bytes[:], all[0][1:])
	n := &nccl{lib: lib, gpu: gpu, stop: make(chan struct{})}
	gpu.Do(func() { err = lib.check("ncclCommInitRank", lib.initRank(&n.comm, int32(s.Size), id, int32(s.Rank))) })
	if err != nil {
		return nil, err
	}
	go n.watch(lost)
	return n, nil
}

// start queues the sums of a bucket as one group, which NCCL does in one launch.
func (n *nccl) start(bucket []*tensor.Tensor) error {
	if err := n.failure(); err != nil {
		return err
	}
	stream := n.gpu.Fork()
	var err error
	n.gpu.Do(func() {
		runtime.LockOSThread() // a group belongs to a thread
		defer runtime.UnlockOSThread()
		err = n.group(bucket, stream)
	})
	if err != nil {
		n.fail(err)
	}
	return n.failure() // the cause, if another rank's end ended this call
}

func (n *nccl) group(bucket []*tensor.Tensor, stream uintptr) error {
	if err := n.lib.check("ncclGroupStart", n.lib.groupStart()); err != nil {
		return err
	}
	var err error
	for _, t := range bucket {
		b, typ := t.Buf(), int32(ncclFloat32)
		if b.Type == kernels.F16 {
			typ = ncclFloat16
		}
		at := uintptr(b.Addr)
		err = errors.Join(err, n.lib.check("ncclAllReduce", n.lib.allReduce(at, at, uintptr(b.Len), typ, ncclSum, n.comm, stream)))
	}
	return errors.Join(err, n.lib.check("ncclGroupEnd", n.lib.groupEnd()))
}

func (n *nccl) wait() error {
	err := n.failure()
	if err == nil {
		n.gpu.Join()
	}
	return err
}

func (n *nccl) failure() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// watch asks NCCL for errors that happen by themselves.
func (n *nccl) watch(lost func(error)) {
	tick := time.NewTicker(ncclPoll)
	defer tick.Stop()
	for {
		select {
		case <-n.stop:
			return
		case <-tick.C:
		}
		if err := n.poll(); err != nil {
			n.fail(err)
			lost(err)
			return
		}
	}
}

func (n *nccl) poll() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.err != nil {
		return nil
	}
	var result int32
	if err := n.lib.check("ncclCommGetAsyncError", n.lib.asyncError(n.comm, &result)); err != nil {
		return err
	}
	if result == ncclInProgress {
		return nil
	}
	return n.lib.check("a sum of gradients", result)
}

// fail gives the communicator up, which ends what waits for a peer on the GPU.
func (n *nccl) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err == nil {
		n.err = err
	}
	n.freeOnce("ncclCommAbort", n.lib.abort)
}

// freeOnce frees the communicator, once.
func (n *nccl) freeOnce(call string, f func(uintptr) int32) (err error) {
	if !n.closed {
		n.closed = true
		close(n.stop)
		n.gpu.Do(func() { err = n.lib.check(call, f(n.comm)) })
	}
	return err
}

func (n *nccl) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.freeOnce("ncclCommDestroy", n.lib.destroy)
}
