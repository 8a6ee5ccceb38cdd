// Package bench times whole training steps and compares them, and single kernels, with peers. Kernels have their own benchmarks beside
// them (go test -bench . ./kernels/...).
//
// Results with the processor's name are in README.md beside this file; [onestep/bench/peer] makes the comparison with PyTorch.
// [onestep/bench/mutate] measures the tests: how many faults in our own Go they notice.
package bench
