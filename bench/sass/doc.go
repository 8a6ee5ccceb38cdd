// Command sass shows what NVIDIA's assembler makes of the kernels of kernels/cuda, on a machine without a GPU:
//
//	go run ./bench/sass [--ptxas FILE] [--nvdisasm FILE] [--write] [--cubin FILE ...]
//
// Every kernel is assembled for sm_80 and sm_90. An error, a spill or a stack frame fails. The registers, the shared memory and the occupancy
// that follows from them, and for kernels with tensor cores or tiled FFMA the make-up of their main loop in the machine code, are compared with
// bench/sass/kernels.tsv; --write replaces that file. Cubins that another compiler made, given by --cubin, have their main loops shown too.
package main
