package plan

import (
	"onestep/kernels"
	"onestep/kernels/cuda/chip"
)

// seconds predicts a step on a device of such a rate: products at the one, the bytes of all else at the other.
func (j Job) seconds(w Work, r Rate) float64 {
	return j.sum(w, func(o kernels.Work, scale float64) float64 {
		if o.MACs > 0 {
			return 2 * float64(o.MACs) * scale / r.Products
		}
		return float64(o.Bytes) * scale / r.Bytes
	})
}

// secondsOn predicts a step from a GPU's published peaks. Every operation takes the longer of its arithmetic at nine tenths of the peak and of its
// buffers' way through memory, each once, and starts when the one before has ended. That is about the least it can take: what a tile of a product
// wastes, and what the caches do not hold, come on top.
func (j Job) secondsOn(w Work, c chip.Chip) float64 {
	peak := c.FP32
	if j.Config.FP16 {
		peak = c.TensorF16
	}
	const reached = 0.9 // of the peak: assumed, as in package chip
	return j.sum(w, func(o kernels.Work, scale float64) float64 {
		if o.Inner { // kernels of a GPU take half precision as it is
			return 0
		}
		return max(c.PredictCopy(float64(o.Bytes)*scale).Seconds, 2*float64(o.MACs)*scale/(reached*peak))
	})
}

// sum adds up the time of a process's step: that of every microbatch, and what comes once. Operations for other numbers of samples than were
// counted are scaled.
func (j Job) sum(w Work, seconds func(o kernels.Work, scale float64) float64) float64 {
	total := func(list []kernels.Work, scale float64) (t float64) {
		for _, o := range list {
			t += seconds(o, scale)
		}
		return t
	}
	microbatches := float64((j.share() + j.micro() - 1) / j.micro())
	return total(w.step, 1) - total(w.microbatch, 1) + microbatches*total(w.microbatch, float64(j.share())/microbatches/float64(w.samples))
}

// linkA100 is the bytes/s that an A100 can send and receive by NVLink, each [a100].
const linkA100 = 300e9

// Exchange is the time that the links of so many A100s are busy with the sum of the student's gradients: each sends 2·(n−1)/n of them.
func (p *Plan) Exchange(gpus int) float64 {
	return 2 * float64(gpus-1) / float64(gpus) * 4 * float64(p.Parameters) / linkA100
}
