// Package kernelstest holds every implementation of an operation to the plain Go one, and measures what the machine
// could do at best.
package kernelstest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"onestep/kernels"
)

type config struct {
	trials int
	within float64
	exact  bool
	full   map[string]bool // fields that stay F32; "" stands for all
	halved bool            // on devices: half buffers give the bits of float32 copies

	allHalf   bool
	seeds     int  // on devices: of the trial that has most
	unchecked bool // on devices: the operation runs, and that is all
	scout     func(run func(d kernels.Device)) []string
}

// Option changes what [Agree] checks.
type Option func(*config)

// Within sets the allowed difference to so many times 2⁻²⁴ of the largest magnitude in the same output; the default is 64.
func Within(ulps float64) Option { return func(c *config) { c.within = ulps } }

// Exactly allows no difference at all.
func Exactly() Option { return func(c *config) { c.exact = true } }

// Trials sets the number of trials; the default is 24, and of [AgreeOn] 12. Of these a part runs, see [Turn]: with [All] each; with -short the first
// two; else the first three and in rotation a third of the others.
func Trials(n int) Option { return func(c *config) { c.trials = n } }

// OnlyF32 keeps the named fields, or all, in float32 in the half precision trials.
func OnlyF32(fields ...string) Option {
	return func(c *config) {
		if len(fields) == 0 {
			fields = []string{""}
		}
		for _, f := range fields {
			c.full[f] = true
		}
	}
}

// HalfBits makes [AgreeOn] check what [Agree] always does: half buffers give the bits that float32 copies give when rounded.
func HalfBits() Option { return func(c *config) { c.halved = true } }

// Seeds sets how many seeds [AgreeOn] tries on the same arguments in one of the trials with [All]; the default is [Schedules], the other trials try
// three, and each runs once more on buffers that start anywhere. Without [All] it is at most three there and one in the other trials, and Seeds(1) leaves
// out the run on buffers that start anywhere; with -short the second trial has those, and the others one seed.
func Seeds(n int) Option { return func(c *config) { c.seeds = n } }

// AllHalf makes every trial one in half precision, with all fields that may be F16: of operations whose buffers have fixed or equal types.
func AllHalf() Option { return func(c *config) { c.allHalf = true } }

// Covering makes [AgreeOn] run, without [All], besides the trials that it takes those that launch other kernels, once each, so that every kernel runs
// each time. The scout calls its argument with a device that runs nothing, and returns the names of the kernels that were launched there.
func Covering(scout func(run func(d kernels.Device)) []string) Option {
	return func(c *config) { c.scout = scout }
}

// Unchecked makes [AgreeOn] run the operation once in each trial and look at nothing: for a device that counts what it does.
func Unchecked() Option { return func(c *config) { c.unchecked = true } }

// threadCounts are the sizes of the crews that the kernels are run on; all must give the same bits.
var threadCounts = []int{1, 2, 5}

// Agree runs an operation at every instruction level at hand on arguments that make draws, and fails the test unless
//
//   - every output is close to that of Ref (see [Within] and [Rand.Sum]), and unwritten where Ref leaves it unwritten,
//   - the bits are the same for 1, 2 and 5 threads,
//   - half precision buffers give the bits that float32 copies give when rounded,
//   - inputs and the words around every buffer are as before.
func Agree[A any](t *testing.T, op *kernels.Op[A], make func(*Rand) A, options ...Option) {
	t.Helper()
	cfg := configure(24, options)
	ref := kernels.NewCPUAt(kernels.Generic, 2)
	defer ref.Close()
	for _, isa := range kernels.ISAs() {
		t.Run("isa="+isa.String(), func(t *testing.T) {
			var devices []*kernels.CPU
			for _, n := range threadCounts {
				d := kernels.NewCPUAt(isa, n)
				d.Poison()
				defer d.Close()
				devices = append(devices, d)
			}
			for _, trial := range chosen(cfg.trials) {
				r := NewRand(trial)
				a := newArgs(make(r))
				for _, half := range []bool{false, true} {
					if half && cfg.full[""] {
						continue
					}
					newCheck(t, op, &cfg, ref, r, a, half).run(a, devices)
					if t.Failed() {
						return
					}
				}
			}
		})
	}
}

// configure applies the options; without them there are so many trials.
func configure(trials int, options []Option) config {
	cfg := config{trials: trials, within: 64, full: map[string]bool{}, seeds: Schedules}
	for _, o := range options {
		o(&cfg)
	}
	return cfg
}

type check[A any] struct {
	t    Reporter
	op   *kernels.Op[A]
	cfg  *config
	ref  *kernels.CPU
	r    *Rand
	half map[string]bool
	name string
}

