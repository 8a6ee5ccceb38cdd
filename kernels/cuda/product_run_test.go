package cuda

import (
	"maps"
	"testing"

	"onestep/kernels"
	"onestep/kernels/cuda/emulated"
	"onestep/kernels/cuda/simt"
	"onestep/kernels/kernelstest"
)

// Checks are what the tests' interpreter looks for.
func Checks() simt.Options {
	o := simt.Strict
	o.Unwaited = true
	return o
}

// Strict opens the interpreter, which looks for everything that is wrong and takes another schedule each time. Its first run is counted, unless counters
// are nil.
func Strict(t *testing.T, counters *simt.Counters) (*Device, kernelstest.Opener) {
	t.Helper()
	drv := emulated.New(Checks())
	d, err := On(drv, "emulated")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		launched.Lock()
		defer launched.Unlock()
		maps.Copy(launched.kernels, d.kernels)
	})
	return d, func(seed uint64) kernels.Device {
		o := Checks()
		o.Seed, o.Counters = seed, counters
		counters = nil // of the first run, whose buffers start at multiples of 16 bytes
		drv.SetOptions(o)
		return d
	}
}

// counting opens the interpreter to count what a run does, whatever its numbers.
func counting(t *testing.T, counters *simt.Counters) (*Device, kernelstest.Opener) {
	t.Helper()
	drv := emulated.New(simt.Options{Counters: counters, CountOnly: true})
	d, err := On(drv, "emulated")
	if err != nil {
		t.Fatal(err)
	}
	return d, func(uint64) kernels.Device { return d }
}

// productSize is how large a product is: a part of one tile and several, with rows and columns that are whole chunks of 16 bytes or not, or so many
// rows, or many tiles.
type productSize struct {
	large, whole bool
	rows         int           // and then blocks do not share a sum
	wide         bool          // products of halves are float32
	typ          kernels.DType // of the operands
}

// productCases are the products whose tiles are tried.
var productCases = []struct {
	name string
	op   *productOp
	run  func(t *testing.T, open kernelstest.Opener, size productSize, options ...kernelstest.Option)
}{
	{"gemm nn", gemmNN, gemmCase(false, false)},
	{"gemm nt", gemmNT, gemmCase(false, true)},
	{"gemm tn", gemmTN, gemmCase(true, false)},
	{"conv2d", conv2DProduct, func(t *testing.T, open kernelstest.Opener, size productSize, options ...kernelstest.Option) {
		kernelstest.AgreeOn(t, &kernels.Conv2D, func(r *kernelstest.Rand) kernels.Conv2DArgs {
			s := size.shape()
			y := s.N * s.OH * s.OW * s.O
			return kernels.Conv2DArgs{
				Y: r.Out(y), X: small(r, s.N*s.H*s.W*s.I, 3), Weight: small(r, s.KH*s.KW*s.I*s.O, 3), Bias: small(r, s.O, 9), Residual: small(r, y, 9),
				Scale: 0.5, ReLU: true, ConvShape: s,
			}
		}, open, options...)
	}},
	{"conv2d_input_grad", conv2DInputGradProduct, func(t *testing.T, open kernelstest.Opener, size productSize, options ...kernelstest.Option) {
		for _, masked := range []bool{false, true} {
			kernelstest.AgreeOn(t, &kernels.Conv2DInputGrad, func(r *kernelstest.Rand) kernels.Conv2DInputGradArgs {
				s := size.shape()
				s.I, s.O = s.O, s.I
				a := kernels.Conv2DInputGradArgs{
					DX: r.Out(s.N * s.H * s.W * s.I), DY: small(r, s.N*s.OH*s.OW*s.O, 3), Weight: small(r, s.KH*s.KW*s.I*s.O, 3), Scale: 0.5, ConvShape: s,
				}
				if masked {
					a.Mask = small(r, s.N*s.H*s.W*s.I, 3)
				}
				return a
			}, open, options...)
		}
	}},
	{"conv2d_weight_grad", conv2DWeightGradProduct, func(t *testing.T, open kernelstest.Opener, size productSize, options ...kernelstest.Option) {
		kernelstest.AgreeOn(t, &kernels.Conv2DWeightGrad, func(r *kernelstest.Rand) kernels.Conv2DWeightGradArgs {
			s := size.weight()
			return kernels.Conv2DWeightGradArgs{
				DWeight: r.Out(s.KH * s.KW * s.I * s.O), DBias: r.Out(s.O),
				X: small(r, s.N*s.H*s.W*s.I, 3), DY: small(r, s.N*s.OH*s.OW*s.O, 3), Scale: 1, ConvShape: s,
			}
		}, open, options...)
	}},
}

func gemmCase(transA, transB bool) func(*testing.T, kernelstest.Opener, productSize, ...kernelstest.Option) {
	return func(t *testing.T, open kernelstest.Opener, size productSize, options ...kernelstest.Option) {
		kernelstest.AgreeOn(t, &kernels.GEMM, func(r *kernelstest.Rand) kernels.GEMMArgs {
			m, n, k := 72, 40, 104
			switch {
			case size.large:
				m, n, k = 256, 128, 256
			case size.rows > 0:
				m, k = size.rows, 168
			}
			if !size.whole {
				m, n, k = m-1, n-3, k-5
			}
			a := kernels.GEMMArgs{
				C: r.Out(m * n), A: small(r, m*k, 3), B: small(r, k*n, 3), Bias: small(r, n, 9),
				M: m, N: n, K: k, LDA: k, LDB: n, LDC: n, TransA: transA, TransB: transB,
			}
			if transA {
				a.LDA = m
			}
			if transB {
				a.LDB = k
			}
			return a
		}, open, options...)
	}
}

