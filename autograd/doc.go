// Package autograd is reverse-mode differentiation: Var, the graph, and one file per differentiable operation, in which forward and
// backward stand together.
//
// An operation runs its kernel and, if any input needs a gradient, records a closure that turns the gradient at its result into
// gradients at its inputs. What the closure reads is listed when it is recorded ("saved"): those tensors live until the closure
// has run, everything else dies with its scope ([onestep/tensor.Device.Scope]). Inference is the same code on constants: nothing is
// recorded, so nothing is saved.
//
// Shape mistakes are the caller's and panic with the shapes.
//
// # References
//
//   - [chen16] T. Chen et al., Training deep nets with sublinear memory cost, arXiv:1604.06174: see [Checkpoint]
package autograd
