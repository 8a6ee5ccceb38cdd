//go:build amd64 && !purego

package cpu

import (
	"math"

	"onestep/kernels"
)

func init() {
	kernels.GroupNorm.Register(kernels.Impl[kernels.GroupNormArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: groupNorm})
	kernels.GroupNormBackward.Register(kernels.Impl[kernels.GroupNormBackwardArgs]{Kind: "cpu", ISA: kernels.AVX2, CPU: groupNormBackward})
}

// gnShape is how a sample (I,C) is cut: into blocks of pixels, whose statistics are kept apart and combined in float64, and
// these into tiles that fit the first-level cache. It depends on I and C alone, so that a sample's result depends neither on
// the batch nor on the threads.
type gnShape struct {
	i, c, g, per int
	rows, blocks int // pixels per block
	tile         int // pixels per tile
}

func newGNShape(i, c, g int) gnShape {
	s := gnShape{i: i, c: c, g: g, per: c / g}
	s.rows = max(64, 1<<15/c)
	s.blocks = (i + s.rows - 1) / s.rows
	s.rows = (i + s.blocks - 1) / s.blocks
	s.blocks = (i + s.rows - 1) / s.rows
	s.tile = min(max(1<<12/c, 8), 64)
	return s
}

// block is the range of pixels of block b.
func (s *gnShape) block(b int) (lo, hi int) { return b * s.rows, min(s.i, (b+1)*s.rows) }

// tiles calls f for the tiles of the pixels from lo to hi, as offsets into the sample and numbers of rows.
func (s *gnShape) tiles(lo, hi int, f func(at, rows int)) {
	for ; lo < hi; lo += s.tile {
		f(lo*s.c, min(s.tile, hi-lo))
	}
}

// phases runs a two-pass operation on n samples: first on every block, then finish on every sample, then second on every block.
// A task does all of a sample if there are enough samples; else a task is a block. The results are the same.
func (s *gnShape) phases(c *kernels.CPU, n int, first func(w, n, b int), finish func(w, n int), second func(w, n, b int)) {
	if s.blocks == 1 || c.Threads() == 1 || n >= 2*c.Threads() {
		c.For(n, func(w, n int) {
			for b := range s.blocks {
				first(w, n, b)
			}
			finish(w, n)
			for b := range s.blocks {
				second(w, n, b)
			}
		})
		return
	}
	c.For(n*s.blocks, func(w, t int) { first(w, t/s.blocks, t%s.blocks) })
	c.For(n, finish)
	c.For(n*s.blocks, func(w, t int) { second(w, t/s.blocks, t%s.blocks) })
}

