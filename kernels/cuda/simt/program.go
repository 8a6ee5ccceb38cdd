package simt

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"onestep/kernels/cuda/ptx"
)

// Program is a kernel ready to run: it and the functions that it calls, decoded into one list of instructions.
type Program struct {
	name, file   string
	code         []*instr
	registers    int
	types        []ptx.Register // by number, for messages
	uppers       map[int]int    // of registers of 128 bits: the number of their upper half
	places       map[*ptx.Variable]uint64
	bases        map[*ptx.Function]int    // of a function's registers
	starts       map[*ptx.Function]int    // of its code
	addressed    map[uint64]*ptx.Function // by their addresses, which registers and memory may hold
	constants    placement
	constant     []byte    // their bytes
	shared       placement // of static variables
	dynamicAt    int       // where dynamic shared memory begins
	dynamic      int       // its alignment
	sharedStates []uint8   // of static shared memory before anything wrote there
	depots       bool      // local memory is a compiler's: without optimisation it reads the word around a bit-field to write that for the first time
	localSize    int       // bytes of a thread: the frames of all functions that may be active at a time
	kernel       *ptx.Function
	frames       map[*ptx.Function]int // bytes of .local variables
	argSize      int                   // bytes of a thread for .param variables of calls
	paramSize    int
	limit        [3]int // .maxntid or .reqntid, or zeros
	exact        bool   // .reqntid
}

// Compile decodes a kernel. Global variables of the module are placed in mem, and stay there.
func Compile(m *ptx.Module, entry string, mem *Memory) (p *Program, err error) {
	f := m.Entry(entry)
	if f == nil {
		return nil, fmt.Errorf("%s: no kernel %s", m.Name, entry)
	}
	p = &Program{
		name: entry, file: m.Name, places: map[*ptx.Variable]uint64{}, bases: map[*ptx.Function]int{}, starts: map[*ptx.Function]int{},
		paramSize: f.ParamSize, limit: f.MaxNTid, kernel: f, frames: map[*ptx.Function]int{}, addressed: addressed(m),
	}
	if f.ReqNTid != [3]int{} {
		p.limit, p.exact = f.ReqNTid, true
	}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case error:
			p, err = nil, e
		default:
			panic(e)
		}
	}()
	functions := p.reachable(f)
	if err := p.place(m, functions, mem); err != nil {
		return nil, err
	}
	at := 0
	for _, g := range functions {
		p.bases[g], p.starts[g] = p.registers, at
		p.registers += len(g.Registers)
		p.types = append(p.types, g.Registers...)
		at += len(g.Body) + 1
	}
	for _, g := range functions {
		d := &decoder{p: p, f: g, base: p.bases[g], swapped: swapped(g)}
		if p.depots {
			d.depot = newDepot(g)
		}
		for i := range g.Body {
			in := d.decode(&g.Body[i])
			in.target += p.starts[g]
			for k := range in.targets {
				in.targets[k] += p.starts[g]
			}
			in.pc = len(p.code)
			if ops := g.Body[i].Operands; len(ops) > 0 {
				in.first = registersOf(ops[0])
			}
			p.code = append(p.code, in)
		}
		last := &ptx.Instruction{Op: "ret", Guard: -1, Line: g.Line}
		p.code = append(p.code, d.decode(last)) // where a body ends without one
	}
	return p, nil
}

// stackBytes is the local memory of a thread where functions call themselves, beyond one frame of each.
const stackBytes = 32 << 10

// recursive says whether a function may be active twice.
func (p *Program) recursive(functions []*ptx.Function) bool {
	for _, f := range functions {
		for i := range f.Body {
			for _, g := range p.callees(&f.Body[i]) {
				if slices.Contains(p.reachable(g), f) {
					return true
				}
			}
		}
	}
	return false
}

// reachable lists a kernel and all functions that it may call.
func (p *Program) reachable(f *ptx.Function) []*ptx.Function {
	list := []*ptx.Function{f}
	for i := 0; i < len(list); i++ {
		for k := range list[i].Body {
			for _, g := range p.callees(&list[i].Body[k]) {
				if !slices.Contains(list, g) {
					list = append(list, g)
				}
			}
		}
	}
	return list
}

// SharedSize is the static shared memory in bytes, LocalSize the local memory of a thread, Threads the most threads of a block (0: not said).
func (p *Program) SharedSize() int { return p.shared.size }
func (p *Program) LocalSize() int  { return p.localSize }
func (p *Program) Threads() int    { return p.limit[0] * p.limit[1] * p.limit[2] }

