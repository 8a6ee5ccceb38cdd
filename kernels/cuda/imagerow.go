package cuda

// launchImage starts a kernel whose threads have chunks of the pixels of images with so many rows, cols and channels; its first parameters are
// bufs and then these sizes in chunks.
func (d *Device) launchImage(m *Module, name string, vector bool, n, rows, cols, channels int, bufs buffers, args ...Arg) {
	if n*rows*cols*channels == 0 {
		return
	}
	width := 16 / bufs[0].Type.Size()
	entry := typed(name, bufs...)
	if !vector || channels%width != 0 || !aligned(bufs...) {
		entry, width = entry+"_any", 1
	}
	for _, b := range bufs {
		mustIndex(name, b.Len)
	}
	count := cols * channels / width
	h, c := divisor(rows), divisor(channels/width)
	all := make([]Arg, 0, 32)
	for _, b := range bufs {
		all = append(all, Ptr(b))
	}
	all = append(all, h[0], h[1], h[2], c[0], c[1], c[2], I32(count))
	threads := min(256, ceil(count, 32)*32)
	d.Launch(m, entry, Dim{X: n * rows, Y: ceil(count, threads)}, Dim{X: threads}, 0, append(all, args...)...)
}
