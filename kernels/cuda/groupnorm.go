package cuda

import (
	"fmt"

	"onestep/kernels"
)

func init() {
	registerTyped(&kernels.GroupNorm, groupNorm, func(a kernels.GroupNormArgs) bool {
		return sameType(a.Y, a.X) && allF32(a.Mean, a.Rstd, a.Add, a.W, a.B, a.Scale, a.Shift)
	})
	registerTyped(&kernels.GroupNormBackward, groupNormBackward, func(a kernels.GroupNormBackwardArgs) bool {
		return sameType(a.DX, a.DY, a.X) && (!a.E.Given() || sameType(a.E, a.X)) && (!a.F.Given() || sameType(a.F, a.X)) &&
			allF32(a.DW, a.DB, a.DAdd, a.DScale, a.DShift, a.Mean, a.Rstd, a.Add, a.W, a.B, a.Scale, a.Shift)
	})
}

func groupNorm(d *Device, a kernels.GroupNormArgs) {
	p := planNorm(d, a.I, a.C, a.G, 1, a.X.Type, aligned(a.Y, a.X))
	d.Launch(p.variant(a.X.Type, a.SiLU).kernel(), Dim{X: a.N * a.C / p.slab}, Dim{X: normThreads}, p.shared,
		append([]Arg{Ptr(a.Y), Ptr(a.Mean), Ptr(a.Rstd), Ptr(a.X), Ptr(a.Add), Ptr(a.W), Ptr(a.B), Ptr(a.Scale), Ptr(a.Shift), I32(a.Stride), F32(a.Eps)},
			p.args(a.I, a.C, a.G)...)...)
}

func groupNormBackward(d *Device, a kernels.GroupNormBackwardArgs) {
	vectors := aligned(a.DX, a.DY, a.X) && alignedPixels(a.E, a.EWidth) && alignedPixels(a.F, a.FWidth)
	p := planNorm(d, a.I, a.C, a.G, 2, a.X.Type, vectors)
	dw, db := d.Scratch(kernels.F32, a.N*a.C), d.Scratch(kernels.F32, a.N*a.C) // (N,C): of each sample
	d.Launch(p.variant(a.X.Type, a.SiLU).backward(), Dim{X: a.N * a.C / p.slab}, Dim{X: normThreads}, p.shared,
		append([]Arg{Ptr(a.DX), Ptr(dw), Ptr(db), Ptr(a.DAdd), Ptr(a.DScale), Ptr(a.DShift), Ptr(a.DY), Ptr(a.X), Ptr(a.Mean), Ptr(a.Rstd),
			Ptr(a.Add), Ptr(a.W), Ptr(a.B), Ptr(a.Scale), Ptr(a.Shift), I32(a.Stride),
			Ptr(a.E), F32(a.EScale), I32(a.EWidth), Ptr(a.F), F32(a.FScale), I32(a.FWidth)}, p.args(a.I, a.C, a.G)...)...)
	d.Launch(groupNormSumKernel(), Dim{X: ceil(a.C, 32), Y: 2}, Dim{X: 32 * normSumWarps}, 0,
		Ptr(a.DW), Ptr(a.DB), Ptr(dw), Ptr(db), I32(a.N), I32(a.C))
	d.Free(dw)
	d.Free(db)
}

// alignedPixels says whether all pixels of an image, which are width elements apart, start at multiples of 16 bytes, if there is an image.
func alignedPixels(x kernels.Buf, width int) bool { return aligned(x) && width*x.Type.Size()%16 == 0 }

// normThreads is the size of the blocks. The vectors of a slab's pixel may be no more, or a thread would have several columns.
const normThreads = 256

// normPlan is how the images of a group norm are cut into blocks.
type normPlan struct {
	width int // elements that a thread handles at a time
	slab  int // channels of a block, whole groups
	cols  int // vectors of a pixel
	rows  int // pixels that the threads handle at a time
	parts int // of the pixels, in the sums by channel
	chunk int // pixels in shared memory at a time
	normLayout
}

// normData is how much of the images a block may have in shared memory, for two blocks to fit a multiprocessor: less than that if they fill
// less, more if a sector of 32 bytes of all pixels is more and the device has it.
const normData = 64 << 10

