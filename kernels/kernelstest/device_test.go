package kernelstest

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"onestep/kernels"
)

// arena is a device of plain bytes whose operation, y = x + x, has a planted fault.
type arena struct {
	kernels.Device // the methods that are not called
	bytes          []byte
	fault          string
	seed           uint64
}

func (d *arena) Name() string         { return "arena" }
func (d *arena) Kind() string         { return "arena" }
func (d *arena) Self() kernels.Device { return d }
func (d *arena) Free(kernels.Buf)     {}

func (d *arena) Alloc(t kernels.DType, n int) kernels.Buf {
	at := (len(d.bytes) + 255) / 256 * 256
	d.bytes = append(d.bytes, make([]byte, at+n*t.Size()-len(d.bytes))...)
	return kernels.Buf{Addr: uint64(at) + 1<<20, Type: t, Len: n}
}

func (d *arena) at(b kernels.Buf, i int) []byte { return d.bytes[int(b.Addr)-1<<20+i*b.Type.Size():] }

func (d *arena) load(b kernels.Buf, i int) float32 {
	if b.Type == kernels.F16 {
		return kernels.F16Bits(binary.LittleEndian.Uint16(d.at(b, i))).Float32()
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(d.at(b, i)))
}

func (d *arena) store(b kernels.Buf, i int, x float32) {
	if b.Type == kernels.F16 {
		binary.LittleEndian.PutUint16(d.at(b, i), uint16(kernels.ToF16(x)))
	} else {
		binary.LittleEndian.PutUint32(d.at(b, i), math.Float32bits(x))
	}
}

func (d *arena) Upload(dst kernels.Buf, src []float32) {
	for i, x := range src {
		d.store(dst, i, x)
	}
}

func (d *arena) Download(dst []float32, src kernels.Buf) {
	for i := range dst {
		dst[i] = d.load(src, i)
	}
}

type twiceArgs struct {
	Y kernels.Buf `kernel:"out"`
	X kernels.Buf
	N int
}

func (d *arena) twice(a twiceArgs) {
	n := a.N
	if d.fault == "skips the last" {
		n--
	}
	for i := range n {
		x := d.load(a.X, i)
		switch {
		case d.fault == "reads its output":
			x += 0 * d.load(a.Y, i)
		case d.fault == "depends on the seed" && d.seed%16 == 2:
			x *= 1 + 1e-7
		case d.fault == "wants aligned addresses" && a.Y.Addr%16 != 0:
			x++
		}
		d.store(a.Y, i, x+x)
	}
	switch d.fault {
	case "writes beyond":
		d.bytes = append(d.bytes, make([]byte, 64)...)
		d.store(a.Y, a.N, 1)
	case "writes an input":
		d.store(a.X, a.N/2, 1)
	case "panics":
		panic("a finding")
	}
}

// TestAgreeOn plants faults, of which each must be told by its own check.
func TestAgreeOn(t *testing.T) {
	op := kernels.Op[twiceArgs]{Name: "twice", Ref: func(_ *kernels.CPU, a twiceArgs) {
		for i := range a.N {
			a.Y.F32[i] = 2 * a.X.F32[i]
		}
	}}
	op.Register(kernels.Impl[twiceArgs]{Kind: "arena", Half: true, Run: func(d kernels.Device, a twiceArgs) { d.(*arena).twice(a) }})
	for fault, want := range map[string]string{
		"":                        "",
		"skips the last":          "Y",
		"reads its output":        "Y[0]",
		"depends on the seed":     "the same bits",
		"wants aligned addresses": "at any address",
		"writes beyond":           "wrote Y",
		"writes an input":         "changed input X",
		"panics":                  "a finding",
	} {
		var r recorder
		AgreeOn(&r, &op, func(r *Rand) twiceArgs {
			n := r.Size(300)
			return twiceArgs{Y: r.Out(n), X: r.In(n), N: n}
		}, func(seed uint64) kernels.Device { return &arena{fault: fault, seed: seed} }, Exactly(), HalfBits())
		if want == "" && len(r) > 0 || want != "" && !strings.Contains(strings.Join(r, "\n"), want) {
			t.Errorf("%q: %v, want %q", fault, r, want)
		}
	}
}

// recorder keeps the errors of a test instead of reporting them.
type recorder []string

func (r *recorder) Helper()                   {}
func (r *recorder) Failed() bool              { return len(*r) > 0 }
func (r *recorder) Errorf(f string, a ...any) { *r = append(*r, fmt.Sprintf(f, a...)) }
