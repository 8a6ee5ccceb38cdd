// Package tensor is where numbers live: shape, element type, device, lifetime, counter-based random numbers, programs that a device
// repeats, and safetensors files. It has no arithmetic, which is package autograd's: an operation at both levels would be written and tested
// twice.
//
//	device.go                 a device, and which tensors on it are alive
//	tensor.go                 a tensor: shape, memory, owners
//	program.go                a training step that a GPU captures once and replays
//	random.go                 random numbers by address: seed, stream, step, sample
//	observe.go                what looks on while operations run, to find where a step went wrong
//	safetensors*.go, seal.go  files of named arrays, read strictly, written whole or not at all
//
// # Lifetime
//
// Activations are large and a training step needs each of them for a short time, so their buffers are counted and reused
// instead of being left to the garbage collector. A tensor is born owned by the innermost open [Device.Scope] and dies with
// it, unless somebody has called [Tensor.Retain]: the graph, for what a backward pass will read, or the scope's result. Outside every
// scope the maker owns it and calls [Tensor.Release]. Package autograd does all of this; modules only open scopes.
//
// # Decisions
//
//   - 2026-11: scopes and counts rather than one arena per step. An arena frees nothing before the step ends, so the peak would
//     hold the forward activations and every gradient together. Rejected too: finalizers, whose time is not ours to choose.
//
// # References
//
//   - [salmon11] J. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC11
package tensor