// newCheck is the comparison of one trial, in float32 or half precision.
func newCheck[A any](t Reporter, op *kernels.Op[A], cfg *config, ref *kernels.CPU, r *Rand, a args[A], half bool) *check[A] {
	c := &check[A]{t: t, op: op, cfg: cfg, ref: ref, r: r}
	if half {
		c.half = a.pickHalf(r.trial, cfg)
	}
	c.name = fmt.Sprintf("trial %d (%s=%d), half=%v, %s", r.trial, turnEnv, turn(), c.half, a.sizes())
	return c
}

// reference runs Ref, and where a bound wants it once more on absolute values.
func (c *check[A]) reference(a args[A]) (want, size *placed[A]) {
	want = a.place(c.half, guards, false)
	c.op.Run(c.ref, want.value)
	if c.r.terms > 0 {
		size = a.place(c.half, guards, true)
		c.op.Run(c.ref, size.value)
	}
	return want, size
}

func (c *check[A]) run(a args[A], devices []*kernels.CPU) {
	c.t.Helper()
	want, size := c.reference(a)
	var first *placed[A]
	for _, d := range devices {
		got := a.place(c.half, guards+c.r.IntN(16), false)
		c.op.Run(d, got.value)
		got.intact(c.t, c.name)
		if first == nil {
			first = got
			c.compare(got, want, size)
			continue
		}
		same(c.t, fmt.Sprintf("%s: %d threads against %d", c.name, d.Threads(), devices[0].Threads()), got, first)
	}
	if len(c.half) > 0 {
		full := a.rounded(c.half).place(nil, guards, false)
		c.op.Run(devices[0], full.value)
		full.toHalf(c.half)
		same(c.t, c.name+": half buffers against rounded float32 copies", first, full)
	}
}

// compare checks outputs against those of Ref; size holds Ref of the absolute values, or is nil.
func (c *check[A]) compare(got, want, size *placed[A]) {
	c.t.Helper()
	const eps = 1.0 / (1 << 24)
	for i, f := range want.fields {
		if !f.out {
			continue
		}
		g, w := got.fields[i].values(), f.values()
		largest := 0.0
		for _, v := range w {
			if x := math.Abs(float64(v)); x > largest && !math.IsInf(x, 0) {
				largest = x
			}
		}
		var s []float32
		if size != nil {
			s = size.fields[i].values()
		}
		bad, worst := 0, 0.0
		var message string
		for j := range w {
			if got.fields[i].unwritten(j) != f.unwritten(j) {
				c.t.Errorf("%s: %s[%d]: unwritten is %v, want %v", c.name, f.name, j, got.fields[i].unwritten(j), f.unwritten(j))
				return
			}
			x, y := float64(g[j]), float64(w[j])
			if x == y || math.IsNaN(x) && math.IsNaN(y) {
				continue
			}
			tol := 0.0
			switch {
			case c.cfg.exact:
			case s != nil:
				tol = (2 + math.Sqrt(float64(c.r.terms))) * eps * math.Abs(float64(s[j]))
			default:
				tol = c.cfg.within * eps * largest
			}
			if f.buf.Type == kernels.F16 && !c.cfg.exact {
				tol += math.Abs(y)/(1<<10) + 1.0/(1<<24) // a rounding may go the other way
			}
			if diff := math.Abs(x - y); !(diff <= tol) {
				bad++
				if ratio := diff / tol; message == "" || ratio > worst {
					worst = ratio
					message = fmt.Sprintf("%s: %s[%d] = %v, want %v: differs by %.3g, allowed %.3g", c.name, f.name, j, x, y, diff, tol)
				}
			}
		}
		if bad > 0 {
			c.t.Errorf("%s (worst of %d in %d)", message, bad, len(w))
		}
	}
}

func same[A any](t Reporter, name string, got, want *placed[A]) {
	t.Helper()
	for i, f := range want.fields {
		if !f.out {
			continue
		}
		g, w := got.fields[i].values(), f.values()
		for j := range w {
			if math.Float32bits(g[j]) != math.Float32bits(w[j]) && !(g[j] != g[j] && w[j] != w[j]) {
				t.Errorf("%s: %s[%d] = %v, want %v, the same bits", name, f.name, j, g[j], w[j])
				return
			}
		}
	}
}

// args is an argument struct as make returned it, and its buffers.
type args[A any] struct {
	value  A
	fields []field
}

type field struct {
	name string
	out  bool // written
	in   bool // read
	buf  kernels.Buf

	whole kernels.Buf // with guard words, once placed
	skip  int         // guard words before buf
	start []float32   // contents before the run
}

func newArgs[A any](value A) args[A] {
	a := args[A]{value: cloneArgs(value)}
	for _, s := range slots(&a.value) {
		if s.buf.Given() {
			a.fields = append(a.fields, field{name: s.name, out: s.tag != "", in: !strings.HasPrefix(s.tag, "out"), buf: *s.buf})
		}
	}
	return a
}

// sizes prints everything in the arguments but the buffers.
func (a args[A]) sizes() string {
	s := ""
	v := reflect.ValueOf(a.value)
	for i := range v.NumField() {
		if f := v.Type().Field(i); !holdsBufs(f.Type) {
			s += fmt.Sprintf(" %s:%+v", f.Name, v.Field(i))
		}
	}
	return s
}

