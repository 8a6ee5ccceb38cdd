package kernels

// Axpby is y = a·x + b·z. Without Z it is y = a·x.
var Axpby = define(Op[AxpbyArgs]{Name: "axpby", Ref: axpby})

// AxpbyArgs lists output, inputs, settings, size. Z may be left out. Y may be X or Z.
type AxpbyArgs struct {
	Y    Buf `kernel:"out"` // (N)
	X    Buf // (N)
	Z    Buf // (N), or not given
	A, B float32
	N    int
}

func axpby(c *CPU, a AxpbyArgs) {
	c.Blocks(a.N, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			y := float64(a.A) * float64(a.X.F32[i])
			if a.Z.Given() {
				y += float64(a.B) * float64(a.Z.F32[i])
			}
			a.Y.F32[i] = float32(y)
		}
	})
}

// SampleAxpby is Axpby with coefficients of each sample's own:
//
//	y[n,i] = a[n]·x[n,i] + b[n]·z[n,i]
var SampleAxpby = define(Op[SampleAxpbyArgs]{Name: "sample_axpby", Ref: sampleAxpby})

// SampleAxpbyArgs lists output, inputs, sizes. Z and B may be left out.
type SampleAxpbyArgs struct {
	Y    Buf `kernel:"out"` // (N,I)
	X    Buf // (N,I)
	Z    Buf // (N,I), or not given
	A, B Buf // (N) float32
	N, I int
}

func sampleAxpby(c *CPU, a SampleAxpbyArgs) {
	c.Rows(a.N, a.I, func(_, lo, hi int) {
		for n := lo; n < hi; n++ {
			for i := n * a.I; i < (n+1)*a.I; i++ {
				y := float64(a.A.F32[n]) * float64(a.X.F32[i])
				if a.Z.Given() {
					y += float64(a.B.F32[n]) * float64(a.Z.F32[i])
				}
				a.Y.F32[i] = float32(y)
			}
		}
	})
}

// ChannelAffine is y[m,c] = x[m,c]·a[c] + b[c]: LPIPS's input scaling. Without B it is a scaling, its own gradient.
var ChannelAffine = define(Op[ChannelAffineArgs]{Name: "channel_affine", Ref: channelAffine})

// ChannelAffineArgs lists output, inputs, sizes. B may be left out.
type ChannelAffineArgs struct {
	Y    Buf `kernel:"out"` // (M,C)
	X    Buf // (M,C)
	A, B Buf // (C); B may be left out
	M, C int
}

func channelAffine(c *CPU, a ChannelAffineArgs) {
	c.Rows(a.M, a.C, func(_, lo, hi int) {
		for m := lo; m < hi; m++ {
			for ch := range a.C {
				y := float64(a.X.F32[m*a.C+ch]) * float64(a.A.F32[ch])
				if a.B.Given() {
					y += float64(a.B.F32[ch])
				}
				a.Y.F32[m*a.C+ch] = float32(y)
			}
		}
	})
}

// CopyChannels copies C channels of M pixels between buffers of different widths: concatenation along channels and its
// inverse. Pixels are XWidth and YWidth elements apart; the other channels of Y keep their values.
//
//	y[m, yFrom+c] = x[m, xFrom+c]
var CopyChannels = define(Op[CopyChannelsArgs]{Name: "copy_channels", Ref: copyChannels, Half: true})

// CopyChannelsArgs lists output, input, sizes. Y and X have the same type.
type CopyChannelsArgs struct {
	Y             Buf `kernel:"inout"` // (M,YWidth)
	X             Buf // (M,XWidth)
	M, C          int
	YWidth, YFrom int
	XWidth, XFrom int
}

func copyChannels(c *CPU, a CopyChannelsArgs) {
	c.Rows(a.M, a.C, func(_, lo, hi int) {
		for m := lo; m < hi; m++ {
			y, x := m*a.YWidth+a.YFrom, m*a.XWidth+a.XFrom
			if a.Y.Type == F16 {
				copy(a.Y.F16[y:y+a.C], a.X.F16[x:x+a.C])
			} else {
				copy(a.Y.F32[y:y+a.C], a.X.F32[x:x+a.C])
			}
		}
	})
}

// Mul is y = x·z: a dropout mask, say.
var Mul = define(Op[MulArgs]{Name: "mul", Ref: mul})

// MulArgs lists output, inputs, size.
type MulArgs struct {
	Y Buf `kernel:"out"` // (N)
	X Buf // (N)
	Z Buf // (N)
	N int
}

func mul(c *CPU, a MulArgs) {
	c.Blocks(a.N, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			a.Y.F32[i] = a.X.F32[i] * a.Z.F32[i]
		}
	})
}
