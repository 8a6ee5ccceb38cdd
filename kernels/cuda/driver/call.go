package driver

import (
	"fmt"
	"runtime"
	"unsafe"
)

// plain makes a call that needs no context.
func (d *libcuda) plain(s symbol, args ...uintptr) error {
	n := copy(d.args[:], args)
	return d.result(s, Code(int32(syscallN(d.fn[s], d.args[:n]))))
}

// call makes a call with the device's context current on the calling thread.
func (d *libcuda) call(s symbol, args ...uintptr) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := d.enter(); err != nil {
		return err
	}
	return d.plain(s, args...)
}

// enter makes the context current on the thread, to which the caller has locked itself.
func (d *libcuda) enter() error {
	if r := Code(int32(syscallN(d.fn[cuCtxSetCurrent], d.ctx[:]))); r != 0 {
		return d.result(cuCtxSetCurrent, r)
	}
	return nil
}

// Do calls f on a thread on which the device's context is current.
func (d *libcuda) Do(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := d.enter(); err != nil {
		return err
	}
	return f()
}

// result makes an error of a CUresult.
func (d *libcuda) result(s symbol, r Code) error {
	if r == 0 {
		return nil
	}
	e := &Error{Call: exports[s], Code: r, Name: d.word(cuGetErrorName, r), Text: d.word(cuGetErrorString, r), Hint: r.hint()}
	if e.Name == "" {
		e.Name = "unknown error"
	}
	return e
}

// word asks for the name or the text of an error.
func (d *libcuda) word(s symbol, r Code) string {
	d.mem.out[0] = 0
	d.args[0], d.args[1] = uintptr(uint32(r)), at(&d.mem.out)
	if syscallN(d.fn[s], d.args[:2]) != 0 || d.mem.out[0] == 0 {
		return ""
	}
	text := (*[1 << 10]byte)(outside(d.mem.out[0]))
	n := 0
	for text[n] != 0 {
		n++
	}
	return string(text[:n])
}

// outside is memory that Go does not manage.
func outside(address uint64) unsafe.Pointer {
	p := uintptr(address)
	return *(*unsafe.Pointer)(unsafe.Pointer(&p))
}

// Info describes the device.
func (d *libcuda) Info() Info { return d.info }

// Close gives the context back, with all memory in it.
func (d *libcuda) Close() error {
	return d.plain(cuDevicePrimaryCtxRelease, d.dev)
}

// MemInfo asks for free and all memory in bytes.
func (d *libcuda) MemInfo() (free, total int64, err error) {
	err = d.call(cuMemGetInfo, at(&d.mem.out[0]), at(&d.mem.out[1]))
	return int64(d.mem.out[0]), int64(d.mem.out[1]), err
}

// Alloc takes memory from the driver.
func (d *libcuda) Alloc(n int) (Ptr, error) {
	err := d.call(cuMemAlloc, at(&d.mem.out), uintptr(n))
	return Ptr(d.mem.out[0]), err
}

// Free gives it back, once the device has done all its work.
func (d *libcuda) Free(p Ptr) error { return d.call(cuMemFree, uintptr(p)) }

// AllocHost makes pinned memory.
func (d *libcuda) AllocHost(n int) ([]byte, error) {
	if err := d.call(cuMemHostAlloc, at(&d.mem.out), uintptr(n), 0); err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(outside(d.mem.out[0])), n), nil
}

