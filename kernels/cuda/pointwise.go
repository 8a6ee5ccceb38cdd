package cuda

import (
	"fmt"
	"math"

	"onestep/kernels"
)

// launchPointwise starts a kernel that computes n elements of the first of bufs from the others. Its entry is named by their types.
func (d *Device) launchPointwise(m *Module, name string, n int, bufs []kernels.Buf, args ...Arg) {
	if n == 0 {
		return
	}
	const threads = 256
	entry, width := pointwiseEntry(name, true, bufs)
	d.Launch(m, entry, Dim{X: (n + threads*width - 1) / (threads * width)}, Dim{X: threads}, 0, pointwiseArgs(bufs, n, args)...)
}

// launchRows is launchPointwise for n elements in each of so many rows.
func (d *Device) launchRows(m *Module, name string, rows, n int, bufs []kernels.Buf, args ...Arg) {
	if rows*n == 0 {
		return
	}
	mustIndex(name, rows*n)
	entry, width := pointwiseEntry(name, n%8 == 0, bufs)
	threads := min(256, ceil(ceil(n, width), 32)*32)
	d.Launch(m, entry, Dim{X: rows, Y: ceil(n, threads*width)}, Dim{X: threads}, 0, pointwiseArgs(bufs, n, args)...)
}

// pointwiseEntry is the kernel for buffers of some types at some addresses, and how many elements one of its threads has.
func pointwiseEntry(name string, vector bool, bufs []kernels.Buf) (entry string, width int) {
	width = 8
	for _, b := range bufs {
		if b.Type == kernels.F32 {
			width = 4
		}
	}
	entry = typed(name, bufs...)
	if !vector || !aligned(bufs...) {
		return entry + "_any", 1
	}
	return entry, width
}

func pointwiseArgs(bufs []kernels.Buf, n int, rest []Arg) []Arg {
	args := make([]Arg, 0, 16)
	for _, b := range bufs {
		args = append(args, Ptr(b))
	}
	return append(append(args, I32(n)), rest...)
}

// typed is a name with the types of buffers behind it, once if they are all equal.
func typed(name string, bufs ...kernels.Buf) string {
	if sameType(bufs...) {
		bufs = bufs[:1]
	}
	for _, b := range bufs {
		name += "_" + b.Type.String()
	}
	return name
}

// mustIndex panics unless kernels, whose indices have 32 bits, can count n elements.
func mustIndex(name string, n int) {
	if n > math.MaxInt32 {
		panic(fmt.Errorf("kernels/cuda: %s: %d elements are more than 2³¹", name, n))
	}
}

// ceil is n/d rounded up.
func ceil(n, d int) int { return (n + d - 1) / d }
