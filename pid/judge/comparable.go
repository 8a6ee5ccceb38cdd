package judge

// Comparable is the error with which [Evaluate] would refuse images that are yet to be made, or nil and the notes that its result would have.
func Comparable(net *Network, images Images, ref *Reference, o Options) (notes []string, err error) {
	r := &Result{Samples: net.stamp(images, nil)}
	err = r.check(net, ref, o)
	return r.Notes, err
}