// groupNorm finds the statistics of each block with one pass: sums of x−k and (x−k)², where k[c] is the mean of the first
// pixels of the block. With m pixels behind k and n in the block, (μ−k)² ≤ (n/m)·var whatever the data, so the variance of a
// channel loses at most a factor 1+n/m ≤ 17 of precision, and next to nothing as a rule. Channels and blocks are combined in
// float64. Then
//
//	y = act( (x − M)·A + B ),   M = float32(μ − add),   A = r·w·(1+scale),   B = (M+add−μ)·A + b·(1+scale) + shift
//
// where x − M is all but exact, so that a mean much larger than the deviation does no harm.
func groupNorm(c *kernels.CPU, a kernels.GroupNormArgs) {
	isa := c.ISA()
	s := newGNShape(a.I, a.C, a.G)
	parts := scratch64(c, 0, slotAllParts, 2*a.N*s.blocks*a.G) // (N,blocks,2,G) mean and sum of squares
	coef := c.Scratch(0, slotAllCoef, a.N*3*a.C)               // (N,3,C) M, A, B
	x, y := a.X.F32, a.Y.F32
	size := a.I * a.C

	s.phases(c, a.N, func(w, n, b int) {
		lo, hi := s.block(b)
		sums := c.Scratch(w, slotSums, 3*a.C)
		shift, sums := sums[:a.C], sums[a.C:]
		clear(shift)
		clear(sums)
		count := min(hi-lo, max(8, (hi-lo)/16))
		s.tiles(lo, lo+count, func(at, rows int) { vecColumnSums(isa, shift, x[n*size+at:], rows, a.C) })
		vecScale(isa, shift, shift, 1/float32(count), a.C)
		s.tiles(lo, hi, func(at, rows int) { vecGnStats(isa, sums, shift, x[n*size+at:], rows, a.C) })
		at := (n*s.blocks + b) * 2 * a.G
		s.groups(parts[at:at+a.G], parts[at+a.G:at+2*a.G], shift, sums, hi-lo, row(a.Add, n, a.C))
	}, func(_, n int) {
		mean, rstd := a.Mean.F32[n*a.G:][:a.G], a.Rstd.F32[n*a.G:][:a.G]
		k := coef[n*3*a.C:][:3*a.C]
		add := row(a.Add, n, a.C)
		sc, sh := row(a.Scale, n, a.Stride), row(a.Shift, n, a.Stride)
		for g := range a.G {
			mu, squares := s.combine(parts[n*s.blocks*2*a.G+g:])
			r := 1 / math.Sqrt(squares/float64(a.I*s.per)+float64(a.Eps))
			mean[g], rstd[g] = float32(mu), float32(r)
			s.coefficients(k, g, mu, r, add, a.W.F32, a.B.F32, sc, sh)
		}
	}, func(_, n, b int) {
		k := coef[n*3*a.C:]
		lo, hi := s.block(b)
		s.tiles(lo, hi, func(at, rows int) {
			at += n * size
			if a.SiLU {
				vecGnApplySiLU(isa, y[at:], x[at:], k, rows, a.C)
			} else {
				vecGnApply(isa, y[at:], x[at:], k, rows, a.C)
			}
		})
	})
}

// row is row n of a matrix that may not be given: nil then.
func row(b kernels.Buf, n, stride int) []float32 {
	if !b.Given() {
		return nil
	}
	return b.F32[n*stride:]
}

// groups turns the sums of x−shift and (x−shift)² of n pixels by channel, (2,C), into means and sums of squared deviations of
// the groups.
func (s *gnShape) groups(mean, squares []float64, shift, sums []float32, n int, add []float32) {
	inv := 1 / float64(n)
	for g := range mean {
		at := g * s.per
		sum, sq := sums[at:][:s.per], sums[s.c+at:][:s.per]
		sh := shift[at:][:s.per]
		ref := float64(sh[0]) // sums of squares about the first channel's shift, which is among the values
		if add != nil {
			ref += float64(add[at])
		}
		var total, within, between float64
		for k := range sum {
			d := float64(sum[k]) * inv
			within += float64(sq[k]) - float64(sum[k])*d
			d += float64(sh[k]) - ref
			if add != nil {
				d += float64(add[at+k])
			}
			total += d
			between += d * d
		}
		total /= float64(s.per)
		mean[g] = ref + total
		squares[g] = within + float64(n)*(between-float64(s.per)*total*total)
	}
}

// combine makes one group's mean and sum of squared deviations out of those of the blocks; parts is (blocks,2,G) from this
// group on.
func (s *gnShape) combine(parts []float64) (mean, squares float64) {
	if s.blocks == 1 {
		return parts[0], parts[s.g]
	}
	for b := range s.blocks {
		lo, hi := s.block(b)
		mean += float64(hi-lo) * parts[2*b*s.g]
	}
	mean /= float64(s.i)
	for b := range s.blocks {
		lo, hi := s.block(b)
		d := parts[2*b*s.g] - mean
		squares += parts[(2*b+1)*s.g] + float64((hi-lo)*s.per)*d*d
	}
	return mean, squares
}

