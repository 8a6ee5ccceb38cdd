package pid

import "onestep/tensor"

// epochOrder is the order in which one epoch visits the images; every epoch has its own, keyed by its number.
type epochOrder struct {
	epoch int
	order []int32
}

// pick is the image of the k-th sample of a run.
func (e *epochOrder) pick(images int, r tensor.Random, k int) int {
	if epoch := k / images; e.order == nil || e.epoch != epoch {
		e.epoch, e.order = epoch, r.Perm(images, tensor.Data, uint64(epoch))
	}
	return int(e.order[k%images])
}
