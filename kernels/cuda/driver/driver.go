// Package driver is what this program wants of a GPU's driver, as a small interface, and libcuda behind it: opened at run time and called
// without cgo. The interpreter of kernels/cuda/emulated is the other implementation; nothing above asks which one it has.
//
// # Decisions
//
//   - 2026-11: every call locks its goroutine to its thread and makes the device's context current there, for one more call of 0.13 µs. Rejected:
//     one owner thread that requests are sent to, since waking it costs 5 to 50 µs on the machines that this was written on, more than the launch
//     itself. A capture keeps its thread from begin to end, which the driver demands.
//   - 2026-11: github.com/ebitengine/purego opens libcuda: it needs no cgo and no C compiler. Its price is that the binaries of the commands are
//     linked to the system's loader; nothing below tools imports it.
//   - 2026-11: kernel parameters are copied to memory of the driver's own and passed by pointers to each. The driver reads them before a launch
//     returns, so one block serves all launches, and no pointer to memory of Go's is ever inside an array that C reads.
package driver

import "fmt"

// The handles of a driver. Zero is none.
type (
	Ptr    uint64 // an address in the device's memory
	Module uintptr
	Func   uintptr
	Stream uintptr
	Event  uintptr
	Graph  uintptr // one that can be launched
)

// Driver is one opened device. Work goes to streams and is done in their order, later; the errors of that work come from later calls. One
// goroutine uses it at a time, and between BeginCapture and EndCapture it is the same one.
type Driver interface {
	Info() Info
	// MemInfo reports the bytes that the device has free, and has.
	MemInfo() (free, total int64, err error)
	Alloc(bytes int) (Ptr, error)
	Free(Ptr) error
	// Mark says that of the memory at p so many bytes are in use from here on in the stream's order, with undefined contents; 0: that the memory
	// is not in use. Drivers that check accesses hold kernels to it; the others ignore it.
	Mark(p Ptr, bytes int, s Stream) error
	// AllocHost returns memory of the host that the device can copy from and to by itself.
	AllocHost(bytes int) ([]byte, error)
	FreeHost([]byte) error

	// CopyIn, CopyOut and Copy return before the copy is made. The host's side must come from AllocHost and stay as it is until then.
	CopyIn(dst Ptr, src []byte, s Stream) error
	CopyOut(dst []byte, src Ptr, s Stream) error
	Copy(dst, src Ptr, bytes int, s Stream) error
	// Fill sets n 32-bit words.
	Fill(dst Ptr, word uint32, n int, s Stream) error

	// Load compiles PTX for the device; what the compiler says is in the error.
	Load(name, ptx string) (Module, error)
	Unload(Module) error
	Func(m Module, entry string) (Func, error)
	FuncInfo(Func) (FuncInfo, error)
	// MaxDynamicShared allows launches with so many bytes of dynamic shared memory.
	MaxDynamicShared(f Func, bytes int) error
	Launch(l *Launch) error

	NewStream() (Stream, error)
	CloseStream(Stream) error
	// Sync waits for all work of a stream.
	Sync(Stream) error
	// NewEvent makes an event, with a time for Elapsed or, cheaper, without.
	NewEvent(timed bool) (Event, error)
	CloseEvent(Event) error
	Record(Event, Stream) error
	// Wait keeps the later work of a stream back until the event has happened.
	Wait(Stream, Event) error
	SyncEvent(Event) error
	// Done says whether an event has happened.
	Done(Event) (bool, error)
	// Elapsed is the time between two events in milliseconds.
	Elapsed(from, to Event) (float32, error)

	// BeginCapture makes a stream record its work instead of doing it, until EndCapture.
	BeginCapture(Stream) error
	EndCapture(Stream) (Graph, error)
	// Relaxed calls f, which may allocate and load modules although a stream of this goroutine captures. That is done at once and no part of the graph.
	Relaxed(f func() error) error
	LaunchGraph(Graph, Stream) error
	CloseGraph(Graph) error

	// Do calls f on a thread where the device is current, for libraries beside the driver. Any goroutine may call it.
	Do(f func() error) error
	Close() error
}

// Dim is a grid's or block's extent. Zero Y and Z stand for 1.
type Dim struct{ X, Y, Z int }

func (d Dim) String() string { return fmt.Sprintf("(%d,%d,%d)", d.X, d.Y, d.Z) }

// Launch is one launch of a kernel.
type Launch struct {
	Func    Func
	Grid    Dim
	Block   Dim
	Shared  int // bytes of dynamic shared memory
	Params  []byte
	Offsets []int // of each parameter in Params
	Stream  Stream
}

// Info describes a device.
type Info struct {
	Name           string // "NVIDIA A100-SXM4-80GB"
	Ordinal        int
	Version        int // of the driver's CUDA: 12050 for 12.5
	Major, Minor   int // compute capability
	SMs            int
	SharedPerBlock int // bytes, the most that a kernel can ask for
	SharedPerSM    int
	ThreadsPerSM   int
	RegistersPerSM int
	L2             int // bytes
	ClockKHz       int
	MemoryClockKHz int
	BusBits        int
	Memory         int64 // bytes
	Guard          int   // bytes to leave between buffers, for a driver that checks accesses
}

// FuncInfo is what the compiler made of a kernel.
type FuncInfo struct {
	Registers  int // of a thread
	Local      int // bytes of a thread: spilled registers and arrays
	Shared     int // bytes, the static ones
	MaxThreads int // of a block
}
