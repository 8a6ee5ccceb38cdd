package cuda

import (
	"math"

	"onestep/kernels/cuda/asm"
)

var softmaxPTX = &family{name: "softmax", about: `
the cross entropy of logits and a label, y = log(sum of exp(x)) - x[label], and its gradient, dx = dy*(softmax(x) - onehot(label)).
A warp has a sample: lane j the classes j, j+32, ... The row is read two or three times, from the first-level cache after the first. Bytes: N*C and,
for the gradient, 2*N*C times the size of an element. Labels are float32 numbers. Exponentials are within 3 ulp.`}

func init() {
	softmaxPTX.all(func(add func(*Kernel)) {
		for _, t := range floats {
			add(crossEntropyKernel(t))
			add(crossEntropyBackwardKernel(t))
		}
	})
}

func crossEntropyKernel(t asm.Type) *Kernel {
	return softmaxPTX.kernel(typed("cross_entropy", t), 256, func(k *asm.Kernel) { writeCrossEntropy(k, t) })
}

func crossEntropyBackwardKernel(t asm.Type) *Kernel {
	return softmaxPTX.kernel(typed("cross_entropy_backward", t), 256, func(k *asm.Kernel) { writeCrossEntropyBackward(k, t) })
}

// logits is a warp's row.
type logits struct {
	*asm.Kernel
	t          asm.Type
	x          asm.Reg // its start
	c, n, lane asm.Reg
	label      asm.Reg
}

func newLogits(k *asm.Kernel, t asm.Type, x, labels asm.Reg) *logits {
	r := &logits{Kernel: k, t: t}
	rows := k.I32("n")
	r.c = k.I32("c")
	r.n = k.CTAID().FMA(8, k.Warp())
	k.Exit(r.n.Ge(rows))
	r.lane = k.Lane()
	r.x = r.row(x)
	r.label = k.Load(asm.Global, asm.F32, labels.Index(r.n, 4), 0).To(asm.S32)
	return r
}

// row is where the warp's row of a matrix like x starts.
func (r *logits) row(p asm.Reg) asm.Reg {
	return p.Add(r.n.MulWide(r.c.Mul(r.t.Size())).As(asm.U64))
}

func (r *logits) at(i asm.Reg) asm.Reg {
	return loadFloats(r.Kernel, asm.Global, r.t, 1, r.x.Index(i, r.t.Size()), 0)[0]
}

// sums are the row's maximum and the sum of exp(x − top).
func (r *logits) sums() (top, sum asm.Reg) {
	most := r.Var(asm.F32, math.Inf(-1))
	r.For(r.lane, r.c, 32, func(i asm.Reg) { most.Set(most.Max(r.at(i))) })
	top = most.WarpReduce(func(a, b asm.Reg) asm.Reg { return a.Max(b) })
	part := r.Var(asm.F32, 0)
	r.For(r.lane, r.c, 32, func(i asm.Reg) { part.Set(part.Add(expAny(r.at(i).Sub(top)))) })
	return top, total(part)
}

func writeCrossEntropy(k *asm.Kernel, t asm.Type) {
	y, x, labels := k.Ptr("y"), k.Ptr("x"), k.Ptr("labels")
	r := newLogits(k, t, x, labels)
	top, sum := r.sums()
	k.Exit(r.lane.Ne(0))
	k.Store(asm.Global, y.Index(r.n, 4), 0, sum.Lg2().FMA(math.Ln2, top.Sub(r.at(r.label))))
}

func writeCrossEntropyBackward(k *asm.Kernel, t asm.Type) {
	dx, dy, x, labels := k.Ptr("dx"), k.Ptr("dy"), k.Ptr("x"), k.Ptr("labels")
	r := newLogits(k, t, x, labels)
	top, sum := r.sums()
	inverse := sum.Rcp()
	g := k.Load(asm.Global, asm.F32, dy.Index(r.n, 4), 0)
	to := r.row(dx)
	k.For(r.lane, r.c, 32, func(i asm.Reg) {
		p := expAny(r.at(i).Sub(top)).Mul(inverse)
		here := i.Eq(r.label).Select(asm.F32, 1, 0)
		storeFloats(k, asm.Global, t, to.Index(i, t.Size()), 0, []asm.Reg{p.Sub(here).Mul(g)})
	})
}
