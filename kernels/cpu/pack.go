//go:build amd64 && !purego

package cpu

import (
	"unsafe"

	"onestep/kernels"
)

// extent is the size of a block of rows, repeated in planes, with the distances of rows and planes in elements.
type extent struct {
	rows, width, planes int
	ldd, lds            int
	pd, ps              int
}

func rowsOf(rows, width, ldd, lds int) extent {
	return extent{rows: rows, width: width, planes: 1, ldd: ldd, lds: lds}
}

// load copies a block of src, from element off, to float32.
//
//go:noinline
func load(isa kernels.ISA, dst *float32, src *kernels.Buf, off int, e extent) {
	d := (*byte)(unsafe.Pointer(dst))
	switch {
	case src.Type == kernels.F16 && isa >= kernels.AVX512:
		copyHFAVX512(d, (*byte)(unsafe.Pointer(&src.F16[off])), 4*e.ldd, 2*e.lds, e.rows, e.width, 4*e.pd, 2*e.ps, e.planes)
	case src.Type == kernels.F16:
		copyHFAVX2(d, (*byte)(unsafe.Pointer(&src.F16[off])), 4*e.ldd, 2*e.lds, e.rows, e.width, 4*e.pd, 2*e.ps, e.planes)
	case isa >= kernels.AVX512:
		copyFFAVX512(d, (*byte)(unsafe.Pointer(&src.F32[off])), 4*e.ldd, 4*e.lds, e.rows, e.width, 4*e.pd, 4*e.ps, e.planes)
	default:
		copyFFAVX2(d, (*byte)(unsafe.Pointer(&src.F32[off])), 4*e.ldd, 4*e.lds, e.rows, e.width, 4*e.pd, 4*e.ps, e.planes)
	}
}

// store copies a float32 block to dst, from element off, rounding if dst is half.
//
//go:noinline
func store(isa kernels.ISA, dst *kernels.Buf, off int, src *float32, e extent) {
	s := (*byte)(unsafe.Pointer(src))
	switch {
	case dst.Type == kernels.F16 && isa >= kernels.AVX512:
		copyFHAVX512((*byte)(unsafe.Pointer(&dst.F16[off])), s, 2*e.ldd, 4*e.lds, e.rows, e.width, 2*e.pd, 4*e.ps, e.planes)
	case dst.Type == kernels.F16:
		copyFHAVX2((*byte)(unsafe.Pointer(&dst.F16[off])), s, 2*e.ldd, 4*e.lds, e.rows, e.width, 2*e.pd, 4*e.ps, e.planes)
	case isa >= kernels.AVX512:
		copyFFAVX512((*byte)(unsafe.Pointer(&dst.F32[off])), s, 4*e.ldd, 4*e.lds, e.rows, e.width, 4*e.pd, 4*e.ps, e.planes)
	default:
		copyFFAVX2((*byte)(unsafe.Pointer(&dst.F32[off])), s, 4*e.ldd, 4*e.lds, e.rows, e.width, 4*e.pd, 4*e.ps, e.planes)
	}
}

// zero clears a block.
//
//go:noinline
func zero(isa kernels.ISA, dst *float32, e extent) {
	d := (*byte)(unsafe.Pointer(dst))
	if isa >= kernels.AVX512 {
		copyZeroAVX512(d, d, 4*e.ldd, 0, e.rows, e.width, 4*e.pd, 0, e.planes)
	} else {
		copyZeroAVX2(d, d, 4*e.ldd, 0, e.rows, e.width, 4*e.pd, 0, e.planes)
	}
}

// transpose is dst[j,i] = src[i,j] for v rows i and v·blocks columns j, v being the vector length.
//
//go:noinline
func transpose(isa kernels.ISA, dst *float32, ldd int, src *float32, lds, blocks int) {
	if isa >= kernels.AVX512 {
		transposeAVX512(dst, src, 4*ldd, 4*lds, blocks)
	} else {
		transposeAVX2(dst, src, 4*ldd, 4*lds, blocks)
	}
}

// rightMatrix is B, (K,N): K is cut into taps of per rows each, and tap t is stored from element taps[t] on with leading
// dimension ld, as (per,N) or, transposed, as (N,per). A plain matrix has one tap.
type rightMatrix struct {
	buf   kernels.Buf
	taps  []int
	per   int
	ld    int
	trans bool
}

// packPanel writes rows [k0,k0+kc) and columns [col,col+valid) to dst with rows of width elements, zero behind the valid ones.
// It uses the worker's scratch slots 3 and 4.
func (b *rightMatrix) packPanel(c *kernels.CPU, worker int, isa kernels.ISA, dst *float32, k0, kc, col, valid, width int) {
	if valid < width && !b.trans {
		zero(isa, after(dst, valid), rowsOf(kc, width-valid, width, 0))
	}
	for k := k0; k < k0+kc; {
		tap, in := k/b.per, k%b.per
		n := min(b.per-in, k0+kc-k)
		d := after(dst, (k-k0)*width)
		if b.trans {
			b.packTransposed(c, worker, isa, d, b.taps[tap]+in, n, col, valid, width)
		} else {
			load(isa, d, &b.buf, b.taps[tap]+in*b.ld+col, rowsOf(n, valid, width, b.ld))
		}
		k += n
	}
}

// packTransposed packs n rows of B whose columns are stored as rows from element off on.
func (b *rightMatrix) packTransposed(c *kernels.CPU, worker int, isa kernels.ISA, dst *float32, off, n, col, valid, width int) {
	v := lanes(isa)
	for i := 0; i < width; i += v {
		rows := min(v, valid-i)
		if rows == v && n%v == 0 && b.buf.Type == kernels.F32 {
			transpose(isa, after(dst, i), width, &b.buf.F32[off+(col+i)*b.ld], b.ld, n/v)
			continue
		}
		padded := (n + v - 1) / v * v
		tmp := &c.Scratch(worker, 3, v*padded)[0]
		if rows < v || padded > n {
			zero(isa, tmp, rowsOf(1, v*padded, 0, 0))
		}
		if rows > 0 {
			load(isa, tmp, &b.buf, off+(col+i)*b.ld, rowsOf(rows, n, padded, b.ld))
		}
		if padded == n {
			transpose(isa, after(dst, i), width, tmp, padded, n/v)
			continue
		}
		flipped := kernels.HostF32(c.Scratch(worker, 4, v*padded))
		transpose(isa, &flipped.F32[0], v, tmp, padded, padded/v)
		load(isa, after(dst, i), &flipped, 0, rowsOf(n, v, width, v))
	}
}
