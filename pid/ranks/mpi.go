package ranks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"
)

// mpiLib is libmpi: the functions that are used, with the types of C (int is int32, a handle of Open MPI a pointer), and the handles that are
// addresses of its symbols.
type mpiLib struct {
	initThread    func(argc, argv unsafe.Pointer, required int32, provided *int32) int32
	rank          func(comm uintptr, rank *int32) int32
	size          func(comm uintptr, size *int32) int32
	setErrhandler func(comm, handler uintptr) int32
	ialltoall     func(send unsafe.Pointer, n int32, t uintptr, recv unsafe.Pointer, m int32, u, comm uintptr, request *uintptr) int32
	iallgather    func(send unsafe.Pointer, n int32, t uintptr, recv unsafe.Pointer, m int32, u, comm uintptr, request *uintptr) int32
	test          func(request *uintptr, flag *int32, status unsafe.Pointer) int32
	errorString   func(code int32, text *byte, length *int32) int32
	abort         func(comm uintptr, code int32) int32
	finalize      func() int32

	world, float, byte, errorsReturn uintptr // MPI_COMM_WORLD, MPI_FLOAT, MPI_BYTE, MPI_ERRORS_RETURN
}

// mpiThreadFunneled promises that the thread that called MPI_Init makes all calls.
const mpiThreadFunneled = 1

