package tensor

// Operation is one operation of a computation, as [Device.Observe] shows it.
type Operation struct {
	Name   string
	Result *Tensor
	Inputs []*Tensor

	// At is nil in the forward pass. In the backward pass it is the tensor whose gradient Grad is: Result, whose gradient is complete, or an input,
	// whose gradient has been added to. The tensors other than Grad may be released then, and only tell which they are.
	At   *Tensor
	Grad *Tensor // the gradient, or a part of it: without a factor that is left to do, and maybe among more channels
}

// Observe runs f and calls see for every differentiable operation in it, after the operation is done. No [Program] may be captured meanwhile.
func (d *Device) Observe(see func(Operation), f func()) {
	outer := d.observer
	d.observer = see
	defer func() { d.observer = outer }()
	f()
}

// Observer is the function that Observe was called with, or nil while nobody observes.
func (d *Device) Observer() func(Operation) { return d.observer }
