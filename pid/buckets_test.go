package pid

import (
	"slices"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

// listener is a rank alone that notes what is sent, and whether the backward pass was still going on.
type listener struct {
	Ranks
	first   *autograd.Var // whose gradient comes last
	lengths []int
	early   int
}

func (l *listener) AllReduce(bucket []*tensor.Tensor) {
	n := 0
	for _, t := range bucket {
		n += t.Len()
	}
	l.lengths = append(l.lengths, n)
	if l.first.Grad == nil {
		l.early++
	}
}

// Buckets hold the parameters from the last to the first, as many as fit, and all but the last are on their way before the backward pass ends,
// through checkpoints too.
func TestBuckets(t *testing.T) {
	const n = bucketBytes / 4 / 4 // a quarter of a bucket
	d := tensor.On(kernels.NewCPU(2))
	for _, checkpoint := range []bool{false, true} {
		var params []*autograd.Var
		for range 10 {
			params = append(params, autograd.Param(d.FromFloat32(make([]float32, n), n)))
		}
		unused := autograd.Param(d.FromFloat32([]float32{1}, 1))
		l := &listener{first: params[0]}
		s := newGradientSums(l, slices.Insert(slices.Clone(params), 8, unused))
		for range 2 {
			l.lengths, l.early = nil, 0
			x := autograd.Const(d.FromFloat32(make([]float32, n), n))
			y := autograd.Scope(d, func() *autograd.Var {
				x := x.Add(params[0])
				for _, p := range params[1:] {
					if f := func(in ...*autograd.Var) *autograd.Var { return autograd.SiLU(in[0].Mul(p)) }; checkpoint {
						x = autograd.Checkpoint(f, x)
					} else {
						x = f(x)
					}
				}
				return x
			})
			d.Scope(func() []*tensor.Tensor {
				s.backward(y, d.FromFloat32(make([]float32, n), n))
				return nil
			})
			// The unused one has no gradient and takes its room in the first bucket: 9 and 8, that, 7; then four and four.
			if want := []int{3 * n, 4 * n, 3 * n}; !slices.Equal(l.lengths, want) || l.early != 2 {
				t.Errorf("checkpoint %t: buckets of %v, want %v; %d while the pass went on, want 2", checkpoint, l.lengths, want, l.early)
			}
			for _, p := range params {
				p.ZeroGrad()
			}
		}
		for _, p := range params {
			p.Release()
		}
	}
}
