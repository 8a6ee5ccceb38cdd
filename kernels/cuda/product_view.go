package cuda

// maxTaps is how many taps of a convolution a product's kernel takes at a time: the bits of a register.
const maxTaps = 32

// view is a kernel of taps moving over pictures.
type view struct {
	h, w, c      int // of the pictures
	gridH, gridW int // positions
	step         int
	top, left    int // under tap (0,0) at position (0,0)
	kh, kw       int
}

// args is a view in the order of newViewed's parameters.
func (v view) args() []Arg {
	replicate := 0
	for i := range v.kh {
		if i*v.kw < maxTaps {
			replicate |= 1 << (i * v.kw)
		}
	}
	args := append([]Arg{I32(v.h), I32(v.w)}, divisors(v.c, v.gridH, v.gridW)...)
	args = append(args, I32(v.step), I32(v.top), I32(v.left))
	return append(append(args, divisors(v.kw)...), I32(v.kh), I32(replicate))
}
