package pid

import (
	"slices"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/nn"
	"onestep/tensor"
)

// In the student's backward pass the buckets' order is about that of the gradients: half of them are on their way before half of the gradients
// are complete, and all but a few before the pass ends.
func TestBucketsOfUNet(t *testing.T) {
	d := tensor.On(kernels.NewCPU(2))
	c := nn.SongDefaults()
	c.Resolution, c.InChannels, c.OutChannels, c.ModelChannels, c.ChannelMult, c.NumBlocks, c.AttnResolutions = 8, 1, 1, 8, []int{1, 2}, 2, []int{4}
	for _, recompute := range []bool{false, true} {
		net, err := nn.NewUNet(d, c)
		if err != nil {
			t.Fatal(err)
		}
		net.Init(tensor.Random{Seed: 5})
		net.Recompute = recompute
		params := net.Vars()
		l := &listener{first: params[0]}
		s := newGradientSums(l, params, 4<<10)
		var left []int // gradients that were not complete when a bucket was sent
		l.sent = func() {
			n := 0
			for _, k := range s.left {
				n += k
			}
			left = append(left, n)
		}
		d.Scope(func() []*tensor.Tensor {
			student := NewStudent(net)
			x := student.At(autograd.Const(d.FromFloat32(make([]float32, 64), 1, 8, 8, 1)), []float64{3}, nil)
			s.backward(x, d.FromFloat32(make([]float32, 64), 1, 8, 8, 1))
			return nil
		})
		end := len(left)
		for end > 0 && left[end-1] == 0 {
			end--
		}
		t.Logf("recompute %t: of %d buckets %d are sent with the last gradient; left before each: %v", recompute, len(left), len(left)-end, left)
		if len(left) != len(s.buckets) || len(left)-end > 1+len(left)/8 || left[len(left)/2] < len(params)/3 {
			t.Errorf("recompute %t: the sums begin late", recompute)
		}
	}
}

// listener is a rank alone that notes what is sent, and whether the backward pass was still going on.
type listener struct {
	Ranks
	first   *autograd.Var // whose gradient comes last
	lengths []int
	early   int
	sent    func() // called for each bucket, if there is one
}

func (l *listener) AllReduce(bucket []*tensor.Tensor) {
	n := 0
	for _, t := range bucket {
		n += t.Len()
	}
	l.lengths = append(l.lengths, n)
	if l.sent != nil {
		l.sent()
	}
	if l.first.Grad == nil {
		l.early++
	}
}

// Buckets hold the parameters from the last to the first, as many as fit, and all but the last are on their way before the backward pass ends,
// through blocks that are computed again, too.
func TestBuckets(t *testing.T) {
	const n = 10 // a quarter of a bucket of 160 bytes
	d := tensor.On(kernels.NewCPU(2))
	for _, recompute := range []bool{false, true} {
		var params []*autograd.Var
		for range 10 {
			params = append(params, autograd.Param(d.FromFloat32(make([]float32, n), n)))
		}
		unused := autograd.Param(d.FromFloat32([]float32{1}, 1))
		l := &listener{first: params[0]}
		s := newGradientSums(l, slices.Insert(slices.Clone(params), 8, unused), 160)
		for range 2 {
			l.lengths, l.early = nil, 0
			x := autograd.Const(d.FromFloat32(make([]float32, n), n))
			y := autograd.Scope(d, func() *autograd.Var {
				x := x.Add(params[0])
				for _, p := range params[1:] {
					if f := func(in ...*autograd.Var) *autograd.Var { return autograd.SiLU(in[0].Mul(p)) }; recompute {
						x = autograd.Recompute(f, x)
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
			// The first bucket is 9, 8, the unused one, which has no gradient, and 7; there is no room for 6.
			if want := []int{3 * n, 4 * n, 3 * n}; !slices.Equal(l.lengths, want) || l.early != 2 {
				t.Errorf("recompute %t: buckets of %v, want %v; %d while the pass went on, want 2", recompute, l.lengths, want, l.early)
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