// shape is a convolution; rows are its pixels.
func (size productSize) shape() kernels.ConvShape {
	s := kernels.ConvShape{N: 2, H: 7, W: 6, I: 16, O: 24, KH: 3, KW: 3, Stride: 1, PadH: 1, PadW: 1}
	switch {
	case size.large:
		s = kernels.ConvShape{N: 1, H: 16, W: 16, I: 64, O: 128, KH: 3, KW: 3, Stride: 1, PadH: 1, PadW: 1}
	case size.rows > 0:
		s.N, s.H, s.W, s.O = 1, size.rows/2, 2, 40
	}
	if !size.whole {
		s.I, s.O = s.I-5, s.O-3
	}
	return s.Out()
}

// weight is a convolution; rows, in whole chunks, are its taps' input channels.
func (size productSize) weight() kernels.ConvShape {
	if size.rows == 0 {
		return size.shape()
	}
	chunk := 16 / size.typ.Size()
	taps := size.rows / chunk
	s := kernels.ConvShape{N: 1, H: 9, W: 16, I: chunk, O: 40, KH: 1, KW: taps, Stride: 1, PadW: taps / 2}
	if !size.whole {
		s.O -= 3
	}
	return s.Out()
}

// small is an input of whole numbers from −limit to limit, of which sums are exact in every arithmetic.
func small(r *kernelstest.Rand, n, limit int) kernels.Buf {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.IntN(2*limit+1) - limit)
	}
	return r.Values(x...)
}

// tileRun runs a product on the tile of a test.
type tileRun func(size productSize, options ...kernelstest.Option)

// eachTile runs f for every case, arithmetic and tile, the i-th with a device of its own, beside each other.
func eachTile(t *testing.T, opened func(*testing.T, *simt.Counters) (*Device, kernelstest.Opener), f func(t *testing.T, i int, counters *simt.Counters, run tileRun)) {
	i := 0
	for _, c := range productCases {
		for _, tile := range c.op.tiles {
			at := i
			i++
			t.Run(c.name+" "+tile.arithmetic.String()+" "+tile.name, func(t *testing.T) {
				t.Parallel()
				counters := simt.NewCounters(false)
				d, open := opened(t, counters)
				t.Cleanup(func() { d.Close() })
				d.tile, d.TF32 = tile.name, tile.arithmetic == tf32
				f(t, at, counters, func(size productSize, options ...kernelstest.Option) {
					if size.wide && tile.typ() != kernels.F16 {
						return
					}
					if tile.typ() == kernels.F16 {
						options = append(options, kernelstest.AllHalf())
					} else {
						options = append(options, kernelstest.OnlyF32())
					}
					if size.wide {
						options = append(options, kernelstest.OnlyF32("C", "Y", "Residual", "DX", "Mask", "DWeight", "DBias"))
					}
					d.unsplit = size.rows > 0
					size.typ = tile.typ()
					c.run(t, open, size, append(options, kernelstest.Exactly(), kernelstest.Trials(1))...)
				})
			})
		}
	}
}

func uncounted(t *testing.T, _ *simt.Counters) (*Device, kernelstest.Opener) { return Strict(t, nil) }

// TestProductTilesRun runs every kernel on numbers whose products and sums are exact, so that each bit of C counts; a third of them, in rotation, under
// several schedules and on odd sizes.
func TestProductTilesRun(t *testing.T) {
	eachTile(t, uncounted, func(t *testing.T, i int, _ *simt.Counters, run tileRun) {
		if testing.Short() || !kernelstest.Turn(t, i, 3) {
			run(productSize{whole: true}, kernelstest.Seeds(1))
			return
		}
		run(productSize{whole: true})
		run(productSize{}, kernelstest.Seeds(2))
	})
}

// TestProductRows has the last rows of C end in every place of what a thread stores. Blocks go through more slices than they have stages.
func TestProductRows(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	eachTile(t, uncounted, func(t *testing.T, i int, _ *simt.Counters, run tileRun) {
		if !kernelstest.Turn(t, i+1, 3) {
			return
		}
		for _, wide := range []bool{false, true} {
			for _, rows := range []int{8, 16, 36, 60, 252} {
				run(productSize{whole: true, rows: rows, wide: wide}, kernelstest.Seeds(1))
			}
			run(productSize{rows: 300, wide: wide}, kernelstest.Seeds(1))
		}
	})
}

// TestProductMemory holds every kernel to its accesses: no two in a bank of shared memory at a time, and whole sectors of global memory.
// With ONESTEP_TESTS=all it holds these large products to their numbers, too.
func TestProductMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	opened, options := Strict, []kernelstest.Option{kernelstest.Seeds(1)}
	if !kernelstest.All() {
		opened, options = counting, append(options, kernelstest.Unchecked())
	}
	eachTile(t, opened, func(t *testing.T, i int, counters *simt.Counters, run tileRun) {
		if !kernelstest.Turn(t, i+2, 3) {
			return
		}
		run(productSize{large: true, whole: true}, options...)
		if counters.Wavefronts != counters.IdealWavefronts {
			t.Errorf("%d wavefronts of shared memory, ideally %d", counters.Wavefronts, counters.IdealWavefronts)
		}
		if float64(counters.IdealSectors) < 0.9*float64(counters.Sectors) {
			t.Errorf("%d sectors of global memory, ideally %d", counters.Sectors, counters.IdealSectors)
		}
	})
}