// FreeHost gives it back.
func (d *libcuda) FreeHost(b []byte) error {
	return d.call(cuMemFreeHost, uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}

// Mark is for drivers that check accesses.
func (d *libcuda) Mark(Ptr, int, Stream) error { return nil }

// CopyIn copies from pinned memory.
func (d *libcuda) CopyIn(dst Ptr, src []byte, s Stream) error {
	return d.copy(cuMemcpyHtoDAsync, uintptr(dst), uintptr(unsafe.Pointer(unsafe.SliceData(src))), len(src), s)
}

// CopyOut copies to pinned memory.
func (d *libcuda) CopyOut(dst []byte, src Ptr, s Stream) error {
	return d.copy(cuMemcpyDtoHAsync, uintptr(unsafe.Pointer(unsafe.SliceData(dst))), uintptr(src), len(dst), s)
}

// Copy copies within the device.
func (d *libcuda) Copy(dst, src Ptr, n int, s Stream) error {
	return d.copy(cuMemcpyDtoDAsync, uintptr(dst), uintptr(src), n, s)
}

func (d *libcuda) copy(call symbol, dst, src uintptr, n int, s Stream) error {
	return d.call(call, dst, src, uintptr(n), uintptr(s))
}

// Fill sets n words.
func (d *libcuda) Fill(dst Ptr, word uint32, n int, s Stream) error {
	return d.call(cuMemsetD32Async, uintptr(dst), uintptr(word), uintptr(n), uintptr(s))
}

// Launch puts a kernel on its stream. It copies the parameters, which the driver reads before it returns.
func (d *libcuda) Launch(l *Launch) error {
	if len(l.Params) > len(d.mem.params) || len(l.Offsets) > len(d.mem.ptrs) {
		return fmt.Errorf("cuLaunchKernel: %d bytes of %d parameters are too many", len(l.Params), len(l.Offsets))
	}
	copy(d.mem.params[:], l.Params)
	for i, offset := range l.Offsets {
		d.mem.ptrs[i] = at(&d.mem.params[offset])
	}
	return d.call(cuLaunchKernel, uintptr(l.Func), uintptr(uint32(l.Grid.X)), uintptr(uint32(l.Grid.Y)), uintptr(uint32(l.Grid.Z)),
		uintptr(uint32(l.Block.X)), uintptr(uint32(l.Block.Y)), uintptr(uint32(l.Block.Z)), uintptr(uint32(l.Shared)),
		uintptr(l.Stream), at(&d.mem.ptrs), 0)
}

// NewStream makes a stream that does not wait for the default one.
func (d *libcuda) NewStream() (Stream, error) {
	err := d.call(cuStreamCreate, at(&d.mem.out), streamNonBlocking)
	return Stream(d.mem.out[0]), err
}

// CloseStream ends a stream.
func (d *libcuda) CloseStream(s Stream) error { return d.call(cuStreamDestroy, uintptr(s)) }

// Sync waits for a stream.
func (d *libcuda) Sync(s Stream) error { return d.call(cuStreamSynchronize, uintptr(s)) }

// NewEvent makes an event.
func (d *libcuda) NewEvent(timed bool) (Event, error) {
	flags := uintptr(eventUntimed)
	if timed {
		flags = 0
	}
	err := d.call(cuEventCreate, at(&d.mem.out), flags)
	return Event(d.mem.out[0]), err
}

// CloseEvent ends an event.
func (d *libcuda) CloseEvent(e Event) error { return d.call(cuEventDestroy, uintptr(e)) }

// Record puts an event on a stream.
func (d *libcuda) Record(e Event, s Stream) error {
	return d.call(cuEventRecord, uintptr(e), uintptr(s))
}

// Wait makes a stream wait for an event.
func (d *libcuda) Wait(s Stream, e Event) error {
	return d.call(cuStreamWaitEvent, uintptr(s), uintptr(e), 0)
}

// SyncEvent waits for an event.
func (d *libcuda) SyncEvent(e Event) error { return d.call(cuEventSynchronize, uintptr(e)) }

// Done asks for an event.
func (d *libcuda) Done(e Event) (bool, error) {
	err := d.call(cuEventQuery, uintptr(e))
	if e, ok := err.(*Error); ok && e.Code == codeNotReady {
		return false, nil
	}
	return err == nil, err
}

// Elapsed is the time between two events in milliseconds.
func (d *libcuda) Elapsed(from, to Event) (float32, error) {
	err := d.call(cuEventElapsedTime, at(&d.mem.out), uintptr(from), uintptr(to))
	return *(*float32)(unsafe.Pointer(&d.mem.out)), err
}
