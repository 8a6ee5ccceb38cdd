package cuda

import (
	"encoding/binary"
	"math"

	"onestep/kernels"
)

func init() { register(&kernels.Adam, adam, half) }

func adam(d *Device, a kernels.AdamArgs) {
	halves := a.Half
	if len(halves) == 0 {
		halves = make([]kernels.Buf, len(a.P))
	}
	lists := [][]kernels.Buf{a.P, a.M, a.V, a.G, halves}
	rates := U64(0)
	if len(a.Rates) > 0 {
		var words []byte
		for k, r := range a.Rates {
			lists = append(lists, a.EMA[k*len(a.P):][:len(a.P)])
			words = binary.LittleEndian.AppendUint32(words, math.Float32bits(float32(r)))
			words = binary.LittleEndian.AppendUint32(words, math.Float32bits(float32(1-r)))
		}
		rates = d.constant(words)
	}
	args, blocks := d.table(lists...)
	if blocks == 0 {
		return
	}
	d.Launch(adamKernel(), Dim{X: blocks}, Dim{X: 256}, 0, append(args, Ptr(a.Plan), F32(a.Decay),
		F32(float32(a.Beta1)), F32(float32(1-a.Beta1)), F32(float32(a.Beta2)), F32(float32(1-a.Beta2)), rates, I32(len(a.Rates)))...)
}