// coefficients sets M, A and B of group g in k, (3,C).
func (s *gnShape) coefficients(k []float32, g int, mu, r float64, add, w, b, scale, shift []float32) {
	for ch := g * s.per; ch < (g+1)*s.per; ch++ {
		m, slope, level := mu, r*float64(w[ch]), float64(b[ch])
		if add != nil {
			m -= float64(add[ch])
		}
		if scale != nil {
			slope *= 1 + float64(scale[ch])
			level = level*(1+float64(scale[ch])) + float64(shift[ch])
		}
		rounded := float32(m)
		k[ch], k[s.c+ch], k[2*s.c+ch] = rounded, float32(slope), float32(level+(float64(rounded)-m)*slope)
	}
}

// groupNormBackward makes one pass for the sums over pixels, by channel, of g, g·d and d, where g is dy before the activation and
// d = x − M, and one for
//
//	dx = g·K1 + (d·K2 + K3)
//
// Between them, in float64: with h = (d+e)·r, e = M+add−μ, and kw = w·(1+scale),
//
//	mp = mean(g·kw), mph = mean(g·kw·h) over the group,   K1 = r·kw,   K2 = −r²·mph,   K3 = −r·mp − r²·mph·e
//
// With SiLU, g rests in DX between the passes. The gradients that reach x by other ways, E and F, are added tile by tile, while dx is in the cache.
func groupNormBackward(c *kernels.CPU, a kernels.GroupNormBackwardArgs) {
	isa := c.ISA()
	s := newGNShape(a.I, a.C, a.G)
	parts := c.Scratch(0, slotAllSums, a.N*s.blocks*3*a.C) // (N,blocks,3,C) sums of g, g·d, d
	coef := c.Scratch(0, slotAllCoef, a.N*4*a.C)           // (N,4,C) M, A, B; then M, K1, K2, K3
	dwb := c.Scratch(0, slotAllParts, a.N*2*a.C)           // (N,2,C) each sample's share of dw and db
	x, dy, dx := a.X.F32, a.DY.F32, a.DX.F32
	size := a.I * a.C
	begin := func(n int) {
		k := coef[n*4*a.C:]
		add, sc, sh := row(a.Add, n, a.C), row(a.Scale, n, a.Stride), row(a.Shift, n, a.Stride)
		for g := range a.G {
			s.coefficients(k, g, float64(a.Mean.F32[n*a.G+g]), float64(a.Rstd.F32[n*a.G+g]), add, a.W.F32, a.B.F32, sc, sh)
		}
	}
	if s.blocks > 1 {
		c.For(a.N, func(_, n int) { begin(n) })
	}

	s.phases(c, a.N, func(_, n, b int) {
		if s.blocks == 1 {
			begin(n)
		}
		lo, hi := s.block(b)
		sums := parts[(n*s.blocks+b)*3*a.C:][:3*a.C]
		clear(sums)
		k := coef[n*4*a.C:]
		s.tiles(lo, hi, func(at, rows int) {
			at += n * size
			if a.SiLU {
				vecGnBackSumsSiLU(isa, sums, dx[at:], dy[at:], x[at:], k, rows, a.C)
			} else {
				vecGnBackSums(isa, sums, dy[at:], x[at:], k, rows, a.C)
			}
		})
	}, func(w, n int) {
		sums := parts[n*s.blocks*3*a.C:][:3*a.C] // of the first block, then of all
		if s.blocks > 1 {
			total := scratch64(c, w, slotParts, 3*a.C)
			clear(total)
			for b := range s.blocks {
				for j, v := range parts[(n*s.blocks+b)*3*a.C:][:3*a.C] {
					total[j] += float64(v)
				}
			}
			for j, v := range total {
				sums[j] = float32(v)
			}
		}
		s.gradients(a, n, sums, coef[n*4*a.C:][:4*a.C], dwb[n*2*a.C:][:2*a.C])
	}, func(_, n, b int) {
		k := coef[n*4*a.C:]
		g := dy
		if a.SiLU {
			g = dx
		}
		lo, hi := s.block(b)
		s.tiles(lo, hi, func(at, rows int) {
			at += n * size
			vecGnBackApply(isa, dx[at:], g[at:], x[at:], k, rows, a.C)
			addPixels(isa, dx[at:], a.C, a.E, at/a.C*a.EWidth, a.EWidth, a.EScale, rows)
			addPixels(isa, dx[at:], a.C, a.F, at/a.C*a.FWidth, a.FWidth, a.FScale, rows)
		})
	})

	const cols = 256
	c.For((a.C+cols-1)/cols, func(w, t int) {
		lo, hi := t*cols, min(a.C, (t+1)*cols)
		dw, db := a.DW.F32[lo:hi], a.DB.F32[lo:hi]
		total := scratch64(c, w, slotParts, 2*cols)
		clear(total)
		for n := range a.N {
			sw, sb := dwb[n*2*a.C+lo:][:len(dw)], dwb[n*2*a.C+a.C+lo:][:len(dw)]
			for j := range sw {
				total[j] += float64(sw[j])
				total[cols+j] += float64(sb[j])
			}
		}
		for j := range dw {
			dw[j], db[j] = float32(total[j]), float32(total[cols+j])
		}
	})
}

