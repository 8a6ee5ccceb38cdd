package pid

import (
	"onestep/autograd"
	"onestep/nn"
	"onestep/pid/data"
	"onestep/tensor"
)

// Classification trains the small networks by which the default job judges images: cross-entropy on labelled images.
type Classification struct {
	Net     *nn.Classifier
	Images  *data.Images
	Random  tensor.Random
	Batch   int
	Flip    bool
	Dropout float32

	order epochOrder
}

// Losses draws images and evaluates the loss.
func (o *Classification) Losses(step *int, first, n int) *autograd.Var {
	d, im := o.Net.Device, o.Images
	images, labels, changes := make([]int, n), make([]int, n), make([]data.Augmentation, n)
	d.Prepare(func() {
		for k := range n {
			images[k] = o.order.pick(im.N, o.Random, *step*o.Batch+first+k)
			labels[k] = im.Labels[images[k]]
			changes[k].FlipX = o.Flip && flips(o.Random, *step, first+k)
		}
	})
	return autograd.Scope(d, func() *autograd.Var {
		x := imageInput(d, im, images, changes)
		var drop *nn.Dropout
		if o.Dropout > 0 {
			drop = &nn.Dropout{P: o.Dropout, Random: o.Random, Step: step, Sample: first}
		}
		return autograd.CrossEntropy(o.Net.Logits(x, drop), labels)
	})
}

// Level is 0: a classifier sees no noise.
func (o *Classification) Level(int, int) float64 { return 0 }

// Accuracy is the share of images whose largest logit is that of their class.
func Accuracy(net *nn.Classifier, im *data.Images, batch int) float64 {
	per, right := im.H*im.W*im.C, 0
	x := make([]float32, batch*per)
	for first := 0; first < im.N; first += batch {
		n := min(batch, im.N-first)
		for k := range n {
			im.Float(x[k*per:(k+1)*per], first+k)
		}
		net.Device.Scope(func() []*tensor.Tensor {
			net.Device.NoGrad(func() {
				logits := net.Logits(autograd.Const(net.Device.FromFloat32(x[:n*per], n, im.H, im.W, im.C)), nil)
				y, c := logits.Value.Float32s(), logits.Dim(1)
				for k := range n {
					best := 0
					for j, v := range y[k*c : (k+1)*c] {
						if v > y[k*c+best] {
							best = j
						}
					}
					if best == im.Labels[first+k] {
						right++
					}
				}
			})
			return nil
		})
	}
	return float64(right) / float64(im.N)
}
