package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const tileHeader = `
// The inner kernels of every matrix product. One call makes columns of tiles, w wide; in form N
//
//	for g := 0; g < groups; g++ {
//		for r := 0; r < rows; r++ {
//			for j := 0; j < w; j++ {
//				sum := init[g*gi + r*ldi + j]
//				for l := each step {
//					sum = fma(a[g*ga + r*s + l], b[l*ldb + j], sum)
//				}
//				c[g*gc + r*ldc + j] = sum
//			}
//		}
//	}
//
// and in form T with a[g*ga + l*s + r]. The steps are k in a row, then a jump in a and in b and k more, and so for each of
// the runs; and after all runs another jump, and so for each of the sheets. All strides and jumps are in bytes, and jumps
// count from behind the last step. The sum runs over the steps in order in one accumulator for each element, so that the
// bits depend neither on the instruction set nor on how a product is cut into tiles.
//
// Registers, AVX-512: Z0-Z23 hold the tile of 8 rows x 48 columns, Z24-Z26 one row of b, Z28-Z31 elements of a in turn. A
// step is 24 FMA, 3 loads and 8 broadcasts: 12 cycles of two FMA units and two load ports. AVX2: Y0-Y11 hold 6 rows x 16
// columns, Y12-Y13 a row of b, Y14-Y15 elements of a. The rows that are left over make one smaller tile, or with AVX2 two.
//
//	AX  row of b at this step   R8   s                  R12  a at this step
//	BX  b                       R9   3s                 R13  steps left in this run
//	CX  ldb                     R10  5s, form N only    R14  3ldb
//	DX  c                       R11  7s, form N only    R15  the arguments
//	SI  init                    DI   rows left
//
// On the stack: a of this tile; a, c and init of this group; counts of groups, sheets and runs left.
//
// FLOP per byte of b: rows/2. Error bound of each sum of K products: K·2⁻²⁴·Σ|a||b|.
`

// Offsets in the Go struct tileArgs.
const (
	argA = 8 * iota
	argB
	argC
	argInit
	argS
	argLDB
	argLDC
	argLDI
	argRows
	argK
	argRuns
	argRunA
	argRunB
	argSheets
	argSheetA
	argSheetB
	argGroups
	argGroupA
	argGroupC
	argGroupInit
)

// unroll is the number of steps of the main loop that are written out.
const unroll = 4

// form says how the kernel walks through A.
type form string

const (
	formN form = "N" // a[r][l]: l contiguous
	formT form = "T" // a[l][r]: r contiguous
)

func tiles(a *asm) {
	for _, s := range isas {
		height, widths := 8, []int{3, 2, 1}
		if s.lanes == 8 {
			height, widths = 6, []int{2, 1}
		}
		for _, f := range []form{formN, formT} {
			for _, v := range widths {
				a.tileFunction(s, f, height, v)
			}
		}
	}
}

