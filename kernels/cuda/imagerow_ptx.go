package cuda

import (
	"fmt"

	"onestep/kernels"
	"onestep/kernels/cuda/asm"
)

// imageRow is the place of a thread in the images that a kernel writes: row h of image n, pixel w, and of its channels the chunk u. Grid
// (images·rows, parts of a row); neighbouring threads have neighbouring chunks.
type imageRow struct {
	*asm.Kernel
	rows, chunks divider // of an image, of a pixel
	count        asm.Reg // chunks of a row
	n, h, w, u   asm.Reg
}

// newImageRow declares the parameters rows, chunks and count, and finds the place.
func newImageRow(k *asm.Kernel) *imageRow {
	r := &imageRow{Kernel: k, rows: newDivider(k, "rows"), chunks: newDivider(k, "chunks"), count: k.I32("count")}
	r.n, r.h = r.rows.split(k.CTAID())
	return r
}

// each runs f in the threads that have a chunk.
func (r *imageRow) each(f func()) {
	t := r.CTAIDY().FMA(r.NTID(), r.TID())
	r.If(t.Lt(r.count), func() {
		r.w, r.u = r.chunks.split(t)
		f()
	})
}

// chunk is channels as a thread has them: width neighbouring elements of type t.
type chunk struct {
	t     asm.Type
	width int
}

// widths are those of the kernel for aligned buffers and of the one named _any.
func widths(t asm.Type) []chunk { return []chunk{{t, 16 / t.Size()}, {t, 1}} }

// chunkOf is the one of a launch: vectors, or single elements.
func chunkOf(t kernels.DType, vectors bool) chunk {
	c := widths(typesOf(kernels.Buf{Type: t})[0])
	if vectors {
		return c[0]
	}
	return c[1]
}

func (c chunk) suffix() string {
	if c.width == 1 {
		return "_" + c.t.String() + "_any"
	}
	return "_" + c.t.String()
}

func (c chunk) bytes() int { return c.width * c.t.Size() }

func (c chunk) load(k *asm.Kernel, addr asm.Reg) []asm.Reg {
	return loadFloats(k, asm.Global, c.t, c.width, addr, 0)
}

// loadIf reads a chunk where p holds; elsewhere it is zero.
func (c chunk) loadIf(k *asm.Kernel, p, addr asm.Reg) []asm.Reg {
	return c.floats(k, c.wordsIf(k, p, addr))
}

// wordsIf is loadIf as it lies in memory: what waits for it can be put off.
func (c chunk) wordsIf(k *asm.Kernel, p, addr asm.Reg) []asm.Reg {
	memory, n := c.t, c.width
	switch {
	case c.t == asm.F16 && n > 1:
		memory, n = asm.B32, n/2
	case c.t == asm.F16:
		memory = asm.B16
	}
	words := make([]asm.Reg, n)
	for i := range words {
		words[i] = k.Var(memory, 0)
	}
	k.When(p, func() {
		if n > 1 {
			k.Emit(fmt.Sprintf("ld.global.v%d.%s", n, memory), words, asm.Addr{Base: addr})
		} else {
			k.Emit("ld.global."+memory.String(), words[0], asm.Addr{Base: addr})
		}
	})
	return words
}

// floats are words as float32.
func (c chunk) floats(k *asm.Kernel, words []asm.Reg) []asm.Reg {
	switch {
	case c.t == asm.F32:
		return words
	case c.width == 1:
		return []asm.Reg{words[0].As(asm.F16).To(asm.F32)}
	}
	var xs []asm.Reg
	for _, w := range words {
		lo, hi := k.Unpack(w)
		xs = append(xs, lo, hi)
	}
	return xs
}

func (c chunk) store(k *asm.Kernel, addr asm.Reg, xs []asm.Reg) {
	storeFloats(k, asm.Global, c.t, addr, 0, xs)
}
