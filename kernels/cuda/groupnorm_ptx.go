package cuda

import "onestep/kernels/cuda/asm"

var groupNormPTX = &family{name: "groupnorm", part: "group norm", about: `
group normalisation with addend, scale, shift and SiLU, and its gradient.
A block of 256 threads has a slab of whole groups of one sample: cols vectors of 16 bytes at each of I pixels. Thread t has the vectors of column
t % cols at the pixels t/cols, t/cols + rows, ... and copies them to its own slots in shared memory, where they stay if all pixels of the slab fit:
then x is read once, y written once. A larger slab goes through in chunks that are read again for the last step, the last chunk first.
Statistics: the mean of the first chunk, then sum and squares of the deviations from it. Sums over pixels have a fixed order: a thread's pixels,
threads of the same column, channels of the group. Kernels named _1 have one element in place of a vector.`}

func init() {
	groupNormPTX.all(func(add func(*Kernel)) {
		for _, t := range floats {
			for _, c := range widths(t) {
				for _, silu := range []bool{false, true} {
					v := normVariant{chunk: c, silu: silu}
					add(v.kernel())
					add(v.backward())
				}
			}
		}
		add(groupNormSumKernel())
	})
}

// normVariant is which kernel it is: for vectors, or for single elements, of a type, with SiLU or without.
type normVariant struct {
	chunk
	silu bool
}

func (v normVariant) kernel() *Kernel {
	return groupNormPTX.kernel("groupnorm_"+v.String(), normThreads, func(k *asm.Kernel) { writeGroupNorm(k, v) })
}

func (v normVariant) backward() *Kernel {
	return groupNormPTX.kernel("groupnorm_backward_"+v.String(), normThreads, func(k *asm.Kernel) { writeGroupNormBackward(k, v) })
}

// String is the end of the kernels' names.
func (v normVariant) String() string {
	name := v.t.String()
	if v.silu {
		name += "_silu"
	}
	if v.width == 1 {
		name += "_1"
	}
	return name
}

func groupNormSumKernel() *Kernel {
	return groupNormPTX.kernel("groupnorm_sum", 32*normSumWarps, writeGroupNormSum)
}

// The tables by channel of a slab. The deviation of v = x + add from a mean m is x − hi − lo, where hi + lo = m − add; z = (x−hi)·gain + bias is
// what the activation is applied to, and dx = g·gain + (x−hi)·slope + level.
const (
	tableHi = iota
	tableLo
	tableGain
	tableBias
	tableSlope
	tableLevel
	normTables // how many there are

	tableMean = tableSlope // of the first chunk, by group; forward has no slope
)

