package cuda

import "onestep/kernels/cuda/driver"

// side is a stream beside the device's own, for the sums of gradients over processes.
type side struct {
	stream       driver.Stream
	forked, done driver.Event
}

// Do runs f on a thread where the device is current. Any goroutine may call it.
func (d *Device) Do(f func()) {
	d.check("context", d.drv.Do(func() error { f(); return nil }))
}

// Fork makes a second stream wait for what has been launched so far, and returns its handle. Join must follow.
func (d *Device) Fork() uintptr {
	if d.side.stream == 0 {
		d.check("stream", d.uncaptured(d.openSide))
	}
	d.check("fork", d.drv.Record(d.side.forked, d.stream))
	d.check("fork", d.drv.Wait(d.side.stream, d.side.forked))
	return uintptr(d.side.stream)
}

// Join makes what is launched from now on wait for the second stream.
func (d *Device) Join() {
	d.check("join", d.drv.Record(d.side.done, d.side.stream))
	d.check("join", d.drv.Wait(d.stream, d.side.done))
}

func (d *Device) openSide() (err error) {
	if d.side.forked, err = d.drv.NewEvent(false); err != nil {
		return err
	}
	if d.side.done, err = d.drv.NewEvent(false); err != nil {
		return err
	}
	d.side.stream, err = d.drv.NewStream()
	return err
}
