package pid

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"onestep/autograd"
	"onestep/nn"
	"onestep/nn/optim"
	"onestep/tensor"
)

// Ranks is a group of processes that make a run together, each with its share of every batch; [onestep/pid/ranks.Comm] is one. All make the same calls
// in the same order.
type Ranks interface {
	Rank() int
	Size() int
	// OnDevice says whether sums are operations of the device, and may be part of a [tensor.Program].
	OnDevice() bool
	// AllReduce starts to replace tensors by their sums over all ranks, and Wait ends when all that were started are there.
	AllReduce(bucket []*tensor.Tensor)
	Wait()
	// AllGather returns every rank's bytes, by rank.
	AllGather(part []byte) ([][]byte, error)
}

// ErrStopped says that another rank was told to stop: all have, after the same step.
var ErrStopped = errors.New("another rank was told to stop")

// bucketBytes is how much gradient is summed at a time: enough to be worth a message, little enough that most of it is on its way before the
// backward pass ends.
const bucketBytes = 25 << 20

// Join makes the trainer one of several that make each step together, before the first. They must agree in settings, which is any text, and in
// parameters, moments, averages and step; this is compared. A sample's random numbers are keyed by its number in the batch, so the number of
// ranks changes the order of sums only, and may be another one when a run is continued. In half precision a sum over fewer samples overflows
// less, as with microbatches, so that other steps may be skipped while the loss scale settles.
func (tr *Trainer) Join(ranks Ranks, settings string) error {
	if tr.Batch < ranks.Size() {
		return fmt.Errorf("batch %d: too few samples for %d ranks", tr.Batch, ranks.Size())
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d %s", tr.Step, settings)
	tr.State(func(kind string, p *nn.Param, t *tensor.Tensor) {
		io.WriteString(h, kind+p.Name)
		h.Write(tensor.F32Tensor(p.Name, t.Float32s()).Data)
	})
	all, err := ranks.AllGather(h.Sum(nil))
	if err != nil {
		return err
	}
	for r := range all {
		if !bytes.Equal(all[r], all[0]) {
			return fmt.Errorf("rank %d has other settings, another teacher or another state than rank 0", r)
		}
	}
	tr.ranks, tr.sums = ranks, newGradientSums(ranks, tr.Opt.Vars, bucketBytes)
	return nil
}

// share is the part of a batch that this process computes: samples first … end−1.
func (tr *Trainer) share() (first, end int) {
	if tr.ranks == nil {
		return 0, tr.Batch
	}
	r, n := tr.ranks.Rank(), tr.ranks.Size()
	return tr.Batch * r / n, tr.Batch * (r + 1) / n
}

// losses is the part of the report that holds them.
func (tr *Trainer) losses() *tensor.Tensor {
	return tr.report.Part(optim.ReportWords, optim.ReportWords+tr.Batch)
}

// clearLosses makes the losses of other ranks' samples 0, so that a sum over ranks puts every loss in its place, to the bit.
func (tr *Trainer) clearLosses() {
	if tr.ranks == nil {
		return
	}
	d := tr.Params.Device
	d.Scope(func() []*tensor.Tensor {
		tr.losses().Copy(d.Input(func([]float32) {}, tr.Batch))
		return nil
	})
}

// backward adds the gradient of some samples up; after the last ones of the step it is on its way to the other ranks.
func (tr *Trainer) backward(losses *autograd.Var, seed *tensor.Tensor, last bool) {
	if tr.ranks == nil || !last {
		autograd.Backward(losses, seed)
	} else {
		tr.sums.backward(losses, seed)
	}
}

// sumLosses fetches the losses of other ranks' samples, and waits for them and the gradients.
func (tr *Trainer) sumLosses() {
	if tr.ranks == nil {
		return
	}
	tr.Params.Device.Scope(func() []*tensor.Tensor {
		tr.ranks.AllReduce([]*tensor.Tensor{tr.losses()})
		tr.ranks.Wait()
		return nil
	})
}

// stop is why not to go on, if any rank's ctx has ended; then it is for all of them.
func (tr *Trainer) stop(ctx context.Context) error {
	cause := context.Cause(ctx)
	if tr.ranks == nil {
		return cause
	}
	told := []byte{0}
	if cause != nil {
		told[0] = 1
	}
	all, err := tr.ranks.AllGather(told)
	switch {
	case err != nil:
		return err
	case cause != nil:
		return cause
	case bytes.Contains(bytes.Join(all, nil), []byte{1}):
		return ErrStopped
	}
	return nil
}

// gradientSums adds the gradients of all ranks up, a bucket at a time, while the backward pass goes on. Buckets are the same on all ranks and in
// each step, and are sent in the same order: that of the parameters from the last to the first, about as their gradients come.
type gradientSums struct {
	ranks   Ranks
	params  []*autograd.Var
	buckets [][]*autograd.Var
	bucket  map[*autograd.Var]int
	left    []int // parameters of each bucket whose gradients are not complete
	next    int   // bucket to send
}

func newGradientSums(ranks Ranks, params []*autograd.Var, bucketBytes int) *gradientSums {
	s := &gradientSums{ranks: ranks, params: params, bucket: map[*autograd.Var]int{}}
	size := 0
	for i := len(params) - 1; i >= 0; i-- {
		bytes := 4 * params[i].Len()
		if len(s.buckets) == 0 || size+bytes > bucketBytes {
			s.buckets, size = append(s.buckets, nil), 0
		}
		last := len(s.buckets) - 1
		s.buckets[last] = append(s.buckets[last], params[i])
		s.bucket[params[i]] = last
		size += bytes
	}
	s.left = make([]int, len(s.buckets))
	return s
}

// backward is the pass after which gradients are complete.
func (s *gradientSums) backward(y *autograd.Var, dy *tensor.Tensor) {
	for i := range s.buckets {
		s.left[i] = len(s.buckets[i])
	}
	s.next = 0
	autograd.BackwardReady(y, dy, s.params, s.ready)
}

// ready notes that a gradient is complete, and sends the buckets whose turn it is. What has no gradient has none on any rank.
func (s *gradientSums) ready(x *autograd.Var) {
	s.left[s.bucket[x]]--
	for ; s.next < len(s.buckets) && s.left[s.next] == 0; s.next++ {
		var grads []*tensor.Tensor
		for _, x := range s.buckets[s.next] {
			if x.Grad != nil {
				grads = append(grads, x.Grad)
			}
		}
		s.ranks.AllReduce(grads)
	}
}
