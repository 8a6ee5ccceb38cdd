//go:build linux || darwin

package ranks

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"onestep/kernels"
	"onestep/tensor"
)

// stub is testdata/nccl.c, compiled.
type stub struct {
	path  string
	notes func(to *byte, size uintptr) uintptr
	reset func(version, async int32)
	async func(int32)
}

// compiled is where the stand-in is, or why there is none.
var compiled = sync.OnceValues(func() (string, error) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		return "", errNoGCC
	}
	path := filepath.Join(scratch, "libnccl.so.2")
	if out, err := exec.Command(gcc, "-shared", "-fPIC", "-Wall", "-Werror", "-O1", "-pthread", "-o", path, "testdata/nccl.c").CombinedOutput(); err != nil {
		return "", fmt.Errorf("gcc: %w\n%s", err, out)
	}
	return path, nil
})

var errNoGCC = errors.New("no gcc to compile the stand-in for NCCL with")

func openStub(t *testing.T) *stub {
	t.Helper()
	path, err := compiled()
	if errors.Is(err, errNoGCC) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("ONESTEP_LIBNCCL", path)
	s := &stub{path: path}
	lib, err := openLibrary(path)
	if err := errors.Join(err, lib.bind("stubNotes", &s.notes), lib.bind("stubReset", &s.reset), lib.bind("stubAsync", &s.async)); err != nil {
		t.Fatal(err)
	}
	s.reset(22703, 0)
	return s
}

// calls is what was called since the last time, a line each.
func (s *stub) calls() []string {
	buf := make([]byte, 1<<16)
	return strings.Split(strings.TrimSpace(string(buf[:s.notes(&buf[0], uintptr(len(buf)))])), "\n")
}

// hostGPU is a device whose addresses are the host's, and what NCCL is told of it.
type hostGPU struct {
	kernels.Device
	stream       uintptr
	forks, joins int
	keep         [][]float32
}

func newHostGPU(stream uintptr) *hostGPU { return &hostGPU{Device: kernels.NewCPU(1), stream: stream} }

func (g *hostGPU) Alloc(t kernels.DType, n int) kernels.Buf {
	g.keep = append(g.keep, make([]float32, n+1)) // enough for either type
	return kernels.Buf{Addr: uint64(uintptr(unsafe.Pointer(&g.keep[len(g.keep)-1][0]))), Type: t, Len: n}
}

// host is a buffer as the host sees it.
func (g *hostGPU) host(b kernels.Buf) kernels.Buf {
	for _, x := range g.keep {
		if uint64(uintptr(unsafe.Pointer(&x[0]))) == b.Addr {
			if b.Type == kernels.F16 {
				return kernels.HostF16(unsafe.Slice((*kernels.F16Bits)(unsafe.Pointer(&x[0])), b.Len))
			}
			return kernels.HostF32(x[:b.Len])
		}
	}
	panic(fmt.Errorf("no memory at %x", b.Addr))
}

func (g *hostGPU) Free(kernels.Buf)                        {}
func (g *hostGPU) Upload(dst kernels.Buf, src []float32)   { g.Device.Upload(g.host(dst), src) }
func (g *hostGPU) Download(dst []float32, src kernels.Buf) { g.Device.Download(dst, g.host(src)) }
func (g *hostGPU) Fork() uintptr                           { g.forks++; return g.stream }
func (g *hostGPU) Join()                                   { g.joins++ }
func (g *hostGPU) Do(f func())                             { runtime.LockOSThread(); defer runtime.UnlockOSThread(); f() }