// planNorm cuts images of the same sizes and type, of which inputs are read, and which allow vectors or not. Slabs are as many groups as make whole
// vectors, better whole sectors, best whole lines of 128 bytes. Neither the batch nor the number of multiprocessors plays a part, so that a
// sample's bits do not depend on them.
func planNorm(d *Device, i, c, g, inputs int, t kernels.DType, vectors bool) normPlan {
	size := t.Size()
	per := c / g
	p := normPlan{width: 16 / size}
	p.slab = lcm(per, p.width)
	if c%p.slab != 0 || !vectors {
		p.width, p.slab = 1, per
	}
	bytes := func(slab int) int { return inputs * i * slab * size }
	most := d.Info().SharedPerBlock
	if sectors := lcm(p.slab, 32/size); c%sectors == 0 && sectors <= normThreads*p.width && p.layout(sectors, inputs, i, size).shared <= most {
		p.slab = sectors
	}
	for slab := 2 * p.slab; slab*size <= 128 && c%slab == 0 && bytes(slab) <= normData; slab *= 2 {
		p.slab = slab
	}
	p.chunk = i
	if p.layout(p.slab, inputs, i, size).shared > most {
		p.chunk = min(i, max(1, normData/(inputs*p.slab*size)))
	}
	p.cols = p.slab / p.width
	if p.cols > normThreads {
		panic(fmt.Errorf("kernels/cuda: groupnorm: groups of %d channels; it is written for %d, or more where they make whole vectors", per, normThreads))
	}
	p.rows = normThreads / p.cols
	p.parts = max(1, normThreads/p.slab)
	p.normLayout = p.layout(p.slab, inputs, p.chunk, size)
	return p
}

// normLayout is where the shared memory of a block has what, in bytes, and in numbers of four bytes. There are the images, then for each of a
// vector's channels the sums by thread, then sums by part and channel, then tables by channel.
type normLayout struct {
	data   int // bytes of an image
	pitch  int // bytes between the sums of all threads of a vector's neighbouring channels
	half   int // numbers between the first and the second halves of vectors in a table, which has the first halves of all before the second
	span   int // numbers from table to table, and from part to part
	sums   int // where the sums by thread begin
	part   int // where the sums by part begin
	table  int // where the tables begin
	shared int // all of it
}

// normSums is how many sums are reduced at a time, at most.
const normSums = 3

// layout is that of a block with so many channels of pixels of the input images. In the sums by thread, 32 lanes with neighbouring columns, channels of
// a vector and parts meet no bank twice. Where both halves of a table would begin in the same bank, they begin in opposite ones.
func (p normPlan) layout(slab, inputs, pixels, size int) (l normLayout) {
	cols, parts := slab/p.width, max(1, normThreads/slab)
	l.data = (pixels*slab*size + 15) &^ 15
	l.pitch = 4 * (normThreads + max(cols, 32/p.width))
	l.half, l.span = 4*cols, slab
	if p.width == 8 && cols%8 == 0 {
		l.half, l.span = l.half+16, l.span+16
	}
	l.sums = inputs * l.data
	l.part = l.sums + p.width*l.pitch
	l.table = l.part + 4*normSums*parts*l.span
	l.shared = l.table + 4*normTables*l.span
	return l
}

// variant is the kernel's.
func (p normPlan) variant(t kernels.DType, silu bool) normVariant {
	return normVariant{chunkOf(t, p.width > 1), silu}
}

// args are the parameters that [normKernel.sizes] asks for, of i pixels, c channels and g groups.
func (p normPlan) args(i, c, g int) []Arg {
	args := append([]Arg{I32(i), I32(c), I32(c / g), I32(p.slab / (c / g))}, divisors(c/p.slab, p.slab, p.cols)...)
	return append(args, I32(p.rows), I32(p.parts), I32(p.chunk), I32((i-1)/p.chunk*p.chunk),
		I32(p.data), I32(p.pitch), I32(p.half), I32(p.span), I32(p.sums), I32(p.part), I32(p.table))
}

// allF32 says whether those of the buffers that are given are float32.
func allF32(bufs ...kernels.Buf) bool {
	for _, b := range bufs {
		if b.Given() && b.Type != kernels.F32 {
			return false
		}
	}
	return true
}

func lcm(a, b int) int {
	g, r := a, b
	for r != 0 {
		g, r = r, g%r
	}
	return a / g * b
}
