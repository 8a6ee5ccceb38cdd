// Package autograd is reverse-mode differentiation: [Var], the graph, and one file per differentiable operation, in which forward and
// backward stand together. Inference is the same code on constants: nothing is recorded, so nothing is saved. Shape mistakes are the caller's
// and panic with the shapes.
//
// # From a call to kernels and back
//
//  1. SiLU(x) makes the result's tensor, y, on x's device, and fills in a kernels.SiLUArgs: buffers of y and x, and sizes.
//  2. kernels.SiLU.Run finds the best implementation that this device has, on the CPU at worst the plain loop, and runs it.
//  3. record makes the result, a [Var]. If x needs a gradient, it also adds a node to the graph: the inputs, the tensors that the backward pass
//     will read ("saved"), which it keeps alive, and a closure. All other tensors die with their scope ([onestep/tensor.Device.Scope]).
//  4. Backward(loss, dy) orders the nodes below the loss, the latest first: a node's turn comes after those of all that used its result.
//  5. Until then the gradient at that result is a list of parts, one from each use. On its turn they are added up, unless a kernel has
//     taken them over (fusion.go).
//  6. The closure gets the sum, dy. It makes dx, runs kernels.SiLUBackward, and calls x.accumulate(dx), which adds a part to x's list, or, if x
//     is a parameter, adds dx to x.Grad.
//  7. What the node saved is released, and x's node comes next.
//
// # To add an operation
//
// Two files: x.go, which follows silu.go, and x_test.go, whose init function calls gradientCase. TestGradients compares the gradient with
// differences of the plain kernel's results, on every instruction set; it also finds memory that is left, and bits that depend on which inputs
// want a gradient. TestGradientsComplete finds the package's functions in its source and fails for one without a case. A new kernel is two
// more files: see package kernels.
//
// An operation whose backward kernel can do more than its formula (add gradients that reach its input by other ways, take a factor, apply a
// rectifier) uses the few methods that fusion.go lists. A [Var] does not know of them.
//
// # Decisions
//
//   - 2026-11: an operation exists here alone, not for tensors as well. A second form without gradients would be a third file for each, and drift.
//   - 2026-12: the gradient at a result is an open sum, and not a tensor to which every use adds. Adding at once costs a pass over memory for every
//     use; a kernel that takes parts over saves it. Parts are added in the order of their arrival, which is the same every time.
//
// # References
//
//   - [chen16] T. Chen et al., Training deep nets with sublinear memory cost, arXiv:1604.06174: see [Recompute]
package autograd
