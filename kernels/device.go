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
