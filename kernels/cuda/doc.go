// Package cuda is the GPU as a device, and the PTX kernels of every operation beside their registrations.
//
// An operation is x.go, which registers it and chooses its launch, and x.ptx, which is written by kernels/cuda/gen. Launches, memory and
// transfers go through [Device], to a driver that is libcuda or the interpreter; nothing here asks which.
//
// # Decisions
//
//   - 2026-11: all work of a device is in the order of one stream. Memory that is freed can then be given out at once, uploads need no events to be
//     waited for, and a step has no order to get wrong. A second stream carries the sums over processes alone. Overlapping kernels of a step
//     would change our mind, if the small ones at low resolutions left the GPU idle within a graph.
//   - 2026-11: a pool of our own over a few large allocations, not cuMemAllocAsync: within a graph that becomes nodes, which cost time at every
//     replay. Memory that a capture touches leaves the pool until the graph is released, since its addresses are in the recorded launches.
//   - 2026-11: kernel parameters are checked against the text of the module, not asked of the driver, which tells them from CUDA 12.4 on only.
package cuda
