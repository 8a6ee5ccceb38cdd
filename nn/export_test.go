package nn

import "onestep/autograd"

// Trace makes a network show the output of every entry.
func (u *UNet) Trace(f func(name string, y *autograd.Var)) { u.trace = f }

// WithInit gives a block's configuration some initialisation, which tests overwrite.
func (c BlockConfig) WithInit() BlockConfig {
	c.init, c.initZero, c.initQKV = kaiming, zeros, kaiming
	return c
}

// Frequencies, Kaiming and QKVOrder are for the tests of single operations.
var (
	Frequencies = frequencies
	Kaiming     = kaiming
	QKVOrder    = qkvOrder
)

// Trace makes a network show what its blocks give.
func (n *Inception) Trace(f func(name string, y *autograd.Var)) { n.trace = f }

// Prepare makes images of 0 … 255 the network's input.
func (n *Inception) Prepare(x *autograd.Var) *autograd.Var { return n.prepare(x) }
