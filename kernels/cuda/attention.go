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
	register(&kernels.AttentionBackward, attentionBackwardF32)
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

func attentionF32(d *Device, a kernels.AttentionArgs) {
	q, k, v := attentionParts(a.QKV, a.H, a.D)
	p := attentionPass{N: a.N, L: a.L, H: a.H, D: a.D, lse: a.LSE}
	p.runF32(d, "attention_f32_", operand{a.O, a.H * a.D}, q, k, operand{}, v)
}

func attentionBackwardF32(d *Device, a kernels.AttentionBackwardArgs) {
	q, k, v := attentionParts(a.QKV, a.H, a.D)
	dq, dk, dv := attentionParts(a.DQKV, a.H, a.D)
	do := operand{a.DO, a.H * a.D}
	p := attentionPass{N: a.N, L: a.L, H: a.H, D: a.D, lse: a.LSE, delta: attentionDelta(d, a)}
	p.runF32(d, "attention_dq_f32_", dq, q, k, do, v)
	p.runF32(d, "attention_dk_f32_", dk, k, q, v, do)
	p.runF32(d, "attention_dv_f32_", dv, k, q, operand{}, do)
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

// runF32 makes out = W·C, as the kernels' generator says of A, B, A2, B2. Elements of D go in slices of 64, or of 256 if there are more than 128.
func (p attentionPass) runF32(d *Device, entry string, out, a, b, a2, b2 operand) {
	const tile = 64
	width, suffix := 64, "64"
	if p.D > 128 {
		width, suffix = 256, "256"
	}
	vectors := 0
	if p.D%4 == 0 && aligned(out.Buf, a.Buf, b.Buf, a2.Buf, b2.Buf) {
		vectors = 1
	}
	tiles := (p.L + tile - 1) / tile
	d.Launch(attentionModule, entry+suffix, Dim{X: tiles * p.N * p.H, Y: (p.D + width - 1) / width}, Dim{X: 256}, 0,
		Ptr(out.Buf), Ptr(p.lse), Ptr(p.delta), Ptr(a.Buf), Ptr(b.Buf), Ptr(a2.Buf), Ptr(b2.Buf), I32(out.ld), I32(a.ld), I32(a2.ld), I32(b2.ld),
		I32(p.L), I32(p.H), I32(p.D), I32(tiles), I32(vectors), F32(float32(1/math.Sqrt(float64(p.D)))))
}
