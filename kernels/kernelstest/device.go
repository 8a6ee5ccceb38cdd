package kernelstest

import (
	"fmt"
	"math"
	"testing"

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

// Schedules is how many seeds [AgreeOn] tries on the same arguments in one of the trials with [All], see [Seeds].
const Schedules = 20

// AgreeOn runs an operation on a device on arguments that make draws, and fails the test unless
//
//   - every output is close to that of Ref on the host (see [Within] and [Rand.Sum]), and unwritten where Ref leaves it unwritten,
//   - the bits are the same each time, whatever the seed of the device, for buffers that start at multiples of 16 bytes,
//   - inputs and the words around every buffer are as before,
//   - it works for buffers that start anywhere, and in memory that nothing has written to before: it does not read its outputs,
//   - with [HalfBits], half precision buffers give the bits that float32 copies give when rounded,
//   - and the device finds nothing wrong: what it panics with is reported.
//
// What of it runs, and how often, see [Trials], [Seeds] and [Covering].
func AgreeOn[A any](t Reporter, op *kernels.Op[A], make func(*Rand) A, open Opener, options ...Option) {
	t.Helper()
	cfg := configure(12, options)
	ref := kernels.NewCPUAt(kernels.Generic, 2)
	defer ref.Close()
	for _, x := range plan(op, make, &cfg) {
		r := onDevice(x.trial)
		a := newArgs(make(r))
		c := newCheck(t, op, &cfg, ref, r, a, x.half)
		if cfg.unchecked {
			a.place(c.half, 0, false).runBare(open(uint64(x.trial)<<8), op, nil)
		} else {
			c.runOn(a, open, x)
		}
		if t.Failed() {
			return
		}
	}
}

// onDevice makes the numbers of one trial on a device.
func onDevice(trial int) *Rand {
	r := NewRand(trial)
	r.slow = true
	return r
}

// turnOf is what runs of a trial.
type turnOf struct {
	trial int
	half  bool
	seeds int // on buffers that start at multiples of 16 bytes, or of their guards
	shift int // elements by which buffers are shifted in one more run; 0: there is none
}

// plan is what runs: the trials that are chosen, and others once whose kernels those do not launch.
func plan[A any](op *kernels.Op[A], make func(*Rand) A, cfg *config) (list []turnOf) {
	trials := chosen(cfg.trials)
	for i, trial := range trials {
		seeds, anywhere := cfg.seedsOf(i, len(trials))
		shift := 0
		if anywhere {
			shift = 1 + trial*2%7
		}
		for _, half := range cfg.halves(trial) {
			list = append(list, turnOf{trial, half, seeds, shift})
		}
	}
	if cfg.scout == nil || All() {
		return list
	}
	seen := map[string]bool{}
	scouted := func(x turnOf) (news bool) {
		a := newArgs(make(onDevice(x.trial)))
		var half map[string]bool
		if x.half {
			half = a.pickHalf(x.trial, cfg)
		}
		for _, name := range cfg.scout(func(d kernels.Device) {
			if x.seeds > 0 {
				a.place(half, 0, false).runBare(d, op, nil)
			}
			if x.shift > 0 {
				a.place(half, guards+x.shift, false).runGuarded(d, op)
			}
		}) {
			news = news || !seen[name]
			seen[name] = true
		}
		return news
	}
	for _, x := range list {
		scouted(x)
	}
	for trial := range cfg.trials {
		for _, half := range cfg.halves(0) {
			for _, x := range []turnOf{{trial, half, 1, 0}, {trial, half, 0, 1}} {
				if scouted(x) {
					list = append(list, x)
				}
			}
		}
	}
	return list
}

// halves says whether a trial runs with float32 buffers, with half precision ones, or both: with [All] always both, otherwise both in the first three.
func (cfg *config) halves(trial int) []bool {
	switch {
	case cfg.full[""]:
		return []bool{false}
	case cfg.allHalf:
		return []bool{true}
	case All() || trial < 3:
		return []bool{false, true}
	}
	return []bool{(trial+turn())/3%2 == 0}
}

// seedsOf is how many seeds are tried in the i-th of the trials that run, and whether once more on buffers that start anywhere.
func (cfg *config) seedsOf(i, trials int) (seeds int, anywhere bool) {
	switch {
	case All() && i == min(3, trials-1):
		return cfg.seeds, true
	case All():
		return 3, true
	case testing.Short() && i == 1 || !testing.Short() && i == min(3, trials-1):
		return min(cfg.seeds, 3), cfg.seeds > 1
	case testing.Short():
		return 1, false
	}
	return 1, cfg.seeds > 1
}

// runOn runs the operation under the seeds of a turn, and maybe once more on buffers that are shifted.
func (c *check[A]) runOn(a args[A], open Opener, x turnOf) {
	c.t.Helper()
	defer func() {
		if e := recover(); e != nil {
			c.t.Errorf("%s: %v", c.name, e)
		}
	}()
	want, size := c.reference(a)
	var first *placed[A]
	for i := range x.seeds {
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

	if x.shift > 0 {
		name := c.name
		c.name += ": at any address"
		shifted := a.place(c.half, guards+x.shift, false)
		shifted.runGuarded(open(uint64(c.r.trial)<<8+1), c.op)
		shifted.intact(c.t, c.name)
		c.compare(shifted, want, size)
		c.name = name
	}
	if c.cfg.halved && len(c.half) > 0 && first != nil {
		full := a.rounded(c.half).place(nil, 0, false)
		full.runBare(open(uint64(c.r.trial)<<8), c.op, want)
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

// runBare runs the operation on buffers of exactly their sizes. Outputs that Ref fills hold nothing before; want is what it makes, or nil.
func (p *placed[A]) runBare(d kernels.Device, op *kernels.Op[A], want *placed[A]) {
	value := cloneArgs(p.value)
	to := given(slots(&value))
	for i, f := range p.fields {
		b := d.Alloc(f.buf.Type, f.buf.Len)
		if f.in || want == nil || want.fields[i].gaps() {
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
			case want != nil && want.fields[i].unwritten(j) && v != v: // a device may quieten the mark; guarded runs look at its bits
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
