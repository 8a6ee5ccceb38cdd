package driver

import (
	"cmp"
	"runtime"
)

// BeginCapture makes a stream record. The goroutine keeps its thread until EndCapture, as the driver demands; what other threads do is no concern
// of the capture.
func (d *libcuda) BeginCapture(s Stream) error {
	runtime.LockOSThread()
	err := d.call(cuStreamBeginCapture, uintptr(s), captureThreadLocal)
	if err != nil {
		runtime.UnlockOSThread()
	}
	return err
}

// EndCapture makes a graph of what was recorded.
func (d *libcuda) EndCapture(s Stream) (Graph, error) {
	defer runtime.UnlockOSThread()
	if err := d.call(cuStreamEndCapture, uintptr(s), at(&d.mem.out)); err != nil {
		return 0, err
	}
	graph := uintptr(d.mem.out[0])
	err := d.call(cuGraphInstantiate, at(&d.mem.out), graph, 0)
	exec := Graph(d.mem.out[0])
	return exec, cmp.Or(err, d.call(cuGraphDestroy, graph))
}

// Relaxed calls f in the relaxed mode of captures: the driver refuses allocations to a thread that captures in another.
func (d *libcuda) Relaxed(f func() error) error {
	mode := &d.mem.mode
	*mode = captureRelaxed
	if err := d.call(cuThreadExchangeStreamCaptureMode, at(mode)); err != nil { // which leaves the mode before in its place
		return err
	}
	return cmp.Or(f(), d.call(cuThreadExchangeStreamCaptureMode, at(mode)))
}

// LaunchGraph puts a graph on a stream.
func (d *libcuda) LaunchGraph(g Graph, s Stream) error {
	return d.call(cuGraphLaunch, uintptr(g), uintptr(s))
}

// CloseGraph ends a graph.
func (d *libcuda) CloseGraph(g Graph) error { return d.call(cuGraphExecDestroy, uintptr(g)) }
