// Package simt executes PTX without a GPU: a warp at a time, each instruction decoded once into a function over 32 lanes. It is stricter than
// hardware. Accesses out of bounds, misaligned or of values that nothing wrote, barriers that part of a warp misses, and races on shared and
// global memory are errors that name the kernel, the line, the block and the thread.
//
// # Scheduling
//
// Lanes of a warp that branch apart become groups with program counters of their own; the group that is farthest behind runs, and groups
// that meet become one again. Instructions with .sync wait for the lanes that they name. Warps of a block, and blocks that are resident
// together, take turns: in order for seed 0, else by random numbers of the seed, which also let any group of lanes run and so show
// what relies on lockstep.
//
// # Races
//
// A plain load from an address that the same function names in a compare-and-swap is taken for a relaxed one if its value is what the swap
// expects: it is the first guess of a loop that compilers' headers and textbooks write so, and what comes of it is compared.
//
// # Barriers
//
// Threads that have ended are not waited for, as on hardware, so that kernels may return early. They must not have gone past: if what they
// stored follows the barrier, they missed it. Under a seed, lanes come apart at volatile and relaxed accesses, too.
//
// # Numbers
//
// Arithmetic is IEEE's, with each instruction's rounding. Approximations (ex2.approx and its like) are the correctly rounded values,
// which the documented bounds allow. The sums of mma are float32 sums of exact products in the order of k, beginning with C; hardware's order
// is not documented.
//
// # References
//
//   - [ptx] NVIDIA, Parallel Thread Execution ISA
package simt
