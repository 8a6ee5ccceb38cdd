//go:build amd64 && !purego

package cpu

import (
	"unsafe"

	"onestep/kernels"
)

// scratch64 is n float64 of a worker's scratch memory.
func scratch64(c *kernels.CPU, worker, slot, n int) []float64 {
	s := c.Scratch(worker, slot, 2*n)
	return unsafe.Slice((*float64)(unsafe.Pointer(&s[0])), n)
}

// Slots of scratch memory; those of the matrix product are below.
const (
	slotSums = 8 + iota
	slotCoef
	slotParts
	slotAllSums // of worker 0, shared by all
	slotAllCoef
	slotAllParts
	slotRows
	slotAllRows
)