// addPixels adds scale·x to rows pixels of c channels each; those of x, which may not be given, are width apart from an element on.
func addPixels(isa kernels.ISA, y []float32, c int, x kernels.Buf, from, width int, scale float32, rows int) {
	switch {
	case !x.Given():
	case width == c:
		vecAxpby(isa, y, y, x.F32[from:], 1, scale, rows*c)
	default:
		for p := range rows {
			vecAxpby(isa, y[p*c:], y[p*c:], x.F32[from+p*width:], 1, scale, c)
		}
	}
}

// gradients turns the sums (3,C) of sample n into coefficients k (4,C), of which M is there already, into dwb (2,C) and into the gradients
// at add, scale and shift.
func (s *gnShape) gradients(a kernels.GroupNormBackwardArgs, n int, sums, k, dwb []float32) {
	c := s.c
	add, sc := row(a.Add, n, c), row(a.Scale, n, a.Stride)
	for g := range s.g {
		mu, r := float64(a.Mean.F32[n*s.g+g]), float64(a.Rstd.F32[n*s.g+g])
		var mp, mph float64
		first, end := g*s.per, (g+1)*s.per
		for ch := first; ch < end; ch++ {
			e := float64(k[ch]) - mu
			if add != nil {
				e += float64(add[ch])
			}
			sg := float64(sums[ch])
			sgh := (float64(sums[c+ch]) + e*sg) * r
			one, w := 1.0, float64(a.W.F32[ch])
			if sc != nil {
				one += float64(sc[ch])
				a.DScale.F32[n*a.Stride+ch] = float32(w*sgh + float64(a.B.F32[ch])*sg)
				a.DShift.F32[n*a.Stride+ch] = float32(sg)
			}
			dwb[ch], dwb[c+ch] = float32(one*sgh), float32(one*sg)
			mp += one * w * sg
			mph += one * w * sgh
			k[c+ch] = float32(r * one * w)
		}
		count := float64(s.i * s.per)
		mp /= count
		mph /= count
		for ch := first; ch < end; ch++ {
			e := float64(k[ch]) - mu
			if add != nil {
				e += float64(add[ch])
				sh := (float64(sums[2*c+ch]) + float64(s.i)*e) * r
				kw := float64(a.W.F32[ch])
				if sc != nil {
					kw *= 1 + float64(sc[ch])
				}
				a.DAdd.F32[n*c+ch] = float32(r * (kw*float64(sums[ch]) - float64(s.i)*mp - mph*sh))
			}
			k[2*c+ch], k[3*c+ch] = float32(-r*r*mph), float32(-r*mp-r*r*mph*e)
		}
	}
}
