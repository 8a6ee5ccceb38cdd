package cuda

import "onestep/kernels"

// launchImage starts a kernel whose threads have chunks of the pixels of images with so many rows, cols and channels; its first parameters are
// bufs and then these sizes in chunks. Chunks are vectors, if that is asked for and the buffers allow it, or single elements.
func (d *Device) launchImage(kernel func(c chunk) *Kernel, vectors bool, n, rows, cols, channels int, bufs []kernels.Buf, args ...Arg) {
	if n*rows*cols*channels == 0 {
		return
	}
	c := chunkOf(bufs[0].Type, true)
	if !vectors || channels%c.width != 0 || !aligned(bufs...) {
		c.width = 1
	}
	k := kernel(c)
	for _, b := range bufs {
		mustIndex(k.Name, b.Len)
	}
	count := cols * channels / c.width
	all := make([]Arg, 0, 32)
	for _, b := range bufs {
		all = append(all, Ptr(b))
	}
	all = append(append(all, divisors(rows, channels/c.width)...), I32(count))
	threads := min(256, ceil(count, 32)*32)
	d.Launch(k, Dim{X: n * rows, Y: ceil(count, threads)}, Dim{X: threads}, 0, append(all, args...)...)
}
