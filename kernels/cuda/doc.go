// Package cuda is the GPU as a device, and the kernels of every operation: the Go that plans and launches them beside the Go that writes their PTX,
// with the same constants.
//
// An operation is x.go, which registers it, cuts it into blocks and launches it, and x_ptx.go, which writes its kernels by package asm, instruction
// by instruction. There is no PTX in the repository: a kernel is written when it is first launched, and go run ./tools/ptx print shows it as
// the driver gets it. Launches, memory and transfers go through [Device], to a driver that is libcuda or the interpreter; nothing here asks which.
//
// # To add a kernel
//
// For an operation that kernels has, three files, and two tables that are written by commands:
//
//	x.go       func init() { register(&kernels.X, x, …) }, and x, which calls [Device.Launch] with a *Kernel, its grid and its arguments
//	x_ptx.go   var xPTX = &family{…}; func init() { xPTX.all(…) } adds each kernel; xPTX.kernel(name, threads, write) is one of them
//	x_test.go  kernelstest.AgreeOn(t, &kernels.X, …, emulator): the mutants of x's kernels are tried on the tests of this file
//
//	go test ./kernels/cuda -run TestEntries -update    testdata/entries.tsv: the hash of each kernel's text, and its instructions
//	go run ./bench/sass --write                        bench/sass/kernels.tsv: the registers and main loops that NVIDIA's assembler makes
//
// A test fails where an operation has no kernel, a kernel is not launched by any test, or one is launched that its family does not list.
//
// # A kernel's arguments into a launch
//
//  1. autograd calls kernels.SiLU.Run(device, SiLUArgs{Y, X, N}); the registry finds what silu.go registered for devices of kind "cuda".
//  2. That calls siluKernels.launch: the buffers' types and addresses choose a variant, silu_f16 or silu_f16_any.
//  3. family.kernel gives the *Kernel of that name, whose text is not written yet.
//  4. [Device.Launch] asks load for it. At the first launch [Kernel.PTX] calls the writer: k.Ptr("y"), k.Ptr("x") and k.I32("n") declare parameters
//     and load them into registers, in this order; the rest computes.
//  5. load gives the text to the driver, which compiles it (the interpreter decodes it), and keeps the function with the parameters' sizes and offsets.
//  6. Launch compares the arguments, Ptr(y), Ptr(x) and I32(n), with these in number and size, and puts each at its offset in a block of bytes.
//  7. start checks grid, block and shared memory, and gives all to driver.Launch, on the device's one stream: cuLaunchKernel, or simt's Program.Run.
//  8. While a graph is captured the driver records the launch with a copy of the block; replays pass the same arguments.
//
// # Decisions
//
//   - 2026-11: all work of a device is in the order of one stream. Memory that is freed can then be given out at once, uploads need no events to be
//     waited for, and a step has no order to get wrong. A second stream carries the sums over processes alone. Overlapping kernels of a step
//     would change our mind, if the small ones at low resolutions left the GPU idle within a graph.
//   - 2026-11: a pool of our own over a few large allocations, not cuMemAllocAsync: within a graph that becomes nodes, which cost time at every
//     replay. Memory that a capture touches leaves the pool until the graph is released, since its addresses are in the recorded launches.
//   - 2026-11: kernel parameters are checked against what the kernel's writer declared, not asked of the driver, which tells them from CUDA 12.4 on only.
//   - 2026-12: PTX is written by the program when it is launched, not committed: a kernel and its launch share one table of tiles and one layout of
//     shared memory, and a diff shows what a person changed. Writing one takes about 2 ms, a tenth of its compilation. A hash of every text stands
//     in testdata, so that a change that is not meant is seen.
//   - 2026-12: a kernel is for all shapes, which are its parameters. One for each shape, with constants, was tried and made the compilation before the
//     first step six times as long for a few instructions (bench/README.md); a kernel that such constants make a tenth faster would change our mind.
package cuda
