package kernels

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"
)

// Op is one operation: a name, its specification, and the implementations that have registered. A is its argument
// struct: buffers (outputs tagged `kernel:"out"`, or `kernel:"out gaps"` if some elements may stay as they are; updated ones
// `kernel:"inout"`), sizes and settings.
type Op[A any] struct {
	Name string
	Ref  func(*CPU, A) // the plain loop that defines the operation, on the host
	Half bool          // Ref handles F16 buffers itself
	MACs func(A) int   // multiply-adds of products, for plans; nil: none

	state *opState[A] // nil: no implementations
}

// opState is what all copies of an Op share.
type opState[A any] struct {
	impls []Impl[A]
	bufs  []bufField
}

func newOpState[A any]() *opState[A] { return &opState[A]{bufs: bufFields(reflect.TypeFor[A]())} }

// Operation is an [Op] of any arguments.
type Operation interface {
	fmt.Stringer                                                  // its name
	Implementations() []string                                    // see [Op.Implementations]
	Delegate(kind string, run func(d Device, do func(on Device))) // see [Op.Delegate]
}

var operations []Operation

// Operations lists the operations of this package.
func Operations() []Operation { return slices.Clone(operations) }

// define puts an operation on the list of [Operations]. All operations of this package are made by it.
func define[A any](o Op[A]) Op[A] {
	o.state = newOpState[A]()
	operations = append(operations, &o)
	return o
}

// Impl is one implementation of an operation.
type Impl[A any] struct {
	Kind string            // the kind of device it runs on: "cpu", …
	ISA  ISA               // on the CPU: what the processor must have
	Half bool              // it handles F16 buffers itself
	Fits func(A) bool      // which arguments it takes; nil: all
	Run  func(Device, A)   // for other kinds of device
	CPU  func(d *CPU, a A) // for Kind "cpu"
}

type bufField struct {
	offset  uintptr
	out, in bool
}

// Register adds an implementation. It is called from init functions only; where several fit, the one with the highest ISA
// wins, and among equals the one registered last.
func (o *Op[A]) Register(im Impl[A]) {
	if o.state == nil { // an Op that is none of this package, in a test
		o.state = newOpState[A]()
	}
	at := len(o.state.impls)
	for at > 0 && o.state.impls[at-1].ISA > im.ISA {
		at--
	}
	o.state.impls = slices.Insert(o.state.impls, at, im)
}

// Delegate adds an implementation for a kind of device that passes operations on to another: run is to call do with that one, now or later.
func (o *Op[A]) Delegate(kind string, run func(d Device, do func(on Device))) {
	o.Register(Impl[A]{Kind: kind, Half: true, Run: func(d Device, a A) { run(d, func(on Device) { o.Run(on, a) }) }})
}

// Run does the operation on a device. On the CPU it falls back to Ref; another device that lacks the operation panics with
// its name, since silently copying to the host would hide a hole.
func (o *Op[A]) Run(d Device, a A) {
	d = d.Self()
	cpu, host := d.(*CPU)
	if host && cpu.dry != nil {
		defer cpu.dry.note(o.work(a))()
	}
	for i := len(o.implementations()) - 1; i >= 0; i-- {
		im := &o.state.impls[i]
		if im.Kind != d.Kind() || host && im.ISA > cpu.ISA() || im.Fits != nil && !im.Fits(a) {
			continue
		}
		if host {
			o.call(d, func(_ Device, a A) { im.CPU(cpu, a) }, im.Half, a)
		} else {
			o.call(d, im.Run, im.Half, a)
		}
		return
	}
	if !host {
		panic(fmt.Errorf("kernels: %s has no implementation for %s", d.Name(), o.Name))
	}
	o.call(d, func(_ Device, a A) { o.Ref(cpu, a) }, o.Half, a)
}

// call calls run, on float32 copies of any half buffers if run does not take them itself. The copies are made on the device.
func (o *Op[A]) call(d Device, run func(Device, A), half bool, a A) {
	if half || !anyHalf(o.fields(), &a) {
		run(d, a)
		return
	}
	type copied struct {
		half, full Buf
		out        bool
	}
	var copies []copied
	for _, f := range o.fields() {
		b := (*Buf)(unsafe.Add(unsafe.Pointer(&a), f.offset))
		if b.Type != F16 || !b.Given() {
			continue
		}
		full := d.Alloc(F32, b.Len)
		if f.in {
			Cast.Run(d, CastArgs{Y: full, X: *b, N: b.Len})
		}
		copies = append(copies, copied{*b, full, f.out})
		*b = full
	}
	run(d, a)
	for _, k := range copies {
		if k.out {
			Cast.Run(d, CastArgs{Y: k.half, X: k.full, N: k.half.Len})
		}
		d.Free(k.full)
	}
}

// implementations are those that have registered, the best last.
func (o *Op[A]) implementations() []Impl[A] {
	if o.state == nil {
		return nil
	}
	return o.state.impls
}

// fields are the buffers among the arguments.
func (o *Op[A]) fields() []bufField {
	if o.state == nil {
		return bufFields(reflect.TypeFor[A]())
	}
	return o.state.bufs
}

// anyHalf tells whether one of the buffers in a is F16.
func anyHalf[A any](fields []bufField, a *A) bool {
	for _, f := range fields {
		b := (*Buf)(unsafe.Add(unsafe.Pointer(a), f.offset))
		if b.Type == F16 && b.Given() {
			return true
		}
	}
	return false
}

// bufFields lists the buffers of an argument struct; embedded structs are sizes and hold none.
func bufFields(t reflect.Type) []bufField {
	var fs []bufField
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type != reflect.TypeFor[Buf]() {
			continue
		}
		tag := f.Tag.Get("kernel")
		fs = append(fs, bufField{offset: f.Offset, out: tag != "", in: tag != "out"})
	}
	return fs
}

// Implementations names what could run the operation on the CPU, Ref included, for tests and listings.
func (o *Op[A]) Implementations() []string {
	names := []string{"cpu/" + Generic.String()}
	for _, im := range o.implementations() {
		if im.Kind == "cpu" {
			names = append(names, "cpu/"+im.ISA.String())
		} else {
			names = append(names, im.Kind)
		}
	}
	return names
}

// String is the name.
func (o *Op[A]) String() string { return o.Name }
