package cuda

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"onestep/kernels"
	"onestep/kernels/cuda/asm"
)

// Kernel is a GPU kernel. Its PTX is written when it is first asked for, by a device that launches it or by a reader, and kept.
type Kernel struct {
	Name   string // of the entry
	Family string // the files x.go and x_ptx.go that it comes from: x
	Part   string // of a training step that it belongs to, for accounts of one; or nothing
	ptx    func() PTX
}

// PTX is a kernel's text, and what the host must know of it.
type PTX struct {
	Text    string
	Params  []int // bytes of each parameter
	Threads int   // most of a block
	Dynamic int   // bytes of dynamic shared memory, where they are the same in every launch; else 0
}

// PTX is the kernel as it is launched.
func (k *Kernel) PTX() PTX { return k.ptx() }

// family is the kernels of a file x_ptx.go: those that an operation chooses from.
type family struct {
	name  string // x
	part  string // of a training step that the kernels belong to, unless they say another; or nothing
	about string // what each kernel's text begins with: what it computes, its grid, its bytes and its error

	list  func(add func(*Kernel))
	mu    sync.Mutex
	known map[string]*Kernel // those that were asked for
}

// families are all families, which init functions add.
var families []*family

// all registers the family. list adds every kernel that may be launched, in the order in which they are shown.
func (f *family) all(list func(add func(*Kernel))) {
	f.list = list
	families = append(families, f)
	slices.SortFunc(families, func(a, b *family) int { return strings.Compare(a.name, b.name) })
}

// kernel is the family's kernel of a name, for blocks of at most so many threads. write is called when its text is first asked for.
func (f *family) kernel(name string, threads int, write func(k *asm.Kernel)) *Kernel {
	return f.kernelOf(f.part, name, threads, write)
}

// kernelOf is kernel where the part of a training step is not the family's.
func (f *family) kernelOf(part, name string, threads int, write func(k *asm.Kernel)) *Kernel {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := f.known[name]
	if k == nil {
		if f.known == nil {
			f.known = map[string]*Kernel{}
		}
		k = &Kernel{Name: name, Family: f.name, Part: part, ptx: sync.OnceValue(func() PTX {
			k := asm.New(name, threads)
			write(k)
			most, dynamic := k.Block()
			return PTX{Text: k.Text(f.name + ": " + strings.TrimSpace(f.about)), Params: k.Params(), Threads: most, Dynamic: dynamic}
		})}
		f.known[name] = k
	}
	return k
}

// kernels are all of the family.
func (f *family) kernels() (list []*Kernel) {
	f.list(func(k *Kernel) { list = append(list, k) })
	return list
}

// Kernels are all kernels that operations launch, family by family.
func Kernels() (list []*Kernel) {
	for _, f := range families {
		list = append(list, f.kernels()...)
	}
	return list
}

// typed is a name with its types behind it: name_f32_f16, or name_f16 if all are that.
func typed(name string, types ...asm.Type) string {
	if len(slices.Compact(slices.Clone(types))) == 1 {
		types = types[:1]
	}
	for _, t := range types {
		name += "_" + t.String()
	}
	return name
}

// typesOf are the types of buffers' elements, as registers have them.
func typesOf(bufs ...kernels.Buf) []asm.Type {
	types := make([]asm.Type, len(bufs))
	for i, b := range bufs {
		switch b.Type {
		case kernels.F32:
			types[i] = asm.F32
		case kernels.F16:
			types[i] = asm.F16
		default:
			panic(fmt.Errorf("kernels/cuda: elements of type %v", b.Type))
		}
	}
	return types
}

// floats are the types of elements that most kernels are written for.
var floats = []asm.Type{asm.F32, asm.F16}
