package nn

import "onestep/tensor"

// Digest names the weights of a network: the [tensor.Digest] of ordered values, which is the same whatever file they came from.
func Digest(params []*Param) string {
	d := tensor.NewDigest(tensor.OrderedValues)
	for _, p := range params {
		d.Add(tensor.F32Tensor(p.Name, p.Get()))
	}
	return d.Sum()
}