func writeGroupNorm(kernel *asm.Kernel, v normVariant) {
	k := &normKernel{Kernel: kernel, normVariant: v}
	y, mean, rstd, x, add := k.Ptr("y"), k.Ptr("mean"), k.Ptr("rstd"), k.Ptr("x"), k.Ptr("add")
	w, b, scale, shift, stride, eps := k.Ptr("w"), k.Ptr("b"), k.Ptr("scale"), k.Ptr("shift"), k.I32("stride"), k.F32("eps")
	k.sizes()
	k.place(x)

	k.Comment("the mean of the first chunk")
	first := k.Const(asm.S32, 0)
	k.load(first)
	k.arrive()
	sums := k.zeros()
	k.pixels(first, func(_, slot asm.Reg) {
		for j, v := range k.vector(0, slot) {
			sums[j].Set(sums[j].Add(v))
		}
	})
	k.reduce(sums)
	pixels := k.i.Min(k.chunk).To(asm.F32)
	per := k.per.To(asm.F32)
	addend := func(channel asm.Reg) asm.Reg { return k.optional(add, k.n.FMA(k.c, channel)) }
	k.groups(func(group asm.Reg) {
		sum := k.Var(asm.F32, 0)
		k.channels(group, func(local, channel asm.Reg) {
			sum.Set(sum.Add(addend(channel).FMA(pixels, k.sum(0, local))))
		})
		m := total(sum).Div(pixels.Mul(per))
		k.channels(group, func(local, channel asm.Reg) {
			hi, lo := difference(m, addend(channel))
			k.set(tableHi, local, hi)
			k.set(tableLo, local, lo)
		})
		k.If(k.Lane().Eq(0), func() { k.set(tableMean, group, m) })
	})
	k.Barrier()

	k.Comment("sum and squares of the deviations from it")
	hi := k.constants(tableHi)
	sums, squares := k.zeros(), k.zeros()
	k.chunks(func(start asm.Reg) {
		k.pixels(start, func(_, slot asm.Reg) {
			for j, v := range k.vector(0, slot) {
				d := v.Sub(hi[j])
				sums[j].Set(sums[j].Add(d))
				squares[j].Set(d.FMA(d, squares[j]))
			}
		})
	})
	k.reduce(sums, squares)
	all := k.i.To(asm.F32)
	k.groups(func(group asm.Reg) {
		sum, square := k.Var(asm.F32, 0), k.Var(asm.F32, 0)
		k.channels(group, func(local, channel asm.Reg) {
			lo := k.get(tableLo, local)
			raw := k.sum(0, local)
			s := lo.Neg().FMA(all, raw) // of x − hi − lo
			sum.Set(sum.Add(s))
			square.Set(square.Add(lo.Neg().FMA(raw.Add(s), k.sum(1, local))))
		})
		count := all.Mul(per)
		delta := total(sum).Div(count)
		variance := delta.Neg().FMA(delta, total(square).Div(count)).Max(0)
		r := variance.Add(eps).Sqrt().Rcp()
		k.If(k.Lane().Eq(0), func() {
			k.Store(asm.Global, k.statistic(mean, group), 0, k.get(tableMean, group).Add(delta))
			k.Store(asm.Global, k.statistic(rstd, group), 0, r)
		})
		k.channels(group, func(local, channel asm.Reg) {
			gain, bias := k.affine(channel, w, b, scale, shift, stride)
			gain = gain.Mul(r)
			k.set(tableGain, local, gain)
			k.set(tableBias, local, k.get(tableLo, local).Add(delta).Neg().FMA(gain, bias))
		})
	})
	k.Barrier()

	k.Comment("y")
	gain, bias := k.constants(tableGain), k.constants(tableBias)
	to := k.image(y, x)
	k.again(func(start asm.Reg) {
		k.pixels(start, func(global, slot asm.Reg) {
			xs := k.vector(0, slot)
			for j := range xs {
				z := xs[j].Sub(hi[j]).FMA(gain[j], bias[j])
				if v.silu {
					z = z.Mul(sigmoid(z, v.t))
				}
				xs[j] = z
			}
			storeFloats(k.Kernel, asm.Global, v.t, to.Add(global), 0, xs)
		})
	})
}

// affine is the map from h to z, z = h·gain + bias = (h·w + b)·(1 + scale) + shift, of a channel.
func (k *normKernel) affine(channel, w, b, scale, shift, stride asm.Reg) (gain, bias asm.Reg) {
	at := k.n.FMA(stride, channel)
	factor := k.optional(scale, at).Add(1)
	gain = k.Load(asm.Global, asm.F32, w.Index(channel, 4), 0).Mul(factor)
	bias = k.Load(asm.Global, asm.F32, b.Index(channel, 4), 0).FMA(factor, k.optional(shift, at))
	return gain, bias
}

// difference is a − b as the sum of two float32 numbers (Knuth's TwoDiff).
func difference(a, b asm.Reg) (hi, lo asm.Reg) {
	hi = a.Sub(b)
	bb := hi.Sub(a)
	lo = a.Sub(hi.Sub(bb)).Sub(b.Add(bb))
	return hi, lo
}