var indices = regexp.MustCompile(`\[\d+\]`)

// pickHalf chooses the fields to be F16: all in even trials, some in odd ones.
func (a args[A]) pickHalf(trial int, cfg *config) map[string]bool {
	r := rand.New(rand.NewPCG(uint64(trial), 0x68616c76))
	half := map[string]bool{}
	for _, f := range a.fields {
		if !cfg.full[indices.ReplaceAllString(f.name, "")] && (cfg.allHalf || trial%2 == 0 || r.IntN(2) == 0) {
			half[f.name] = true
		}
	}
	return half
}

// rounded is a with the chosen fields rounded to half, still stored as float32.
func (a args[A]) rounded(half map[string]bool) args[A] {
	b := args[A]{value: a.value, fields: append([]field(nil), a.fields...)}
	for i, f := range b.fields {
		if half[f.name] && f.in {
			x := make([]float32, f.buf.Len)
			for j, h := range toHalf(f.buf.F32) {
				x[j] = h.Float32()
			}
			b.fields[i].buf = kernels.HostF32(x)
		}
	}
	return b
}

// toHalf rounds the chosen outputs.
func (p *placed[A]) toHalf(half map[string]bool) {
	for i, f := range p.fields {
		if f.out && half[f.name] {
			p.fields[i].buf = kernels.HostF16(toHalf(f.buf.F32))
		}
	}
}

func toHalf(x []float32) []kernels.F16Bits {
	h := make([]kernels.F16Bits, len(x))
	for i, v := range x {
		h[i] = kernels.ToF16(v)
	}
	return h
}

// placed is a copy of the arguments in guarded memory.
type placed[A any] struct {
	value  A
	fields []field
}

const guards = 64 // words on either side

// place copies the arguments to fresh memory, with skip guard words before each buffer and some after it.
func (a args[A]) place(half map[string]bool, skip int, abs bool) *placed[A] {
	p := &placed[A]{value: cloneArgs(a.value), fields: append([]field(nil), a.fields...)}
	to := given(slots(&p.value))
	for i := range p.fields {
		f := &p.fields[i]
		n := f.buf.Len
		x := make([]float32, n)
		copy(x, f.buf.F32)
		if !f.in {
			for j := range x {
				x[j] = unwritten
			}
		} else if abs {
			for j := range x {
				x[j] = float32(math.Abs(float64(x[j])))
			}
		}
		f.skip = skip
		if half[f.name] {
			w := make([]kernels.F16Bits, (skip+n+guards+1)/2*2) // so that words of 32 bits hold it
			for j := range w {
				w[j] = guardHalf
			}
			for j, y := range x {
				w[f.skip+j] = kernels.ToF16(y)
				if !f.in {
					w[f.skip+j] = unwrittenHalf
				}
			}
			f.whole = kernels.HostF16(w)
			f.buf = kernels.HostF16(w[f.skip : f.skip+n : f.skip+n])
		} else {
			w := make([]float32, skip+n+guards)
			for j := range w {
				w[j] = guard
			}
			copy(w[f.skip:], x)
			f.whole = kernels.HostF32(w)
			f.buf = kernels.HostF32(w[f.skip : f.skip+n : f.skip+n])
		}
		f.start = f.values()
		*to[i].buf = f.buf
	}
	return p
}

// values copies the contents as float32.
func (f *field) values() []float32 {
	x := make([]float32, f.buf.Len)
	copy(x, f.buf.F32)
	for i, h := range f.buf.F16 {
		x[i] = h.Float32()
	}
	return x
}

func (f *field) unwritten(i int) bool {
	if f.in {
		return false
	}
	if f.buf.Type == kernels.F16 {
		return f.buf.F16[i] == unwrittenHalf
	}
	return math.Float32bits(f.buf.F32[i]) == math.Float32bits(unwritten)
}

// intact checks inputs and guard words.
func (p *placed[A]) intact(t Reporter, name string) {
	t.Helper()
	for _, f := range p.fields {
		for i := range f.whole.Len {
			if i >= f.skip && i < f.skip+f.buf.Len {
				continue
			}
			if f.buf.Type == kernels.F16 && f.whole.F16[i] != guardHalf || f.buf.Type == kernels.F32 && math.Float32bits(f.whole.F32[i]) != math.Float32bits(guard) {
				t.Errorf("%s: wrote %s[%d], which has %d elements", name, f.name, i-f.skip, f.buf.Len)
				break
			}
		}
		if f.out {
			continue
		}
		for i, v := range f.values() {
			if math.Float32bits(v) != math.Float32bits(f.start[i]) {
				t.Errorf("%s: changed input %s[%d] from %v to %v", name, f.name, i, f.start[i], v)
				break
			}
		}
	}
}
