// Package asm writes PTX from Go: a kernel is a function that asks for parameters, registers and instructions, with Go's own loops where
// code is unrolled and [Kernel.For] where the GPU loops, so that a tiled kernel reads as its algorithm.
//
//	k := asm.New("axpy_f32", 256)
//	y, x, a, n := k.Ptr("y"), k.Ptr("x"), k.F32("a"), k.I32("n")
//	i := k.GlobalIndex()
//	k.If(i.Lt(n), func() {
//		at := y.Index(i, 4)
//		k.Store(asm.Global, at, 0, a.FMA(k.Load(asm.Global, asm.F32, x.Index(i, 4), 0), k.Load(asm.Global, asm.F32, at, 0)))
//	})
//	text := k.Text("y = a·x + y")
//
// Arithmetic on floats is the correctly rounded form (.rn), never fused unless FMA is asked for, so that it has the same bits everywhere.
package asm

import (
	"fmt"
	"strings"
)

// Kernel is one kernel being written.
type Kernel struct {
	name    string
	threads int
	blocks  int // .minnctapersm, or 0
	dynamic int // bytes of dynamic shared memory, if fixed; for the reader and for tables of occupancy
	params  []param
	outer   []string // declarations outside the kernel
	shared  []string
	body    []string
	count   map[string]int // registers of each class
	labels  int
	guard   string // "@%p1 " while inside When
}

type param struct {
	t    Type
	name string
}

// New starts a kernel that is launched with at most so many threads a block (.maxntid).
func New(name string, threads int) *Kernel {
	return &Kernel{name: name, threads: threads, count: map[string]int{}}
}

// MinBlocks asks the assembler to keep registers low enough for n blocks on a multiprocessor (.minnctapersm).
func (k *Kernel) MinBlocks(n int) { k.blocks = n }

// DynamicBytes notes that the kernel is always launched with n bytes of dynamic shared memory.
func (k *Kernel) DynamicBytes(n int) { k.dynamic = n }

// Block is the most threads of a block, and what DynamicBytes noted, or 0.
func (k *Kernel) Block() (threads, dynamic int) { return k.threads, k.dynamic }

// Params is the bytes of each parameter, in the order in which they were asked for.
func (k *Kernel) Params() (sizes []int) {
	for _, p := range k.params {
		sizes = append(sizes, p.t.Size())
	}
	return sizes
}

// Text is the kernel as a file that begins with a comment. PTX ISA 7.0 and sm_80 are what the oldest supported driver takes.
func (k *Kernel) Text(about string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(about, "\n") {
		b.WriteString(strings.TrimSpace("// "+line) + "\n")
	}
	b.WriteString("\n.version 7.0\n.target sm_80\n.address_size 64\n")
	for _, d := range k.outer {
		b.WriteString(d)
	}
	b.WriteString("\n")
	if k.dynamic > 0 {
		fmt.Fprintf(&b, "// dynamic shared memory: %d bytes\n", k.dynamic)
	}
	fmt.Fprintf(&b, ".visible .entry %s(\n", k.name)
	for i, p := range k.params {
		comma := ","
		if i == len(k.params)-1 {
			comma = ""
		}
		fmt.Fprintf(&b, "\t.param .%s %s%s\n", p.t, p.name, comma)
	}
	fmt.Fprintf(&b, ")\n.maxntid %d, 1, 1\n", k.threads)
	if k.blocks > 0 {
		fmt.Fprintf(&b, ".minnctapersm %d\n", k.blocks)
	}
	b.WriteString("{\n")
	for _, c := range classes {
		if n := k.count[c.prefix]; n > 0 {
			fmt.Fprintf(&b, "\t.reg .%s %s<%d>;\n", c.decl, c.prefix, n)
		}
	}
	for _, s := range k.shared {
		b.WriteString(s)
	}
	for _, line := range live(k.body) {
		b.WriteString(line)
	}
	b.WriteString("\tret;\n}\n")
	return b.String()
}

// param declares a parameter and loads it.
func (k *Kernel) param(t Type, name string) Reg {
	full := k.name + "_" + name
	k.params = append(k.params, param{t, full})
	r := k.New(t)
	k.Emit("ld.param."+t.String(), r, raw("["+full+"]"))
	return r
}

// Ptr is a parameter that points into global memory. A kernel that is not given the buffer gets 0.
func (k *Kernel) Ptr(name string) Reg {
	p := k.param(U64, name)
	return k.Op("cvta.to.global.u64", U64, p)
}

// I32, U64, F32 and F64 are parameters passed by value.
func (k *Kernel) I32(name string) Reg { return k.param(S32, name) }
func (k *Kernel) U64(name string) Reg { return k.param(U64, name) }
func (k *Kernel) F32(name string) Reg { return k.param(F32, name) }
func (k *Kernel) F64(name string) Reg { return k.param(F64, name) }

// Shared reserves bytes of shared memory, aligned to align, and returns their 32-bit address in shared space.
func (k *Kernel) Shared(name string, bytes, align int) Reg {
	full := k.name + "_" + name
	k.shared = append(k.shared, fmt.Sprintf("\t.shared .align %d .b8 %s[%d];\n", align, full, bytes))
	return k.Op("mov.u32", U32, raw(full))
}

// Dynamic is the 32-bit address of the dynamic shared memory, which the launch sizes, aligned to align (at most 1024).
func (k *Kernel) Dynamic(align int) Reg {
	full := k.name + "_dynamic"
	k.outer = append(k.outer, fmt.Sprintf(".extern .shared .align %d .b8 %s[];\n", align, full))
	return k.Op("mov.u32", U32, raw(full))
}

// raw is operand text that stands as it is.
type raw string