// ncclGroup opens so many ranks over TCP in this process.
func ncclGroup(t *testing.T, n int) (group []*Comm, gpus []*hostGPU, lost []chan error) {
	t.Helper()
	addr := freeAddr(t)
	group = make([]*Comm, n)
	errs := make([]error, n)
	var wait sync.WaitGroup
	for r := range n {
		gpus = append(gpus, newHostGPU(0x7000_0000_0000+uintptr(r)))
		lost = append(lost, make(chan error, 2))
	}
	for r := range n {
		wait.Go(func() {
			start := Start{By: TorchRun, Rank: r, Size: n, Local: r, Addr: addr}
			group[r], errs[r] = Open(start, Options{GPU: gpus[r], Lost: func(err error) { lost[r] <- err }})
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return group, gpus, lost
}

func TestNCCL(t *testing.T) {
	s := openStub(t)
	const ranks = 3
	group, gpus, _ := ncclGroup(t, ranks)
	joined := s.calls()
	slices.Sort(joined)
	want := []string{"ncclCommInitRank n=3 rank=0 id=right", "ncclCommInitRank n=3 rank=1 id=right", "ncclCommInitRank n=3 rank=2 id=right", "ncclGetUniqueId"}
	if !slices.Equal(joined, want) {
		t.Errorf("to join, these were called:\n%s", strings.Join(joined, "\n"))
	}

	var wait sync.WaitGroup
	var mu sync.Mutex
	var calls []string
	for r, c := range group {
		wait.Go(func() {
			d := tensor.On(gpus[r])
			a, b := d.FromFloat32([]float32{1, 2, float32(r)}, 3), d.New(kernels.F16, 5)
			b.CopyFrom([]float32{0.5, float32(r), 3, 4, 5})
			if err := errors.Join(c.sums.start([]*tensor.Tensor{a, b}), c.sums.start([]*tensor.Tensor{a}), c.sums.wait()); err != nil {
				t.Error(err)
			}
			if got := a.Float32s(); !slices.Equal(got, []float32{9, 18, 9}) {
				t.Errorf("rank %d: float32 sum %v", r, got)
			}
			if got := b.Float32s(); !slices.Equal(got, []float32{1.5, 3, 9, 12, 15}) {
				t.Errorf("rank %d: float16 sum %v", r, got)
			}
			if gpus[r].forks != 2 || gpus[r].joins != 1 {
				t.Errorf("rank %d: %d forks, %d joins", r, gpus[r].forks, gpus[r].joins)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, x := range []*tensor.Tensor{a, b, a} {
				typ := map[kernels.DType]int{kernels.F32: 7, kernels.F16: 6}[x.DType()]
				calls = append(calls, fmt.Sprintf("ncclAllReduce send=%#x recv=%#[1]x count=%d type=%d op=0 comm=%#x stream=%#x group=1",
					x.Buf().Addr, x.Len(), typ, c.sums.(*nccl).comm, gpus[r].stream))
			}
		})
	}
	wait.Wait()
	got := s.calls()
	slices.Sort(got)
	slices.Sort(calls)
	if !slices.Equal(got, calls) {
		t.Errorf("called:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(calls, "\n"))
	}

	for _, c := range group {
		wait.Go(func() {
			if err := errors.Join(c.Barrier(), c.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	got = s.calls()
	slices.Sort(got)
	if want := []string{"ncclCommDestroy rank=0", "ncclCommDestroy rank=1", "ncclCommDestroy rank=2"}; !slices.Equal(got, want) {
		t.Errorf("to leave, these were called:\n%s", strings.Join(got, "\n"))
	}
}

// Every argument arrives in its place with all its bits.
func TestNCCLWidths(t *testing.T) {
	s := openStub(t)
	lib, err := loadNCCL()
	if err != nil {
		t.Fatal(err)
	}
	if r := lib.allReduce(0x1111222233334444, 0x5555666677778888, 0x99990000aaaa, -2, -3, 0x5eed5eed5eed5eed, 0x7bbbccccddddeeee); r != 0 {
		t.Errorf("result %d", r)
	}
	want := fmt.Sprintf("ncclAllReduce send=0x1111222233334444 recv=0x5555666677778888 count=%d type=-2 op=-3 comm=%#x stream=%#x group=0",
		0x99990000aaaa, 0x5eed5eed5eed5eed, 0x7bbbccccddddeeee)
	if got := s.calls(); !slices.Equal(got, []string{want}) {
		t.Errorf("called\n%s, want\n%s", got, want)
	}
	// One wrong byte of the id, wherever it is, is seen: all 128 go by value.
	var id ncclID
	lib.getUniqueID(&id)
	for _, i := range []int{0, 7, 8, 64, 127} {
		id.Bytes[i] ^= 1
		var comm uintptr
		if r := lib.initRank(&comm, 1, id, 0); r != 4 {
			t.Errorf("byte %d of the id is not looked at: result %d", i, r)
		}
		id.Bytes[i] ^= 1
	}
	if err := lib.check("x", 4); err == nil || err.Error() != "NCCL: x: invalid argument (4)" {
		t.Errorf("%v", err)
	}
}

// A rank that waits for a lost one inside NCCL is freed, and told who it was.
func TestNCCLLost(t *testing.T) {
	s := openStub(t)
	group, gpus, lost := ncclGroup(t, 2)
	ended := make(chan error, 1)
	go func() {
		d := tensor.On(gpus[0])
		ended <- group[0].sums.start([]*tensor.Tensor{d.FromFloat32([]float32{1}, 1)})
	}()
	time.Sleep(20 * time.Millisecond)
	gone := group[1].host.(*tcp)
	gone.once.Do(func() { close(gone.dead) }) // a process that was killed says nothing
	for _, p := range gone.peers {
		p.conn.Close()
	}
	for _, c := range []chan error{ended, lost[0]} {
		select {
		case err := <-c:
			if err == nil || !strings.Contains(err.Error(), "rank 1 is lost") {
				t.Errorf("%v", err)
			}
		case <-time.After(patience):
			t.Fatal("rank 0 still waits for rank 1")
		}
	}
	var err error
	func() {
		defer tensor.Recover(&err)
		group[0].Wait()
	}()
	if err == nil || !strings.Contains(err.Error(), "rank 1 is lost") || !strings.HasPrefix(err.Error(), "rank 0 of 2: sum of gradients") {
		t.Errorf("then: %v", err)
	}
	if calls := s.calls(); !slices.Contains(calls, "ncclCommAbort rank=0") {
		t.Errorf("no abort among %q", calls)
	}
	for _, c := range group {
		c.Close()
	}
}

// An error that NCCL finds by itself ends the run.
func TestNCCLAsync(t *testing.T) {
	s := openStub(t)
	group, _, lost := ncclGroup(t, 2)
	s.async(ncclInProgress)
	time.Sleep(2 * ncclPoll)
	if len(lost[0])+len(lost[1]) > 0 {
		t.Fatal("work in progress is taken for an error")
	}
	s.async(6)
	for r := range group {
		select {
		case err := <-lost[r]:
			if !strings.Contains(err.Error(), "remote process exited") {
				t.Errorf("rank %d: %v", r, err)
			}
		case <-time.After(patience):
			t.Fatalf("rank %d has not noticed", r)
		}
		if err := group[r].sums.wait(); err == nil {
			t.Errorf("rank %d goes on", r)
		}
	}
	for _, c := range group {
		c.Close()
	}
}

// What one rank lacks, no rank waits for.
func TestNCCLMissing(t *testing.T) {
	s := openStub(t)
	s.reset(2804, 0)
	addr := freeAddr(t)
	var wait sync.WaitGroup
	for r := range 2 {
		wait.Go(func() {
			_, err := Open(Start{By: Slurm, Rank: r, Size: 2, Addr: addr}, Options{GPU: newHostGPU(1)})
			if err == nil || !strings.Contains(err.Error(), "2.9 or later") {
				t.Errorf("an old NCCL: %v", err)
			}
		})
	}
	wait.Wait()
	t.Setenv("ONESTEP_LIBNCCL", filepath.Join(t.TempDir(), "none.so"))
	if _, err := loadNCCL(); err == nil || !strings.Contains(err.Error(), "NCCL is needed for several GPUs") {
		t.Errorf("no NCCL: %v", err)
	}
	t.Setenv("ONESTEP_LIBMPI", s.path)
	if _, err := loadMPI(); err == nil || !strings.Contains(err.Error(), "is not Open MPI") {
		t.Errorf("another library for MPI: %v", err)
	}
}
