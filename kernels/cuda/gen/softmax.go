package main

import (
	"math"

	"onestep/kernels/cuda/ptx/build"
)

func init() { files["softmax.ptx"] = softmax }

func softmax() *build.File {
	f := build.NewFile(`softmax.ptx: the cross entropy of logits and a label, y = log(sum of exp(x)) - x[label], and its gradient, dx = dy*(softmax(x) - onehot(label)).
A warp has a sample: lane j the classes j, j+32, ... The row is read two or three times, from the first-level cache after the first. Bytes: N*C and,
for the gradient, 2*N*C times the size of an element. Labels are float32 numbers. Exponentials are within 3 ulp.`)
	for _, t := range []build.Type{build.F32, build.F16} {
		crossEntropy(f, t)
		crossEntropyBackward(f, t)
	}
	return f
}

// logits is a warp's row.
type logits struct {
	*build.Kernel
	t          build.Type
	x          build.Reg // its start
	c, n, lane build.Reg
	label      build.Reg
}

func newLogits(k *build.Kernel, t build.Type, x, labels build.Reg) *logits {
	r := &logits{Kernel: k, t: t}
	rows := k.I32("n")
	r.c = k.I32("c")
	r.n = k.CTAID().FMA(8, k.Warp())
	k.Exit(r.n.Ge(rows))
	r.lane = k.Lane()
	r.x = r.row(x)
	r.label = k.Load(build.Global, build.F32, labels.Index(r.n, 4), 0).To(build.S32)
	return r
}

// row is where the warp's row of a matrix like x starts.
func (r *logits) row(p build.Reg) build.Reg {
	return p.Add(r.n.MulWide(r.c.Mul(r.t.Size())).As(build.U64))
}

func (r *logits) at(i build.Reg) build.Reg {
	return loadFloats(r.Kernel, build.Global, r.t, 1, r.x.Index(i, r.t.Size()), 0)[0]
}

// sums are the row's maximum and the sum of exp(x − top).
func (r *logits) sums() (top, sum build.Reg) {
	most := r.Var(build.F32, math.Inf(-1))
	r.For(r.lane, r.c, 32, func(i build.Reg) { most.Set(most.Max(r.at(i))) })
	top = most.WarpReduce(func(a, b build.Reg) build.Reg { return a.Max(b) })
	part := r.Var(build.F32, 0)
	r.For(r.lane, r.c, 32, func(i build.Reg) { part.Set(part.Add(expAny(r.at(i).Sub(top)))) })
	return top, total(part)
}

func crossEntropy(f *build.File, t build.Type) {
	k := f.Kernel("cross_entropy_"+t.String(), 256)
	y, x, labels := k.Ptr("y"), k.Ptr("x"), k.Ptr("labels")
	r := newLogits(k, t, x, labels)
	top, sum := r.sums()
	k.Exit(r.lane.Ne(0))
	k.Store(build.Global, y.Index(r.n, 4), 0, sum.Lg2().FMA(math.Ln2, top.Sub(r.at(r.label))))
}

func crossEntropyBackward(f *build.File, t build.Type) {
	k := f.Kernel("cross_entropy_backward_"+t.String(), 256)
	dx, dy, x, labels := k.Ptr("dx"), k.Ptr("dy"), k.Ptr("x"), k.Ptr("labels")
	r := newLogits(k, t, x, labels)
	top, sum := r.sums()
	inverse := sum.Rcp()
	g := k.Load(build.Global, build.F32, dy.Index(r.n, 4), 0)
	to := r.row(dx)
	k.For(r.lane, r.c, 32, func(i build.Reg) {
		p := expAny(r.at(i).Sub(top)).Mul(inverse)
		here := i.Eq(r.label).Select(build.F32, 1, 0)
		storeFloats(k, build.Global, t, to.Index(i, t.Size()), 0, []build.Reg{p.Sub(here).Mul(g)})
	})
}
