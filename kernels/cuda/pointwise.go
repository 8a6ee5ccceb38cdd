package cuda

import (
	"fmt"
	"math"
)

// launch computes n elements of the first of bufs from the others.
func (w pointwise) launch(d *Device, n int, bufs buffers, args ...Arg) {
	if n == 0 {
		return
	}
	const threads = 256
	types, vectors := typesOf(bufs...), aligned(bufs...)
	d.Launch(w.kernel(types, vectors), Dim{X: ceil(n, threads*w.width(types, vectors))}, Dim{X: threads}, 0, w.args(bufs, n, args)...)
}

// launchRows is launch for n elements in each of so many rows.
func (w pointwise) launchRows(d *Device, rows, n int, bufs buffers, args ...Arg) {
	if rows*n == 0 {
		return
	}
	mustIndex(w.name, rows*n)
	types, vectors := typesOf(bufs...), n%8 == 0 && aligned(bufs...)
	width := w.width(types, vectors)
	threads := min(256, ceil(ceil(n, width), 32)*32)
	d.Launch(w.kernel(types, vectors), Dim{X: rows, Y: ceil(n, threads*width)}, Dim{X: threads}, 0, w.args(bufs, n, args)...)
}

func (w pointwise) args(bufs buffers, n int, rest []Arg) []Arg {
	args := make([]Arg, 0, 16)
	for _, b := range bufs {
		args = append(args, Ptr(b))
	}
	return append(append(args, I32(n)), rest...)
}

// mustIndex panics unless kernels, whose indices have 32 bits, can count n elements.
func mustIndex(name string, n int) {
	if n > math.MaxInt32 {
		panic(fmt.Errorf("kernels/cuda: %s: %d elements are more than 2³¹", name, n))
	}
}

// ceil is n/d rounded up.
func ceil(n, d int) int { return (n + d - 1) / d }
