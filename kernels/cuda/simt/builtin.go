package simt

import (
	"fmt"
	"math"
	"strings"

	"onestep/kernels/cuda/ptx"
)

// builtins are functions without a body that the device itself has [cuda, "System Calls"]: of a lane's arguments they make a result.
var builtins = map[string]func(w *warp, lane int, args []uint64) uint64{
	"vprintf":      (*warp).vprintf,
	"__assertfail": (*warp).assertFail,
	"malloc":       (*warp).malloc,
	"free":         (*warp).free,
}

// builtin decodes a call of a function that has no body.
func (d *decoder) builtin(f *ptx.Function) {
	run := builtins[f.Name]
	if run == nil { // it need never be reached
		d.out.run = func(w *warp, mask uint32) {
			lanesOf(mask, func(l int) { w.fail(l, "function %s has no body", f.Name) })
		}
		return
	}
	var args []func(w *warp, lane int) uint64
	for i, o := range d.in.Operands[1].Elems {
		args = append(args, d.argument(o, f.Params[i].Size))
	}
	ps := passing{to: -1, toArg: -1}
	if len(f.Returns) > 0 {
		d.actual(&ps, d.in.Operands[0].Elems[0])
	}
	d.out.run = func(w *warp, mask uint32) {
		values := make([]uint64, len(args))
		lanesOf(mask, func(l int) {
			for i := range args {
				values[i] = args[i](w, l)
			}
			y := run(w, l, values)
			if ps.toArg >= 0 {
				put(w.args[l*w.cta.p.argSize+ps.toArg:][:f.Returns[0].Size], y)
			}
			w.set(ps.to, l, y)
		})
		w.define(ps.to, mask)
	}
}

// argument is what a call passes, in one lane.
func (d *decoder) argument(o ptx.Operand, size int) func(w *warp, lane int) uint64 {
	if o.Kind == ptx.KindVariable {
		at := int(d.p.places[o.Var])
		return func(w *warp, lane int) uint64 { return get(w.args[lane*w.cta.p.argSize+at:][:size]) }
	}
	s := d.source(o)
	return func(w *warp, lane int) uint64 { return s.get(w)[lane] }
}

// text reads a string up to its zero.
func (w *warp) text(lane int, addr uint64) string {
	var s strings.Builder
	for ; s.Len() < 1<<16; addr++ {
		c := w.bytes(ptx.Generic, lane, addr, 1, read)[0]
		if c == 0 {
			break
		}
		s.WriteByte(c)
	}
	return s.String()
}

// assertFail is called with a condition that does not hold: its text, file, line and function.
func (w *warp) assertFail(lane int, args []uint64) uint64 {
	w.fail(lane, "assertion %s failed, in %s of %s:%d", w.text(lane, args[0]), w.text(lane, args[3]), w.text(lane, args[1]), uint32(args[2]))
	return 0
}

func (w *warp) malloc(lane int, args []uint64) uint64 {
	addr, err := w.cta.run.mem.Alloc(int(min(args[0], math.MaxInt64)))
	if err != nil {
		return 0
	}
	return addr
}

func (w *warp) free(lane int, args []uint64) uint64 {
	if args[0] == 0 {
		return 0
	}
	if err := w.cta.run.mem.Free(args[0]); err != nil {
		w.fail(lane, "%v", err)
	}
	return 0
}

// vprintf writes a line by C's rules. Its arguments lie one after the other at args[1], aligned to their sizes. The result is how many there are.
func (w *warp) vprintf(lane int, args []uint64) uint64 {
	at, n := args[1], uint64(0)
	value := func(size uint64) uint64 {
		at = (at + size - 1) &^ (size - 1)
		x := get(w.bytes(ptx.Generic, lane, at, int(size), read))
		at, n = at+size, n+1
		return x
	}
	var out strings.Builder
	for format := w.text(lane, args[0]); format != ""; {
		literal, rest, found := strings.Cut(format, "%")
		out.WriteString(literal)
		if !found {
			break
		}
		end := strings.IndexAny(rest, "diouxXcsfFeEgGaAp%")
		if end < 0 {
			w.fail(lane, "vprintf: %%%s is no conversion", rest)
		}
		out.WriteString(w.conversion(lane, rest[:end], rest[end], value))
		format = rest[end+1:]
	}
	if p := w.cta.run.o.Print; p != nil {
		fmt.Fprint(p, out.String())
	}
	return n
}

// conversion formats one value of vprintf: flags, width, precision and length, and the letter that ends it.
func (w *warp) conversion(lane int, how string, verb byte, value func(size uint64) uint64) string {
	for strings.Contains(how, "*") {
		how = strings.Replace(how, "*", fmt.Sprint(int32(value(4))), 1)
	}
	flags := "%" + strings.TrimRight(how, "hlLzjt")
	size := uint64(4)
	if strings.ContainsAny(how, "lzjt") {
		size = 8
	}
	switch verb {
	case '%':
		return "%"
	case 'd', 'i':
		return fmt.Sprintf(flags+"d", int64(extend(value(size), int(8*size), true)))
	case 'u':
		return fmt.Sprintf(flags+"d", value(size))
	case 'o', 'x', 'X':
		return fmt.Sprintf(flags+string(verb), value(size))
	case 'c':
		return fmt.Sprintf(flags+"c", rune(byte(value(4))))
	case 's':
		return fmt.Sprintf(flags+"s", w.text(lane, value(8)))
	case 'p':
		return fmt.Sprintf("%#x", value(8))
	case 'a', 'A':
		verb += 'x' - 'a'
	}
	return fmt.Sprintf(flags+string(verb), math.Float64frombits(value(8)))
}