func (a *asm) tileFunction(s isa, f form, height, vectors int) {
	name := fmt.Sprintf("tile%s%sx%d", s.name, f, vectors*s.lanes)
	a.function(name, "func(args *byte)",
		fmt.Sprintf("%s makes rows x %d elements of a product from a *tileArgs; see the assembly for the loop it equals.", name, vectors*s.lanes))

	locals := a.AllocLocal(7 * 8)
	local := func(i int) Mem { return locals.Offset(8 * i) }
	t := &tile{asm: a, isa: s, form: f, vectors: vectors,
		a: local(0), runs: local(1), sheets: local(2)}
	groups, groupA, groupC, groupInit := local(3), local(4), local(5), local(6)

	a.Load(a.Param("args"), R15)
	for _, l := range []struct {
		arg  int
		slot Mem
	}{{argA, groupA}, {argC, groupC}, {argInit, groupInit}, {argGroups, groups}} {
		a.MOVQ(mem(R15, l.arg), RAX)
		a.MOVQ(RAX, l.slot)
	}
	a.MOVQ(mem(R15, argB), RBX)
	a.MOVQ(mem(R15, argS), R8)
	a.MOVQ(mem(R15, argLDB), RCX)
	a.LEAQ(at(R8, 0, R8, 2), R9)
	if f == formN {
		a.LEAQ(at(R8, 0, R8, 4), R10)
		a.LEAQ(at(R10, 0, R8, 2), R11)
	}
	a.LEAQ(at(RCX, 0, RCX, 2), R14)

	group, full, rest, end := a.label("group"), a.label("full"), a.label("rest"), a.label("end")
	a.Label(group)
	a.MOVQ(groupA, RAX)
	a.MOVQ(RAX, t.a)
	a.MOVQ(groupC, RDX)
	a.MOVQ(groupInit, RSI)
	a.MOVQ(mem(R15, argRows), RDI)

	four := a.label("four")
	a.Label(full)
	if height == 6 { // 8 and 7 rows go as 4 and 4, or 4 and 3: a tile of 2 rows or 1 waits for its sums
		a.CMPQ(RDI, imm(8))
		a.JE(LabelRef(four))
		a.CMPQ(RDI, imm(7))
		a.JE(LabelRef(four))
	}
	a.CMPQ(RDI, imm(height))
	a.JLT(LabelRef(rest))
	t.rows = height
	t.body(true)
	a.SUBQ(imm(height), RDI)
	a.JMP(LabelRef(full))
	if height == 6 {
		a.Label(four)
		t.rows = 4
		t.body(true)
		a.SUBQ(imm(4), RDI)
	}
	a.Label(rest)
	for h := height - 1; h > 0; h-- {
		next := a.label("rows")
		a.CMPQ(RDI, imm(h))
		a.JNE(LabelRef(next))
		t.rows = h
		t.body(false)
		a.JMP(LabelRef(end))
		a.Label(next)
	}

	a.Label(end)
	a.MOVQ(mem(R15, argGroupA), RAX)
	a.ADDQ(RAX, groupA)
	a.MOVQ(mem(R15, argGroupC), RAX)
	a.ADDQ(RAX, groupC)
	a.MOVQ(mem(R15, argGroupInit), RAX)
	a.ADDQ(RAX, groupInit)
	a.DECQ(groups)
	a.JNE(LabelRef(group))
	a.VZEROUPPER()
	a.RET()
}

// tile generates the code for one tile size.
type tile struct {
	*asm
	isa             isa
	form            form
	rows            int
	vectors         int
	a, runs, sheets Mem
}

func (t *tile) acc(r, v int) Register { return t.isa.regs[r*t.vectors+v] }

func (t *tile) b(v int) Register {
	if t.isa.lanes == 8 {
		return t.isa.regs[12+v]
	}
	return t.isa.regs[24+v]
}

func (t *tile) bcast(r int) Register {
	if t.isa.lanes == 8 {
		return t.isa.regs[14+r%2]
	}
	return t.isa.regs[28+r%4]
}

