package kernelstest

import (
	"fmt"
	"math"

	"onestep/kernels"
)

// Reporter is what [AgreeOn] needs of a test.
type Reporter interface {
	Helper()
	Failed() bool
	Errorf(format string, args ...any)
}

// Opener returns a device to run on. A device that can vary what hardware leaves open, like the order in which warps run, does so by the seed;
// it may be the same device each time.
type Opener func(seed uint64) kernels.Device

// Schedules is how many seeds [AgreeOn] tries on the same arguments in one of the trials, see [Seeds]; a quarter with -short.
const Schedules = 20

// AgreeOn runs an operation on a device on arguments that make draws, and fails the test unless
//
//   - every output is close to that of Ref on the host (see [Within] and [Rand.Sum]), and unwritten where Ref leaves it unwritten,
//   - the bits are the same each time, whatever the seed of the device, for buffers that start at multiples of 16 bytes,
//   - inputs and the words around every buffer are as before,
//   - it works for buffers that start anywhere, and in memory that nothing has written to before: it does not read its outputs,
//   - with [HalfBits], half precision buffers give the bits that float32 copies give when rounded,
//   - and the device finds nothing wrong: what it panics with is reported.
func AgreeOn[A any](t Reporter, op *kernels.Op[A], make func(*Rand) A, open Opener, options ...Option) {
	t.Helper()
	cfg := configure(12, options)
	ref := kernels.NewCPUAt(kernels.Generic, 2)
	defer ref.Close()
	for trial := range cfg.trials {
		r := NewRand(trial)
		r.slow = true
		a := newArgs(make(r))
		for _, half := range []bool{false, true} {
			if half && cfg.full[""] || !half && cfg.allHalf {
				continue
			}
			c := newCheck(t, op, &cfg, ref, r, a, half)
			c.runOn(a, open)
			if t.Failed() {
				return
			}
		}
	}
}

func (c *check[A]) runOn(a args[A], open Opener) {
	c.t.Helper()
	defer func() {
		if e := recover(); e != nil {
			c.t.Errorf("%s: %v", c.name, e)
		}
	}()
	want, size := c.reference(a)
	seeds := 3
	if c.r.trial == min(3, c.cfg.trials-1) {
		seeds = c.cfg.seeds
	}
	var first *placed[A]
	for i := range seeds {
		d := open(uint64(c.r.trial)<<8 + uint64(i))
		var got *placed[A]
		if i%2 == 0 {
			got = a.place(c.half, 0, false)
			got.runBare(d, c.op, want)
		} else {
			got = a.place(c.half, guards+8*c.r.IntN(4), false)
			got.runGuarded(d, c.op)
			got.intact(c.t, c.name)
		}
		if first == nil {
			first = got
			c.compare(got, want, size)
		} else {
			same(c.t, fmt.Sprintf("%s: the %d. run against the first", c.name, i+1), got, first)
		}
		if c.t.Failed() {
			return
		}
	}

	d := open(uint64(c.r.trial) << 8)
	name := c.name
	c.name += ": at any address"
	shifted := a.place(c.half, guards+1+c.r.IntN(7), false)
	shifted.runGuarded(d, c.op)
	shifted.intact(c.t, c.name)
	c.compare(shifted, want, size)
	c.name = name
	if c.cfg.halved && len(c.half) > 0 {
		full := a.rounded(c.half).place(nil, 0, false)
		full.runBare(d, c.op, want)
		full.toHalf(c.half)
		same(c.t, c.name+": half buffers against rounded float32 copies", first, full)
	}
}

// runGuarded runs the operation on copies of the buffers in device memory, their guard words around them, and brings all back.
func (p *placed[A]) runGuarded(d kernels.Device, op *kernels.Op[A]) {
	value, whole := cloneArgs(p.value), make([]kernels.Buf, len(p.fields))
	to := given(slots(&value))
	for i, f := range p.fields {
		words := toWords(f.whole)
		whole[i] = d.Alloc(kernels.F32, len(words))
		d.Upload(whole[i], words)
		*to[i].buf = kernels.Buf{Addr: whole[i].Addr + uint64(f.skip*f.buf.Type.Size()), Type: f.buf.Type, Len: f.buf.Len}
	}
	op.Run(d, value)
	for i, f := range p.fields {
		words := make([]float32, whole[i].Len)
		d.Download(words, whole[i])
		fromWords(f.whole, words)
		d.Free(whole[i])
	}
}

// runBare runs the operation on buffers of exactly their sizes. Outputs that Ref fills hold nothing before.
func (p *placed[A]) runBare(d kernels.Device, op *kernels.Op[A], want *placed[A]) {
	value := cloneArgs(p.value)
	to := given(slots(&value))
	for i, f := range p.fields {
		b := d.Alloc(f.buf.Type, f.buf.Len)
		if f.in || want.fields[i].gaps() {
			d.Upload(b, f.values())
		}
		*to[i].buf = b
	}
	op.Run(d, value)
	for i, f := range p.fields {
		x := make([]float32, f.buf.Len)
		d.Download(x, *to[i].buf)
		d.Free(*to[i].buf)
		for j, v := range x {
			switch {
			case want.fields[i].unwritten(j) && v != v: // a device may quieten the mark; guarded runs look at its bits
			case f.buf.Type == kernels.F16:
				f.buf.F16[j] = kernels.ToF16(v)
			default:
				f.buf.F32[j] = v
			}
		}
	}
}

// gaps says whether some elements are unwritten.
func (f *field) gaps() bool {
	for i := range f.buf.Len {
		if f.unwritten(i) {
			return true
		}
	}
	return false
}

// toWords is a buffer's bits as words of 32 bits, which uploads do not convert.
func toWords(b kernels.Buf) []float32 {
	if b.Type == kernels.F32 {
		return b.F32
	}
	w := make([]float32, b.Len/2)
	for i := range w {
		w[i] = math.Float32frombits(uint32(b.F16[2*i]) | uint32(b.F16[2*i+1])<<16)
	}
	return w
}

func fromWords(b kernels.Buf, w []float32) {
	if b.Type == kernels.F32 {
		copy(b.F32, w)
		return
	}
	for i, x := range w {
		bits := math.Float32bits(x)
		b.F16[2*i], b.F16[2*i+1] = kernels.F16Bits(bits), kernels.F16Bits(bits>>16)
	}
}
