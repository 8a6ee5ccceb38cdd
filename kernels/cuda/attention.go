package cuda

import (
	_ "embed"
	"math"

	"onestep/kernels"
)

//go:embed attention.ptx
var attentionPTX string

var attentionModule = NewModule("attention.ptx", attentionPTX)

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

// attentionRun runs one pass, out = W·C, as the kernels' generator says of A, B, A2, B2.
type attentionRun func(p attentionPass, d *Device, entry string, out, a, b, a2, b2 operand)

func attentionF32(d *Device, a kernels.AttentionArgs) { attention(d, a, attentionPass.runF32) }
func attentionF16(d *Device, a kernels.AttentionArgs) { attention(d, a, attentionPass.runF16) }

func attentionBackwardF32(d *Device, a kernels.AttentionBackwardArgs) {
	attentionBackward(d, a, attentionPass.runF32)
}
func attentionBackwardF16(d *Device, a kernels.AttentionBackwardArgs) {
	attentionBackward(d, a, attentionPass.runF16)
}

// attention makes o with one of the two ways to run a pass.
func attention(d *Device, a kernels.AttentionArgs, run attentionRun) {
	q, k, v := attentionParts(a.QKV, a.H, a.D)
	p := attentionPass{N: a.N, L: a.L, H: a.H, D: a.D, lse: a.LSE}
	run(p, d, "attention", operand{a.O, a.H * a.D}, q, k, operand{}, v)
}

func attentionBackward(d *Device, a kernels.AttentionBackwardArgs, run attentionRun) {
	q, k, v := attentionParts(a.QKV, a.H, a.D)
	dq, dk, dv := attentionParts(a.DQKV, a.H, a.D)
	do := operand{a.DO, a.H * a.D}
	p := attentionPass{N: a.N, L: a.L, H: a.H, D: a.D, lse: a.LSE, delta: attentionDelta(d, a)}
	run(p, d, "attention_dq", dq, q, k, do, v)
	run(p, d, "attention_dk", dk, k, q, v, do)
	run(p, d, "attention_dv", dv, k, q, operand{}, do)
	d.Free(p.delta)
}

// attentionDelta is Σ_d o·do of every row, (N,H,L).
func attentionDelta(d *Device, a kernels.AttentionBackwardArgs) kernels.Buf {
	delta := d.Scratch(kernels.F32, a.N*a.H*a.L)
	rows := a.N * a.L * a.H
	d.Launch(attentionModule, "attention_delta_"+a.O.Type.String(), Dim{X: (rows + 7) / 8}, Dim{X: 256}, 0,
		Ptr(delta), Ptr(a.O), Ptr(a.DO), I32(rows), I32(a.L), I32(a.H), I32(a.D))
	return delta
}

// attentionPass is what the launches of an operation have in common.
type attentionPass struct {
	N, L, H, D int
	lse, delta kernels.Buf
}

// scale is 1/√D.
func (p attentionPass) scale() Arg { return F32(float32(1 / math.Sqrt(float64(p.D)))) }

// runF32 multiplies with FFMA. Elements of D go in slices of 64, or of 256 if there are more than 128.
func (p attentionPass) runF32(d *Device, entry string, out, a, b, a2, b2 operand) {
	const tile = 64
	width, suffix := 64, "_f32_64"
	if p.D > 128 {
		width, suffix = 256, "_f32_256"
	}
	vectors := 0
	if p.D%4 == 0 && aligned(out.Buf, a.Buf, b.Buf, a2.Buf, b2.Buf) {
		vectors = 1
	}
	tiles := (p.L + tile - 1) / tile
	d.Launch(attentionModule, entry+suffix, Dim{X: tiles * p.N * p.H, Y: (p.D + width - 1) / width}, Dim{X: 256}, 0,
		Ptr(out.Buf), Ptr(p.lse), Ptr(p.delta), Ptr(a.Buf), Ptr(b.Buf), Ptr(a2.Buf), Ptr(b2.Buf), I32(out.ld), I32(a.ld), I32(a2.ld), I32(b2.ld),
		I32(p.L), I32(p.H), I32(p.D), I32(tiles), I32(vectors), p.scale())
}

// tensorCut is the rows of a block of a pass on tensor cores and its shared memory in bytes, for heads of up to depth elements.
type tensorCut struct {
	depth        int
	suffix       string
	rows, shared int
}

// tensorCuts are those of the passes that compute dS, and of the others, by depth.
var (
	gradientCuts = []tensorCut{{64, "_f16_64", 128, 40 << 10}, {128, "_f16_128", 64, 48 << 10}, {256, "_f16_256", 64, 80 << 10}}
	productCuts  = []tensorCut{{64, "_f16_64", 128, 32 << 10}, {128, "_f16_128", 128, 48 << 10}, {256, "_f16_256", 64, 64 << 10}}
)

// runF16 multiplies on tensor cores.
func (p attentionPass) runF16(d *Device, entry string, out, a, b, a2, b2 operand) {
	cuts := productCuts
	if a2.Given() {
		cuts = gradientCuts
	}
	for len(cuts) > 1 && cuts[0].depth < p.D {
		cuts = cuts[1:]
	}
	c := cuts[0]
	tiles := (p.L + c.rows - 1) / c.rows
	d.Launch(attentionModule, entry+c.suffix, Dim{X: tiles * p.N * p.H}, Dim{X: 128}, c.shared,
		Ptr(out.Buf), Ptr(p.lse), Ptr(p.delta), Ptr(a.Buf), Ptr(b.Buf), Ptr(a2.Buf), Ptr(b2.Buf), I32(out.ld), I32(a.ld), I32(a2.ld), I32(b2.ld),
		I32(p.L), I32(p.H), I32(p.D), I32(tiles), p.scale())
}