// body makes one tile and moves a, c and init to the next.
func (t *tile) body(unrolled bool) {
	a := t.asm
	a.Commentf("(%d,%d) of C", t.rows, t.vectors*t.isa.lanes)
	a.MOVQ(mem(R15, argLDI), RAX)
	for r := range t.rows {
		for v := range t.vectors {
			a.VMOVUPS(mem(RSI, v*t.isa.bytes()), t.acc(r, v))
		}
		a.ADDQ(RAX, RSI)
	}
	a.MOVQ(t.a, R12)
	a.MOVQ(mem(R15, argSheets), RAX)
	a.MOVQ(RAX, t.sheets)
	a.MOVQ(RBX, RAX)

	sheet, run, one, done := a.label("sheet"), a.label("run"), a.label("one"), a.label("done")
	a.Label(sheet)
	a.MOVQ(mem(R15, argRuns), R13)
	a.MOVQ(R13, t.runs)
	a.Label(run)
	a.MOVQ(mem(R15, argK), R13)
	if unrolled {
		four, few := a.label("steps"), a.label("few")
		a.SUBQ(imm(unroll), R13)
		a.JLT(LabelRef(few))
		a.Label(four)
		for u := range unroll {
			t.step(u)
		}
		t.advance(unroll)
		a.SUBQ(imm(unroll), R13)
		a.JGE(LabelRef(four))
		a.Label(few)
		a.ADDQ(imm(unroll), R13)
		a.JE(LabelRef(done))
	}
	a.Label(one)
	t.step(0)
	t.advance(1)
	a.DECQ(R13)
	a.JNE(LabelRef(one))
	a.Label(done)
	a.ADDQ(mem(R15, argRunA), R12)
	a.ADDQ(mem(R15, argRunB), RAX)
	a.DECQ(t.runs)
	a.JNE(LabelRef(run))
	a.ADDQ(mem(R15, argSheetA), R12)
	a.ADDQ(mem(R15, argSheetB), RAX)
	a.DECQ(t.sheets)
	a.JNE(LabelRef(sheet))

	a.MOVQ(mem(R15, argLDC), RAX)
	for r := range t.rows {
		for v := range t.vectors {
			a.VMOVUPS(t.acc(r, v), mem(RDX, v*t.isa.bytes()))
		}
		a.ADDQ(RAX, RDX)
	}

	// The next tile's rows of A.
	if !unrolled {
		return
	}
	if t.form == formT {
		a.ADDQ(imm(4*t.rows), t.a)
		return
	}
	switch t.rows {
	case 8:
		a.LEAQ(at(R8, 0, R11, 1), RAX)
	case 6:
		a.LEAQ(at(R8, 0, R10, 1), RAX)
	case 4:
		a.LEAQ(at(R8, 0, R9, 1), RAX)
	}
	a.ADDQ(RAX, t.a)
}

// step adds the outer product of u steps ahead.
func (t *tile) step(u int) {
	for v := range t.vectors {
		t.VMOVUPS(strided(RAX, v*t.isa.bytes(), RCX, R14, u), t.b(v))
	}
	for r := range t.rows {
		var m Mem
		if t.form == formN {
			m = t.rowOfA(r, 4*u)
		} else {
			m = strided(R12, 4*r, R8, R9, u)
		}
		t.VBROADCASTSS(m, t.bcast(r))
		for v := range t.vectors {
			t.VFMADD231PS(t.b(v), t.bcast(r), t.acc(r, v))
		}
	}
}

// rowOfA is element (r, disp) of the tile's rows of A in form N.
func (t *tile) rowOfA(r, disp int) Mem {
	base := R12
	switch r {
	case 0:
		return mem(base, disp)
	case 1, 2, 4:
		return at(base, disp, R8, r)
	case 3:
		return at(base, disp, R9, 1)
	case 5:
		return at(base, disp, R10, 1)
	case 6:
		return at(base, disp, R9, 2)
	case 7:
		return at(base, disp, R11, 1)
	}
	panic("rows")
}

// strided is the element disp bytes into row u of a matrix, for u up to 3.
func strided(base Register, disp int, stride, stride3 Register, u int) Mem {
	switch u {
	case 0:
		return mem(base, disp)
	case 3:
		return at(base, disp, stride3, 1)
	}
	return at(base, disp, stride, u)
}

// advance moves on by u steps.
func (t *tile) advance(u int) {
	if t.form == formN {
		t.ADDQ(imm(4*u), R12)
	} else if u == unroll {
		t.LEAQ(at(R12, 0, R8, unroll), R12)
	} else {
		t.ADDQ(R8, R12)
	}
	if u == unroll {
		t.LEAQ(at(RAX, 0, RCX, unroll), RAX)
	} else {
		t.ADDQ(RCX, RAX)
	}
}