// loadMPI opens libmpi. ONESTEP_LIBMPI names another file than the usual ones.
func loadMPI() (*mpiLib, error) {
	names := []string{"libmpi.so.40", "libmpi.so", "libmpi.dylib"}
	if name := os.Getenv("ONESTEP_LIBMPI"); name != "" {
		names = []string{name}
	}
	lib, err := openLibrary(names...)
	if err != nil {
		return nil, fmt.Errorf("Open MPI is needed (on Debian, openmpi-bin has it): %w", err)
	}
	l := &mpiLib{}
	for name, p := range map[string]*uintptr{
		"ompi_mpi_comm_world": &l.world, "ompi_mpi_float": &l.float, "ompi_mpi_byte": &l.byte, "ompi_mpi_errors_return": &l.errorsReturn,
	} {
		if *p, err = lib.symbol(name); err != nil {
			return nil, fmt.Errorf("%s is not Open MPI, the only MPI that works here: %w", lib.name, err)
		}
	}
	for name, f := range map[string]any{
		"MPI_Init_thread": &l.initThread, "MPI_Comm_rank": &l.rank, "MPI_Comm_size": &l.size, "MPI_Comm_set_errhandler": &l.setErrhandler,
		"MPI_Ialltoall": &l.ialltoall, "MPI_Iallgather": &l.iallgather, "MPI_Test": &l.test, "MPI_Error_string": &l.errorString,
		"MPI_Abort": &l.abort, "MPI_Finalize": &l.finalize,
	} {
		if err := lib.bind(name, f); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// check turns a result code into an error.
func (l *mpiLib) check(call string, code int32) error {
	if code == 0 {
		return nil
	}
	var text [256]byte // MPI_MAX_ERROR_STRING
	var n int32
	if l.errorString(code, &text[0], &n) != 0 || n < 0 || int(n) > len(text) {
		n = 0
	}
	return fmt.Errorf("MPI: %s: %s (%d)", call, text[:n], code)
}

// mpi is the group of all ranks of an mpirun.
type mpi struct {
	lib    *mpiLib
	start  Start
	jobs   chan func()   // for the one goroutine that makes the calls
	aborts chan struct{} // asks that goroutine to abort, before all jobs
}

// openMPI joins the group. Rank and size must be those of the start.
func openMPI(s Start) (*mpi, error) {
	lib, err := loadMPI()
	if err != nil {
		return nil, err
	}
	m := &mpi{lib: lib, start: s, jobs: make(chan func(), 256), aborts: make(chan struct{}, 1)}
	go m.serve()
	return m, m.do(m.init)
}

// serve makes all calls, in one thread.
func (m *mpi) serve() {
	runtime.LockOSThread()
	for {
		select {
		case f, open := <-m.jobs:
			if !open {
				return // and the thread ends
			}
			f()
		case <-m.aborts:
			m.lib.abort(m.lib.world, 1)
		}
	}
}

func (m *mpi) init() error {
	var provided, rank, size int32
	if err := m.lib.check("MPI_Init_thread", m.lib.initThread(nil, nil, mpiThreadFunneled, &provided)); err != nil {
		return err
	}
	if provided < mpiThreadFunneled {
		return errors.New("MPI: it was built without support for threads")
	}
	err := errors.Join(
		m.lib.check("MPI_Comm_set_errhandler", m.lib.setErrhandler(m.lib.world, m.lib.errorsReturn)),
		m.lib.check("MPI_Comm_rank", m.lib.rank(m.lib.world, &rank)),
		m.lib.check("MPI_Comm_size", m.lib.size(m.lib.world, &size)))
	if err == nil && (int(rank) != m.start.Rank || int(size) != m.start.Size) {
		err = fmt.Errorf("MPI: it calls this rank %d of %d: is mpirun of another MPI than libmpi?", rank, size)
	}
	return err
}

func (m *mpi) queue(f func()) { m.jobs <- f }

// do queues f and waits for it.
func (m *mpi) do(f func() error) error {
	done := make(chan error, 1)
	m.queue(func() { done <- f() })
	return <-done
}

// await asks for the end of a request, at first at once, then with pauses.
func (m *mpi) await(call string, request *uintptr) error {
	const quick, longest = 300, time.Millisecond
	pause := 20 * time.Microsecond
	for tries := 0; ; tries++ {
		var done int32
		if err := m.lib.check(call, m.lib.test(request, &done, nil)); err != nil || done != 0 {
			return err
		}
		select {
		case <-m.aborts:
			m.lib.abort(m.lib.world, 1)
		default:
		}
		if tries < quick {
			runtime.Gosched()
			continue
		}
		time.Sleep(pause)
		pause = min(pause*5/4, longest)
	}
}

func (m *mpi) alltoall(send, recv []float32, n int) error {
	var request uintptr
	code := m.lib.ialltoall(unsafe.Pointer(&send[0]), int32(n), m.lib.float, unsafe.Pointer(&recv[0]), int32(n), m.lib.float, m.lib.world, &request)
	if err := m.lib.check("MPI_Ialltoall", code); err != nil {
		return err
	}
	return m.await("MPI_Ialltoall", &request)
}

func (m *mpi) allgather(own, recv []float32) error {
	return m.iallgather(unsafe.Pointer(&own[0]), unsafe.Pointer(&recv[0]), len(own), m.lib.float)
}

func (m *mpi) iallgather(own, recv unsafe.Pointer, n int, t uintptr) error {
	var request uintptr
	if err := m.lib.check("MPI_Iallgather", m.lib.iallgather(own, int32(n), t, recv, int32(n), t, m.lib.world, &request)); err != nil {
		return err
	}
	return m.await("MPI_Iallgather", &request)
}

// allGather gathers lengths, then bytes filled up to the longest.
func (m *mpi) allGather(part []byte) (all [][]byte, err error) {
	err = m.do(func() error {
		lengths, err := m.gatherBytes(binary.LittleEndian.AppendUint64(nil, uint64(len(part))))
		if err != nil {
			return err
		}
		longest := 0
		for r := range m.start.Size {
			longest = max(longest, int(binary.LittleEndian.Uint64(lengths[8*r:])))
		}
		padded := make([]byte, longest)
		copy(padded, part)
		bytes, err := m.gatherBytes(padded)
		for r := range m.start.Size {
			if err == nil {
				n := int(binary.LittleEndian.Uint64(lengths[8*r:]))
				all = append(all, bytes[r*longest:r*longest+n])
			}
		}
		return err
	})
	return all, err
}

// gatherBytes gathers as many bytes from each rank.
func (m *mpi) gatherBytes(own []byte) ([]byte, error) {
	if len(own) == 0 {
		return nil, nil
	}
	recv := make([]byte, len(own)*m.start.Size)
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&own[0])
	pin.Pin(&recv[0])
	return recv, m.iallgather(unsafe.Pointer(&own[0]), unsafe.Pointer(&recv[0]), len(own), m.lib.byte)
}

// abort ends all ranks: by MPI_Abort or, if the thread of MPI is busy, by the end of this process, which mpirun takes for a failure.
func (m *mpi) abort(string) {
	select {
	case m.aborts <- struct{}{}:
	default:
	}
	time.Sleep(5 * time.Second)
	os.Exit(1)
}

// close leaves MPI, once all ranks do.
func (m *mpi) close() error {
	err := m.do(func() error { return m.lib.check("MPI_Finalize", m.lib.finalize()) })
	close(m.jobs)
	return err
}
