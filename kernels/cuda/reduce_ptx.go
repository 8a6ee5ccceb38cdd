package cuda

import "onestep/kernels/cuda/asm"

var reducePTX = &family{name: "reduce", part: "optimiser", about: `
the sum of squares of all elements of many buffers, in float64.
A block has 4096 elements of one buffer: a thread adds its own in order, 16 bytes at a time where the buffer is aligned, then the block in a
fixed tree, into part[block]. Then one block adds the parts, a thread every 1024th in order, then all in a fixed tree.
Bytes an element: 4. The squares are exact; sums are rounded to float64.`}

func init() {
	reducePTX.all(func(add func(*Kernel)) {
		add(squaredNormKernel())
		add(squaredNormSumKernel())
	})
}

func squaredNormKernel() *Kernel { return reducePTX.kernel("squared_norm_f32", 256, writeSquaredNorm) }

func squaredNormSumKernel() *Kernel {
	return reducePTX.kernel("squared_norm_sum", 1024, writeSquaredNormSum)
}

func writeSquaredNorm(k *asm.Kernel) {
	t, part := newTablePlace(k), k.Ptr("part")
	x := t.buffer(0)
	sum := k.Var(asm.F64, 0)
	t.each(func(e asm.Reg, width int) {
		for _, v := range loadFloats(k, asm.Global, asm.F32, width, x.Index(e, 4), 0) {
			w := v.To(asm.F64)
			sum.Set(w.FMA(w, sum))
		}
	})
	total := blockSum64(k, sum, 8)
	k.If(k.TID().Eq(0), func() { k.Store(asm.Global, part.Index(k.CTAID(), 8), 0, total) })
}

func writeSquaredNormSum(k *asm.Kernel) {
	y, part, n := k.Ptr("y"), k.Ptr("part"), k.I32("n")
	sum := k.Var(asm.F64, 0)
	k.For(k.TID(), n, 1024, func(i asm.Reg) {
		sum.Set(sum.Add(k.Load(asm.Global, asm.F64, part.Index(i, 8), 0)))
	})
	total := blockSum64(k, sum, 32)
	k.If(k.TID().Eq(0), func() { storeWord64(k, y, 0, total) })
}

// blockSum64 adds a float64 over a block of so many warps in a fixed order. The threads of the first warp have the result.
func blockSum64(k *asm.Kernel, x asm.Reg, warps int) asm.Reg {
	shared := k.Shared("warps", 8*warps, 16)
	x = warpSum64(k, x)
	k.If(k.Lane().Eq(0), func() { k.Store(asm.Shared, shared.Index(k.Warp(), 8), 0, x) })
	k.Barrier()
	total := k.Var(asm.F64, 0)
	k.If(k.Warp().Eq(0), func() {
		k.When(k.Lane().Lt(warps), func() {
			k.Emit("ld.shared.f64", total, asm.Addr{Base: shared.Index(k.Lane(), 8)})
		})
		total.Set(warpSum64(k, total))
	})
	return total
}
