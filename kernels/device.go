package kernels

// Device is a place where buffers live and operations run. One goroutine uses a device at a time.
type Device interface {
	Name() string // "cpu/avx512": for messages and benchmark names
	Kind() string // "cpu", …: which implementations may run here
	Self() Device // the device without anything wrapped around it, for the implementations

	// Alloc returns a buffer of n elements with undefined contents. Large buffers are reused.
	Alloc(t DType, n int) Buf
	Free(Buf)
	// Upload and Download copy between host float32 and a buffer of either type, converting.
	Upload(dst Buf, src []float32)
	Download(dst []float32, src Buf)
	// Memory reports the bytes held by buffers now and at most so far.
	Memory() (now, peak int64)
}

// Capturer is a device that can capture operations and repeat them with one call; package tensor asks for it.
type Capturer interface {
	Device
	// Capture calls do, whose operations are captured and not done, and returns them. If do panics, nothing is captured and the
	// panic goes on.
	//
	// Buffers that do allocates belong to the graph: their addresses stay valid, and used by nothing else, until Release, also after
	// do has freed them, which only lets later operations of do have them. do frees no buffer that was there before, and calls neither
	// Upload nor Download. Arguments of operations that are not in buffers are captured as they are; slices of them are not changed later.
	Capture(do func()) Graph
}

// Graph is captured operations. They read and write the buffers that they were captured with.
type Graph interface {
	Launch()  // does all operations, after everything asked for before; it need not wait for them
	Release() // frees what belongs to the graph
}

// Reader is a device that can download without being waited for; package tensor asks for it. Without it, Download is called.
type Reader interface {
	Device
	// Read copies src to dst as Download does, after all operations asked for before and before all that come after, and returns at once.
	// dst is filled when wait, to be called once, has returned. Several copies may be under way.
	Read(dst []float32, src Buf) (wait func())
}
