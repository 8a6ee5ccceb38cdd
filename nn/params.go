package nn

import (
	"fmt"
	"slices"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

// Params is a network's tensors in the order of the published state dict.
type Params struct {
	List   []*Param
	Device *tensor.Device
	byName map[string]*Param

	constants []*tensor.Tensor // that follow from the configuration, and are in no file
}

// Param is one named tensor of a network: a parameter, or a buffer that is saved but not trained.
type Param struct {
	Name   string
	Shape  []int // as published
	Buffer bool
	Var    *autograd.Var // in the layout of the kernels; nil for a fixed buffer

	layout layout
	init   Init
	fixed  []float32 // of a buffer whose value follows from the configuration
}

// layout maps a published tensor (Out,In,taps) to the kernels' (taps,In,Out'), where output channel o becomes perm[o].
type layout struct {
	out, in, taps int
	perm          []int // nil: as it is
}

// Scope is a place in the tree of names.
type Scope struct {
	params *Params
	prefix string
}

// NewParams starts an empty list, and the scope at its root.
func NewParams(d *tensor.Device) (*Params, Scope) {
	p := &Params{Device: d, byName: map[string]*Param{}}
	return p, Scope{params: p}
}

// In is the scope of a child.
func (s Scope) In(name string) Scope { return Scope{s.params, s.prefix + name + "."} }

func (s Scope) add(p *Param) *Param {
	p.Name = s.prefix + p.Name
	if s.params.byName[p.Name] != nil {
		panic(fmt.Errorf("nn: two tensors named %s", p.Name))
	}
	s.params.List = append(s.params.List, p)
	s.params.byName[p.Name] = p
	return p
}

// Vector declares a parameter of n elements.
func (s Scope) Vector(name string, n int, init Init) *autograd.Var {
	return s.permuted(name, []int{n}, layout{out: n, in: 1, taps: 1}, init)
}

// Linear declares a weight that is published (out,in) and used as (in,out).
func (s Scope) Linear(name string, out, in int, init Init) *autograd.Var {
	return s.permuted(name, []int{out, in}, layout{out: out, in: in, taps: 1}, init)
}

// Conv declares a weight that is published (out,in,k,k) and used as (k,k,in,out). perm may rename its output channels.
func (s Scope) Conv(name string, out, in, k int, perm []int, init Init) *autograd.Var {
	return s.permuted(name, []int{out, in, k, k}, layout{out: out, in: in, taps: k * k, perm: perm}, init)
}

func (s Scope) permuted(name string, published []int, l layout, init Init) *autograd.Var {
	shape := slices.Clone(published)
	switch len(published) {
	case 2:
		shape = []int{l.in, l.out}
	case 4:
		shape = []int{published[2], published[3], l.in, l.out}
	}
	p := &Param{Name: name, Shape: published, layout: l, init: init}
	p.Var = autograd.Param(s.params.Device.New(kernels.F32, shape...))
	return s.add(p).Var
}

// State declares a buffer of n elements that is saved and loaded but not trained.
func (s Scope) State(name string, n int, init Init) *autograd.Var {
	p := &Param{Name: name, Shape: []int{n}, Buffer: true, layout: layout{out: n, in: 1, taps: 1}, init: init}
	p.Var = autograd.Const(s.params.Device.New(kernels.F32, n))
	return s.add(p).Var
}

// Fixed declares a buffer that is saved, but whose value the configuration decides.
func (s Scope) Fixed(name string, shape []int, values []float32) {
	s.add(&Param{Name: name, Shape: shape, Buffer: true, fixed: values})
}

// constant makes a tensor that lives as long as the network, and that no file has.
func (s Scope) constant(x []float32) *tensor.Tensor {
	t := s.params.Device.FromFloat32(x, len(x))
	s.params.constants = append(s.params.constants, t)
	return t
}

// Trained lists the parameters without the buffers, in state-dict order.
func (ps *Params) Trained() []*Param {
	return slices.DeleteFunc(slices.Clone(ps.List), func(p *Param) bool { return p.Buffer })
}

// Vars lists the variables of the parameters, in state-dict order: what an optimiser updates.
func (ps *Params) Vars() []*autograd.Var {
	var vars []*autograd.Var
	for _, p := range ps.Trained() {
		vars = append(vars, p.Var)
	}
	return vars
}

// Tensors lists all of them, in state-dict order.
func (ps *Params) Tensors() []*Param { return ps.List }

// Named finds a tensor, or nil.
func (ps *Params) Named(name string) *Param { return ps.byName[name] }

// Count is the number of trained numbers.
func (ps *Params) Count() int {
	n := 0
	for _, p := range ps.Trained() {
		n += p.Var.Len()
	}
	return n
}

// Freeze turns every parameter into a constant: a teacher.
func (ps *Params) Freeze() {
	for _, p := range ps.List {
		if p.Var != nil {
			p.Var.Freeze()
		}
	}
}

// ZeroGrad drops all gradients.
func (ps *Params) ZeroGrad() {
	for _, p := range ps.Trained() {
		p.Var.ZeroGrad()
	}
}

// Release frees the tensors. The network cannot be used afterwards.
func (ps *Params) Release() {
	for _, p := range ps.List {
		if p.Var != nil {
			p.Var.Release()
		}
	}
	for _, t := range ps.constants {
		t.Release()
	}
}

// CopyFrom sets every tensor to that of a network with the same names and shapes.
func (ps *Params) CopyFrom(from *Params) {
	for _, p := range ps.List {
		if p.Var != nil {
			p.Var.Value.Copy(from.byName[p.Name].Var.Value)
		}
	}
}

// Assign sets the trained parameters to tensors of their shapes and order: a set of averages.
func (ps *Params) Assign(values []*tensor.Tensor) {
	for i, p := range ps.Trained() {
		p.Var.Value.Copy(values[i])
	}
}

// Set gives p values in published order.
func (p *Param) Set(published []float32) {
	if p.Var != nil {
		p.Var.Value.CopyFrom(p.layout.inward(published))
	}
}

// Get returns the values in published order.
func (p *Param) Get() []float32 {
	if p.Var == nil {
		return p.fixed
	}
	return p.Publish(p.Var.Value)
}

// Publish returns a tensor that has p's shape (its gradient, its average) in published order.
func (p *Param) Publish(t *tensor.Tensor) []float32 { return p.layout.outward(t.Float32s()) }

// Adopt sets a tensor that has p's shape from values in published order.
func (p *Param) Adopt(t *tensor.Tensor, published []float32) { t.CopyFrom(p.layout.inward(published)) }

func (l layout) inward(x []float32) []float32 {
	y := make([]float32, len(x))
	l.each(func(published, inside int) { y[inside] = x[published] })
	return y
}

func (l layout) outward(x []float32) []float32 {
	y := make([]float32, len(x))
	l.each(func(published, inside int) { y[published] = x[inside] })
	return y
}

// each calls f with the two indices of every element.
func (l layout) each(f func(published, inside int)) {
	i := 0
	for o := range l.out {
		to := o
		if l.perm != nil {
			to = l.perm[o]
		}
		for c := range l.in {
			for t := range l.taps {
				f(i, (t*l.in+c)*l.out+to)
				i++
			}
		}
	}
}

// Init sets the parameters to their initial values for training from scratch. Every tensor has its own random numbers, keyed by
// its place in the list.
func (ps *Params) Init(r tensor.Random) {
	for i, p := range ps.List {
		if p.Var == nil {
			continue
		}
		x := make([]float32, p.Var.Len())
		p.init(x, func(dst []float32, normal bool) {
			if normal {
				r.Normal(dst, tensor.Init, 0, uint64(i))
			} else {
				r.Uniform(dst, tensor.Init, 0, uint64(i))
			}
		})
		p.Set(x)
	}
}

// Init fills a tensor with initial values, in published order. draw fills a slice with standard normal or uniform numbers in [0,1).
type Init func(dst []float32, draw func(dst []float32, normal bool))

// Constant initialises with one value.
func Constant(v float32) Init {
	return func(dst []float32, _ func([]float32, bool)) {
		for i := range dst {
			dst[i] = v
		}
	}
}

// uniform initialises with numbers in [−a,a).
func uniform(a float64) Init {
	return func(dst []float32, draw func([]float32, bool)) {
		draw(dst, false)
		for i, u := range dst {
			dst[i] = float32(a * (2*float64(u) - 1))
		}
	}
}

// normal initialises with numbers of standard deviation a.
func normal(a float64) Init {
	return func(dst []float32, draw func([]float32, bool)) {
		draw(dst, true)
		for i, u := range dst {
			dst[i] = float32(a * float64(u))
		}
	}
}
