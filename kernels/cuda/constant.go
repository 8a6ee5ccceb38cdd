package cuda

import (
	"errors"

	"onestep/kernels/cuda/driver"
)

// constants are numbers in device memory that kernels read and nothing changes, found by their contents.
type constants struct {
	stream  driver.Stream // of their copies
	entries map[string]*constant
	asked   int // so far
}

type constant struct {
	at       driver.Ptr
	asked    int  // the last time
	captured bool // a graph may read it as long as there are graphs
}

// constantsLimit is how many there may be that no graph has; those of the last constantsKept times stay when there are more.
const constantsLimit, constantsKept = 64, 32

// constant is the address of a copy of data. Steps that repeat themselves find theirs; a new one is copied, and waited for, at once, which is no
// part of a graph that is being captured.
func (d *Device) constant(data []byte) Arg {
	c := &d.constants
	e := c.entries[string(data)]
	if e == nil {
		if c.entries == nil {
			c.entries = map[string]*constant{}
		}
		if len(c.entries) >= constantsLimit && d.pool.capture == nil {
			d.forgetConstants()
		}
		e = &constant{}
		d.check("constants", d.uncaptured(func() (err error) {
			e.at, err = d.copyConstant(data)
			return err
		}))
		c.entries[string(data)] = e
	}
	c.asked++
	e.asked, e.captured = c.asked, e.captured || d.pool.capture != nil
	return U64(uint64(e.at))
}

func (d *Device) copyConstant(data []byte) (at driver.Ptr, err error) {
	c := &d.constants
	if c.stream == 0 {
		if c.stream, err = d.drv.NewStream(); err != nil {
			return 0, err
		}
	}
	host, err := d.drv.AllocHost(len(data))
	if err != nil {
		return 0, err
	}
	copy(host, data)
	if at, err = d.drv.Alloc(len(data)); err != nil {
		return 0, errors.Join(err, d.drv.FreeHost(host))
	}
	return at, errors.Join(d.drv.Mark(at, len(data), c.stream), d.drv.CopyIn(at, host, c.stream), d.drv.Sync(c.stream), d.drv.FreeHost(host))
}

// forgetConstants frees old ones that no graph has, after the work that may read them.
func (d *Device) forgetConstants() {
	d.Sync()
	for data, e := range d.constants.entries {
		if !e.captured && e.asked <= d.constants.asked-constantsKept {
			delete(d.constants.entries, data)
			d.check("constants", d.drv.Free(e.at))
		}
	}
}
