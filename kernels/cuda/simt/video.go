package simt

import "strings"

// differences decodes vabsdiff2 and vabsdiff4: |a−b| of each half or quarter of a register, or their sum and c.
func (d *decoder) differences() {
	in := d.in
	n := 8
	if strings.HasSuffix(in.Op, "2") {
		n = 16
	}
	signed, sum := in.Types[0].Signed(), in.Has("add")
	sa, sb := in.Types[1].Signed(), in.Types[2].Signed()
	d.ternary(func(a, b, c uint64) uint64 {
		var y, total uint64
		for at := 0; at < 32; at += n {
			x := int64(extend(a>>at&bitsMask(n), n, sa)) - int64(extend(b>>at&bitsMask(n), n, sb))
			if x < 0 {
				x = -x
			}
			part := uint64(x) & bitsMask(n)
			y |= part << at
			total += extend(part, n, signed)
		}
		if sum {
			return (total + c) & bitsMask(32)
		}
		return y
	})
}