// reservedShared is the shared memory of a block that is the system's, at its beginning, of kernels that ask where it is.
const reservedShared = 1024

func readsReserved(functions []*ptx.Function) bool {
	for _, f := range functions {
		for _, in := range f.Body {
			for _, o := range in.Operands {
				if o.Kind == ptx.KindSpecial && o.Special >= ptx.ReservedBegin && o.Special <= ptx.Reserved1 {
					return true
				}
			}
		}
	}
	return false
}

// place gives every variable an address within its space.
func (p *Program) place(m *ptx.Module, functions []*ptx.Function, mem *Memory) error {
	vars := slices.Clone(m.Variables)
	fresh := map[*ptx.Variable]bool{} // .global variables that are placed now
	owner := map[*ptx.Variable]*ptx.Function{}
	for _, f := range functions {
		for _, v := range f.Variables {
			owner[v] = f
		}
		vars = append(vars, f.Variables...)
		for _, v := range append(slices.Clone(f.Returns), f.Params...) {
			if v.Space == ptx.Param && !f.Kernel {
				vars = append(vars, v)
			}
		}
	}
	p.dynamic = 16
	p.shared.apart, p.constants.apart = 128, 16 // banks stay as they are
	if readsReserved(functions) {
		p.shared.add("reserved shared memory", reservedShared, 1)
	}
	for _, v := range vars {
		switch v.Space {
		case ptx.Shared:
			if v.Size == 0 {
				p.dynamic = max(p.dynamic, v.Align)
				continue
			}
			p.places[v] = uint64(p.shared.add(v.Name, v.Size, v.Align))
		case ptx.Local:
			p.depots = p.depots || strings.HasPrefix(v.Name, "__local_depot")
			f := owner[v]
			at := roundUp(p.frames[f], v.Align)
			p.places[v] = uint64(at)
			p.frames[f] = roundUp(at+v.Size, 16)
		case ptx.Param:
			p.argSize = roundUp(p.argSize, v.Align)
			p.places[v] = uint64(p.argSize)
			p.argSize += v.Size
		case ptx.Const:
			at := p.constants.add(v.Name, v.Size, v.Align)
			p.places[v] = uint64(at)
			p.constant = append(p.constant, make([]byte, at+v.Size-len(p.constant))...)
			copy(p.constant[at:], v.Init)
		case ptx.Global:
			addr, placed := mem.globals[v] // by another kernel of the module
			if !placed {
				var err error
				if addr, err = mem.Alloc(max(v.Size, 1)); err != nil {
					return err
				}
				mem.globals[v] = addr
				fresh[v] = true
				if err := mem.Write(addr, append(slices.Clone(v.Init), make([]byte, v.Size-len(v.Init))...)); err != nil {
					return err
				}
			}
			p.places[v] = addr
		}
	}
	for _, f := range functions {
		p.localSize += p.frames[f]
	}
	if p.localSize > 0 && p.recursive(functions) {
		p.localSize += stackBytes
	}
	p.dynamicAt = p.shared.next(p.dynamic)
	p.sharedStates = p.shared.states(max(p.dynamicAt, p.shared.end()))
	for _, v := range vars {
		if v.Space == ptx.Shared && v.Size == 0 {
			p.places[v] = uint64(p.dynamicAt)
		}
	}
	for _, v := range vars { // addresses in initial values
		for _, r := range v.Refs {
			var b [8]byte
			var x uint64
			switch {
			case r.Func != nil:
				x = functionAddress(p.addressed, r.Func)
			case r.Generic:
				x = p.address(r.Var) + uint64(r.Offset) + window(r.Var.Space)
			default:
				x = p.address(r.Var) + uint64(r.Offset)
			}
			binary.LittleEndian.PutUint64(b[:], x)
			switch {
			case fresh[v]:
				if err := mem.Write(p.places[v]+uint64(r.At), b[:]); err != nil {
					return err
				}
			case v.Space == ptx.Const:
				copy(p.constant[p.places[v]+uint64(r.At):], b[:])
			}
		}
	}
	return nil
}

// address is where a variable lies in its space; of a kernel's parameter the offset in the block.
func (p *Program) address(v *ptx.Variable) uint64 {
	if at, ok := p.places[v]; ok {
		return at
	}
	return uint64(v.Offset)
}
