//go:build amd64 && !purego

package cpu

import (
	"onestep/kernels"
)

func init() {
	for _, isa := range []kernels.ISA{kernels.AVX2, kernels.AVX512} {
		kernels.GEMM.Register(kernels.Impl[kernels.GEMMArgs]{
			Kind: "cpu", ISA: isa, Half: true,
			CPU: func(c *kernels.CPU, a kernels.GEMMArgs) { gemm(c, isa, a) },
		})
	}
}

func gemm(c *kernels.CPU, isa kernels.ISA, a kernels.GEMMArgs) {
	mustHold(&a.C, a.M, a.N, a.LDC)
	if a.TransA {
		mustHold(&a.A, a.K, a.M, a.LDA)
	} else {
		mustHold(&a.A, a.M, a.K, a.LDA)
	}
	if a.TransB {
		mustHold(&a.B, a.N, a.K, a.LDB)
	} else {
		mustHold(&a.B, a.K, a.N, a.LDB)
	}
	if a.Bias.Given() {
		mustHold(&a.Bias, 1, a.N, 0)
	}
	p := product{
		c: c, isa: isa, m: a.M, n: a.N, k: a.K,
		formT: a.TransA, lda: a.LDA,
		b:     &rightMatrix{buf: a.B, taps: oneTap, per: a.K, ld: a.LDB, trans: a.TransB},
		alpha: 1, blocks: plainBlocks(a.K),
		bias: a.Bias,
	}
	// Columns of A that are 4 KB apart would cost an address translation for every step: strips of them are copied.
	if a.A.Type == kernels.F32 && !(a.TransA && a.LDA >= 1000 && a.N > widest) {
		p.aData = &a.A.F32[0]
	} else {
		p.a = plain{a.A, a.LDA}
	}
	p.writeTo(a.C, a.LDC)
	p.run()
}

var oneTap = []int{0}

// mustHold panics unless b has the elements of a matrix.
func mustHold(b *kernels.Buf, rows, cols, ld int) { b.Slice(0, (rows-1)*ld+cols) }

// plain is a left matrix, or a target, that is a matrix in memory.
type plain struct {
	buf kernels.Buf
	ld  int
}

func (x plain) fill(isa kernels.ISA, dst *float32, ld, row0, row1, col0, col1 int) {
	load(isa, dst, &x.buf, row0*x.ld+col0, rowsOf(row1-row0, col1-col0, ld, x.ld))
}

func (x plain) load(isa kernels.ISA, dst *float32, ldd, row0, row1, col0, col1 int) {
	x.fill(isa, dst, ldd, row0, row1, col0, col1)
}

func (x plain) store(isa kernels.ISA, src *float32, lds, row0, row1, col0, col1 int) {
	store(isa, &x.buf, row0*x.ld+col0, src, rowsOf(row1-row0, col1-col0, x.ld, lds))
}

// writeTo makes a matrix the target, in place where whole vectors fit.
func (p *product) writeTo(c kernels.Buf, ldc int) {
	if c.Type == kernels.F32 && p.n%lanes(p.isa) == 0 {
		p.cData, p.ldc = &c.F32[0], ldc
	} else {
		p.out = plain{c, ldc}
	}
}

// gemmSerial is a matrix product inside a task, on the calling worker alone:
//
//	dst = alpha·A·B, or dst += alpha·A·B if accumulate
//
// A is (M,K), or stored (K,M) if transA; B is (K,N), or stored (N,K) if transB; the leading dimensions are the distance of
// stored rows in elements. It uses scratch slots 0 to 7 of the worker. isa must not be Generic.
func gemmSerial(c *kernels.CPU, worker int, isa kernels.ISA, dst []float32, ldc int, a []float32, lda int, transA bool,
	b []float32, ldb int, transB bool, m, n, k int, alpha float32, accumulate bool) {
	right := rightMatrix{buf: kernels.HostF32(b), taps: oneTap, per: k, ld: ldb, trans: transB}
	p := product{
		c: c, isa: isa, m: m, n: n, k: k,
		formT: transA, aData: &a[0], lda: lda,
		b: &right, alpha: alpha, blocks: plainBlocks(k), accumulate: accumulate,
		panels: panelsOf(isa, n),
	}
	p.np = p.panels.total
	if p.n == p.np {
		p.cData, p.ldc = &dst[0], ldc
	} else {
		p.out = plain{kernels.HostF32(dst), ldc}
	}
	if !p.useDirectB() {
		p.packed = &c.Scratch(worker, 5, k*p.np)[0]
		for i := range p.blocks.count(k) {
			for j := range p.panels.count {
				p.packPanel(worker, i, j)
			}
		}
	}
	const rows = 120
	for r := 0; r < m; r += rows {
		p.block(worker, r, min(m, r+rows), 0, p.panels.count)
	}
}
