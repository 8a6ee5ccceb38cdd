// Package ptx reads PTX, NVIDIA's virtual assembly: a parser into a [Module], so strict that what it lets through is well formed by the
// PTX ISA for sm_80.
//
// # References
//
//   - [ptx] NVIDIA, Parallel Thread Execution ISA
package ptx
