package kernels

// Normal is scaled standard normal numbers for N samples, each the function of its address (seed, stream, step, sample) alone:
//
//	y[n,i] = scale · float32( Φ⁻¹( word i mod 4 of Philox(counter of block ⌊i/4⌋ at (stream, step, first+n), seed) ) )
//
// [RandomCounter], [Philox] and [InverseNormal] are its parts; every device has the same bits. The step is read from memory, so that a
// captured operation draws other numbers at every step.
var Normal = define(Op[NormalArgs]{Name: "normal", Ref: normal})

// NormalArgs lists output, input, settings, sizes.
type NormalArgs struct {
	Y      Buf `kernel:"out"` // (N,I) float32
	Step   Buf // (2) float32: an integer as [PutUint64] writes it, below 2⁴⁴
	Seed   uint64
	Stream uint8
	First  uint64 // the sample in row 0; all are below 2⁴⁴
	Scale  float32
	N, I   int // I is at most 2³⁴
}

func normal(c *CPU, a NormalArgs) {
	step, key := Uint64(a.Step.F32), RandomKey(a.Seed)
	const part = BlockLen / 16 // elements of one task, a multiple of 4
	parts := (a.I + part - 1) / part
	c.For(a.N*parts, func(_, task int) {
		n, lo := task/parts, task%parts*part
		at := RandomCounter(a.Stream, step, a.First+uint64(n))
		y := a.Y.F32[n*a.I:][:a.I]
		for i := lo; i < min(lo+part, a.I); i += 4 {
			at[0] = uint32(i / 4)
			for j, w := range Philox(at, key) {
				if i+j < a.I {
					y[i+j] = a.Scale * float32(InverseNormal(w))
				}
			}
		}
	})
}
