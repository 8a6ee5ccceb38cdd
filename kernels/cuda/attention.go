package cuda

import (
	"math"

	"onestep/kernels"
)

func init() {
	register(&kernels.Attention, attentionF32)
	register(&kernels.Attention, attentionF16, half, fits(func(a kernels.AttentionArgs) bool {
		return onTensorCores(a.D, a.LSE, a.O, a.QKV)
	}))
	register(&kernels.AttentionBackward, attentionBackwardF32)
	register(&kernels.AttentionBackward, attentionBackwardF16, half, fits(func(a kernels.AttentionBackwardArgs) bool {
		return onTensorCores(a.D, a.LSE, a.DQKV, a.DO, a.O, a.QKV)
	}))
}

// onTensorCores says whether the kernels for halves take heads of d elements: whole chunks of 16 bytes, at most 256 elements. Others are given
// float32 copies.
func onTensorCores(d int, lse kernels.Buf, images ...kernels.Buf) bool {
	return d%8 == 0 && d <= 256 && lse.Type == kernels.F32 && images[0].Type == kernels.F16 && sameType(images...) && aligned(images...)
}

// operand is a buffer that holds one row of a head every ld elements.
type operand struct {
	kernels.Buf
	ld int
}

// attentionParts are q, k and v in the order of QKV.
func attentionParts(qkv kernels.Buf, h, d int) (q, k, v operand) {
	part := func(i int) operand { return operand{qkv.Slice(i*h*d, qkv.Len), 3 * h * d} }
	return part(0), part(1), part(2)
}

// attentionRun runs one pass, out = W·C.
type attentionRun func(l attentionLaunch, d *Device, p attentionPass, out, a, b, a2, b2 operand)

func attentionF32(d *Device, a kernels.AttentionArgs) { attention(d, a, attentionLaunch.runF32) }
func attentionF16(d *Device, a kernels.AttentionArgs) { attention(d, a, attentionLaunch.runF16) }

func attentionBackwardF32(d *Device, a kernels.AttentionBackwardArgs) {
	attentionBackward(d, a, attentionLaunch.runF32)
}
func attentionBackwardF16(d *Device, a kernels.AttentionBackwardArgs) {
	attentionBackward(d, a, attentionLaunch.runF16)
}

// attention makes o with one of the two ways to run a pass.
func attention(d *Device, a kernels.AttentionArgs, run attentionRun) {
	q, k, v := attentionParts(a.QKV, a.H, a.D)
	l := attentionLaunch{N: a.N, L: a.L, H: a.H, D: a.D, lse: a.LSE}
	run(l, d, attentionO, operand{a.O, a.H * a.D}, q, k, operand{}, v)
}

func attentionBackward(d *Device, a kernels.AttentionBackwardArgs, run attentionRun) {
	q, k, v := attentionParts(a.QKV, a.H, a.D)
	dq, dk, dv := attentionParts(a.DQKV, a.H, a.D)
	do := operand{a.DO, a.H * a.D}
	l := attentionLaunch{N: a.N, L: a.L, H: a.H, D: a.D, lse: a.LSE, delta: attentionDelta(d, a)}
	run(l, d, attentionDQ, dq, q, k, do, v)
	run(l, d, attentionDK, dk, k, q, v, do)
	run(l, d, attentionDV, dv, k, q, operand{}, do)
	d.Free(l.delta)
}

// attentionDelta is Σ_d o·do of every row, (N,H,L).
func attentionDelta(d *Device, a kernels.AttentionBackwardArgs) kernels.Buf {
	delta := d.Scratch(kernels.F32, a.N*a.H*a.L)
	rows := a.N * a.L * a.H
	d.Launch(attentionDeltaKernel(typesOf(a.O)[0]), Dim{X: ceil(rows, 8)}, Dim{X: 256}, 0,
		Ptr(delta), Ptr(a.O), Ptr(a.DO), I32(rows), I32(a.L), I32(a.H), I32(a.D))
	return delta
}

// attentionLaunch is what the launches of an operation have in common.
type attentionLaunch struct {
	N, L, H, D int
	lse, delta kernels.Buf
}

// scale is 1/√D.
func (l attentionLaunch) scale() Arg { return F32(float32(1 / math.Sqrt(float64(l.D)))) }

// runF32 multiplies with FFMA. Elements of D go in slices of 64, or of 256 if there are more than 128.
func (l attentionLaunch) runF32(d *Device, p attentionPass, out, a, b, a2, b2 operand) {
	width := 64
	if l.D > 128 {
		width = 256
	}
	vectors := bit(l.D%4 == 0 && aligned(out.Buf, a.Buf, b.Buf, a2.Buf, b2.Buf), 1)
	tiles := ceil(l.L, faTile)
	d.Launch(p.kernelF32(width), Dim{X: tiles * l.N * l.H, Y: ceil(l.D, width)}, Dim{X: faThreads}, 0,
		Ptr(out.Buf), Ptr(l.lse), Ptr(l.delta), Ptr(a.Buf), Ptr(b.Buf), Ptr(a2.Buf), Ptr(b2.Buf), I32(out.ld), I32(a.ld), I32(a2.ld), I32(b2.ld),
		I32(l.L), I32(l.H), I32(l.D), I32(tiles), I32(vectors), l.scale())
}

// attentionCut is how a pass on tensor cores is cut: each of four warps has strips of 16 rows, with all of D, which is filled up to depth with
// zeros; the columns of P go by in tiles.
type attentionCut struct {
	depth     int
	strips    int
	cols      int
	registers bool // the rows of A and A2 stay in registers
}

func (c attentionCut) rows() int     { return tcThreads / 32 * 16 * c.strips }
func (c attentionCut) rowBytes() int { return 2 * c.depth }

// cuts are those of a pass, by depth. Wide heads leave room for one strip, whose fragments of A come from shared memory each time.
func (p attentionPass) cuts() []attentionCut {
	if p.gradient {
		return []attentionCut{{64, 2, 32, true}, {128, 1, 32, false}, {256, 1, 16, false}}
	}
	return []attentionCut{{64, 2, 64, true}, {128, 2, 32, false}, {256, 1, 32, false}}
}

// attentionTiles is where a block's tiles lie in shared memory, and its size, in bytes.
type attentionTiles struct{ a, a2, b, b2, shared int }

// tiles places A and, for gradients, A2, then B and B2.
func (p attentionPass) tiles(c attentionCut) (t attentionTiles) {
	t.a2 = c.rows() * c.rowBytes()
	t.b = t.a2
	if p.gradient {
		t.b += c.rows() * c.rowBytes()
	}
	t.b2 = t.b + c.cols*c.rowBytes()
	t.shared = t.b2 + c.cols*c.rowBytes()
	return t
}

// runF16 multiplies on tensor cores.
func (l attentionLaunch) runF16(d *Device, p attentionPass, out, a, b, a2, b2 operand) {
	cuts := p.cuts()
	for len(cuts) > 1 && cuts[0].depth < l.D {
		cuts = cuts[1:]
	}
	c := cuts[0]
	tiles := ceil(l.L, c.rows())
	d.Launch(p.kernelF16(c), Dim{X: tiles * l.N * l.H}, Dim{X: tcThreads}, p.tiles(c).shared,
		Ptr(out.Buf), Ptr(l.lse), Ptr(l.delta), Ptr(a.Buf), Ptr(b.Buf), Ptr(a2.Buf), Ptr(b2.Buf), I32(out.ld), I32(a.ld), I32(a2.ld), I32(b2.ld),
		I32(l.L), I32(l.H), I32(l.D), I32(tiles), l.scale())
}
