package tensor

// Operation is one operation of a computation, for who observes it.
type Operation struct {
	Name   string
	Result *Tensor
	Inputs []*Tensor

	// In the backward pass, where Result and Inputs may be released: they say which they are.
	At   *Tensor // nil: forward; an input, whose gradient has been added to, or Result, whose gradient is complete
	Grad *Tensor // that gradient or a part of it, maybe among more channels, without a factor
}

// Observe runs f and shows every differentiable operation in it, after it is done, to see. No [Program] may be captured meanwhile.
func (d *Device) Observe(see func(Operation), f func()) {
	outer := d.observer
	d.observer = see
	defer func() { d.observer = outer }()
	f()
}

// Observer is who observes; nil: nobody.
func (d *Device) Observer() func(Operation) { return d.observer }
