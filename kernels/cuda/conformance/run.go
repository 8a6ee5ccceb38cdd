package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onestep/kernels/cuda/driver"
	"onestep/kernels/cuda/ptx"
)

// guard is how many bytes of an allocation lie before and after a buffer, which nothing may touch.
const guard = 512

const guardByte = 0xA5

// Run launches the case's kernel on a device, and compares. The error is a [*Mismatch] where the kernel ran but left something else.
func (c *Case) Run(d driver.Driver) (err error) {
	text, err := os.ReadFile(filepath.Join(c.dir, filepath.FromSlash(c.PTX)))
	if err != nil {
		return err
	}
	m, err := ptx.Parse(c.PTX, string(text))
	if err != nil {
		return err
	}
	f := m.Entry(c.Entry)
	if f == nil {
		return fmt.Errorf("%s has no kernel %s", c.PTX, c.Entry)
	}
	r := &run{Driver: d, buffers: map[string]*buffer{}}
	if r.stream, err = d.NewStream(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	names := slices.Sorted(maps.Keys(c.Buffers))
	for _, name := range names {
		if err := r.upload(c, name); err != nil {
			return fmt.Errorf("buffer %s: %w", name, err)
		}
	}
	if err := r.launch(c, f, string(text)); err != nil {
		return err
	}
	for _, name := range names {
		if err := r.compare(c, name); err != nil {
			return err
		}
	}
	return nil
}

// run is one launch under way.
type run struct {
	driver.Driver
	stream  driver.Stream
	module  driver.Module
	buffers map[string]*buffer
}

// buffer is an allocation with its guards.
type buffer struct {
	at   driver.Ptr
	init []byte
}

func (b *buffer) address() driver.Ptr { return b.at + guard }

// upload makes a buffer with its first contents.
func (r *run) upload(c *Case, name string) (err error) {
	spec := c.Buffers[name]
	b := &buffer{}
	size := spec.Count * spec.DType.Size()
	padded := (size + 3) / 4 * 4
	if b.at, err = r.Alloc(guard + padded + guard); err != nil {
		return err
	}
	r.buffers[name] = b
	if b.init, err = c.contents(spec); err != nil { // after the device had room for it
		return err
	}
	if r.Info().Guard > 0 { // the device itself sees what goes beyond
		if err := r.Mark(b.address(), size, r.stream); err != nil || size == 0 {
			return err
		}
	} else if err := r.Fill(b.at, guardByte*0x01010101, (guard+padded+guard)/4, r.stream); err != nil {
		return err
	}
	return r.copied(size, func(host []byte) error {
		copy(host, b.init)
		return r.CopyIn(b.address(), host, r.stream)
	})
}

// copied lends memory of the host to a copy, and waits for it.
func (r *run) copied(size int, f func(host []byte) error) error {
	if size == 0 {
		return nil
	}
	host, err := r.AllocHost(size)
	if err != nil {
		return err
	}
	return errors.Join(f(host), r.Sync(r.stream), r.FreeHost(host))
}

// launch passes the parameters and runs the kernel to its end.
func (r *run) launch(c *Case, f *ptx.Function, text string) error {
	if len(c.Params) != len(f.Params) {
		return fmt.Errorf("%d parameters, kernel %s has %d", len(c.Params), c.Entry, len(f.Params))
	}
	l := &driver.Launch{
		Grid: driver.Dim{X: c.Grid[0], Y: c.Grid[1], Z: c.Grid[2]}, Block: driver.Dim{X: c.Block[0], Y: c.Block[1], Z: c.Block[2]},
		Shared: c.DynamicShared, Params: make([]byte, f.ParamSize), Stream: r.stream,
	}
	for i, p := range c.Params {
		v := f.Params[i]
		value, err := p.bytes(func(name string) (uint64, error) {
			b := r.buffers[name]
			if b == nil {
				return 0, c.known(name)
			}
			return uint64(b.address()), nil
		})
		if err != nil {
			return fmt.Errorf("parameter %d: %w", i, err)
		}
		if len(value) > v.Size || p.Type != "struct" && len(value) != v.Size { // a struct may end with padding
			return fmt.Errorf("parameter %d has %d bytes, %s of the kernel %d", i, len(value), v.Name, v.Size)
		}
		copy(l.Params[v.Offset:], value)
		l.Offsets = append(l.Offsets, v.Offset)
	}
	var err error
	if r.module, err = r.Load(c.PTX, text); err != nil {
		return err
	}
	if l.Func, err = r.Func(r.module, c.Entry); err != nil {
		return err
	}
	if c.DynamicShared > 0 {
		if err := r.MaxDynamicShared(l.Func, c.DynamicShared); err != nil {
			return err
		}
	}
	if err := r.Launch(l); err != nil {
		return err
	}
	return r.Sync(r.stream)
}

// compare downloads a buffer and holds it to what it must be.
func (r *run) compare(c *Case, name string) error {
	spec, b := c.Buffers[name], r.buffers[name]
	want := b.init
	if spec.Expect != nil {
		var err error
		if want, err = c.expected(spec); err != nil {
			return fmt.Errorf("buffer %s: %w", name, err)
		}
	}
	got := make([]byte, len(want))
	err := r.copied(len(got), func(host []byte) error {
		if err := r.CopyOut(host, b.address(), r.stream); err != nil {
			return err
		}
		err := r.Sync(r.stream)
		copy(got, host)
		return err
	})
	if err != nil {
		return fmt.Errorf("buffer %s: %w", name, err)
	}
	if err := spec.compare(name, got, want); err != nil {
		return err
	}
	return r.guards(name)
}

// guards looks at the bytes around a buffer, on a device that does not do so itself.
func (r *run) guards(name string) error {
	b := r.buffers[name]
	if r.Info().Guard > 0 {
		return nil
	}
	end := b.address() + driver.Ptr(len(b.init))
	for _, side := range []struct {
		where string
		at    driver.Ptr
	}{{"before", b.at}, {"after", end}} {
		err := r.copied(guard, func(host []byte) error {
			if err := errors.Join(r.CopyOut(host, side.at, r.stream), r.Sync(r.stream)); err != nil {
				return err
			}
			if bytes.Count(host, []byte{guardByte}) != guard {
				return fmt.Errorf("the kernel wrote %s buffer %s", side.where, name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// expected reads what a buffer must hold, and checks that the file is the one that was meant.
func (c *Case) expected(b Buffer) ([]byte, error) {
	data, err := c.read(b.Expect.File, b.Count*b.DType.Size())
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); !strings.EqualFold(got, b.Expect.SHA256) {
		return nil, fmt.Errorf("%s has sha256 %s, want %s", b.Expect.File, got, b.Expect.SHA256)
	}
	return data, nil
}

// close gives everything back.
func (r *run) close() (err error) {
	for _, b := range r.buffers {
		err = errors.Join(err, r.Free(b.at))
	}
	if r.module != 0 {
		err = errors.Join(err, r.Unload(r.module))
	}
	return errors.Join(err, r.CloseStream(r.stream))
}
