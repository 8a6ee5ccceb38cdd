// Package cpu is the operations of [onestep/kernels] for processors with AVX2 or AVX-512, in assembly. Importing it
// registers them; with the tag purego, and on other processors, it is empty and the plain Go loops serve.
package cpu
