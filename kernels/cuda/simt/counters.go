package simt

import (
	"math/bits"

	"onestep/kernels/cuda/ptx"
)

// Class is a kind of instruction, by the unit that does it.
type Class uint8

// The classes.
const (
	ClassOther Class = iota // moves, integer arithmetic, comparisons, conversions between integers
	ClassFP32               // add, mul, fma of float32 and of packed halves; conversions between both
	ClassFP64
	ClassSpecial // ex2, rcp, rsqrt and the like; other conversions between types
	ClassMatrix  // mma
	ClassShared  // ld and st of shared memory, ldmatrix
	ClassGlobal
	ClassAsync // cp.async
	ClassControl
	ClassSync
	numClasses
)

var classNames = [numClasses]string{"integer", "fp32", "fp64", "special", "matrix", "shared", "global", "async", "control", "sync"}

func (c Class) String() string { return classNames[c] }

// Counters are what launches did. Memory is counted in the units that hardware moves: sectors of 32 bytes of global memory, wavefronts of
// shared memory, of which one serves all 32 banks of 4 bytes once.
type Counters struct {
	Warp        [numClasses]int64 // instructions of warps
	Thread      [numClasses]int64 // of threads
	FLOPs       int64             // of add, mul and fma; of mma in MatrixFLOPs
	MatrixFLOPs int64

	Stores          int64 // instructions of warps that write global memory, whether or not they read it
	Sectors         int64 // of global accesses
	IdealSectors    int64 // that the bytes asked for would need if they lay together
	Wavefronts      int64 // of shared accesses
	IdealWavefronts int64
	Read, Written   map[uint64]struct{} // sectors touched, by number; nil: not gathered

	ByLine map[int]*Line
	lines  []*Line // the same by number, as far as it was asked
}

// Line is one line of the PTX file.
type Line struct {
	Count                       int64 // instructions of warps
	Sectors, IdealSectors       int64
	Wavefronts, IdealWavefronts int64
}

// NewCounters counts from zero; unique says whether to gather which sectors are touched, which takes memory.
func NewCounters(unique bool) *Counters {
	c := &Counters{ByLine: map[int]*Line{}}
	if unique {
		c.Read, c.Written = map[uint64]struct{}{}, map[uint64]struct{}{}
	}
	return c
}

func (c *Counters) line(n int) *Line {
	for n >= len(c.lines) {
		c.lines = append(c.lines, nil)
	}
	if c.lines[n] == nil {
		if c.ByLine[n] == nil {
			c.ByLine[n] = &Line{}
		}
		c.lines[n] = c.ByLine[n]
	}
	return c.lines[n]
}

func (c *Counters) instruction(in *instr, mask uint32) {
	n := int64(bits.OnesCount32(mask))
	c.Warp[in.class]++
	c.Thread[in.class] += n
	if in.class == ClassMatrix {
		c.MatrixFLOPs += int64(in.flops)
	} else {
		c.FLOPs += int64(in.flops) * n
	}
	c.line(in.line).Count++
}

// access counts the memory of one instruction of a warp. A nil Counters counts nothing.
func (c *Counters) access(w *warp, s ptx.Space, addrs *vector, mask uint32, size int, writes bool) {
	if c == nil || mask == 0 {
		return
	}
	if s == ptx.Generic {
		s, _ = space(addrs[bits.TrailingZeros32(mask)])
	}
	switch s {
	case ptx.Global:
		c.global(w, addrs, mask, size, writes)
	case ptx.Shared:
		c.sharedAccess(w, addrs, mask, size)
	}
}

func (c *Counters) global(w *warp, addrs *vector, mask uint32, size int, writes bool) {
	var sectorsOf [2 * lanes]uint64
	var asked [lanes]uint64
	sectors, places := sectorsOf[:0], asked[:0]
	lanesOf(mask, func(l int) {
		places = insert(places, addrs[l])
		for a := addrs[l] / 32; a <= (addrs[l]+uint64(size)-1)/32; a++ {
			sectors = insert(sectors, a)
		}
	})
	if writes {
		c.Stores++
	}
	n, ideal := int64(len(sectors)), int64((len(places)*size+31)/32)
	c.Sectors += n
	c.IdealSectors += ideal
	l := c.line(w.at.line)
	l.Sectors += n
	l.IdealSectors += ideal
	to := c.Read
	if writes {
		to = c.Written
	}
	if to != nil {
		for _, s := range sectors {
			to[s] = struct{}{}
		}
	}
}

// insert adds a number to a list that has each once. It is likely to be among the last.
func insert(list []uint64, x uint64) []uint64 {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == x {
			return list
		}
	}
	return append(list, x)
}

// sharedAccess counts wavefronts: of 8-byte accesses half a warp goes at a time, of 16-byte ones a quarter.
func (c *Counters) sharedAccess(w *warp, addrs *vector, mask uint32, size int) {
	per := lanes
	if size > 4 {
		per = lanes * 4 / size
	}
	var n, ideal int64
	for first := 0; first < lanes; first += per {
		part := mask >> first & uint32(bitsMask(per))
		if part == 0 {
			continue
		}
		var words [lanes]uint64
		list := words[:0]
		for m := part; m != 0; m &= m - 1 {
			for b := 0; b < size; b += 4 {
				list = append(list, addrs[first+bits.TrailingZeros32(m)]/4+uint64(b/4))
			}
		}
		n += wavefronts(list)
		ideal++
	}
	c.addWavefronts(w, n, ideal)
}

// matrix counts an ldmatrix: a phase for each matrix of eight rows of 16 bytes.
func (c *Counters) matrix(w *warp, rows []uint64) {
	if c == nil {
		return
	}
	var n, ideal int64
	for ; len(rows) > 0; rows = rows[8:] {
		var words [lanes]uint64
		for i := range words {
			words[i] = rows[i/4]/4 + uint64(i%4)
		}
		n += wavefronts(words[:])
		ideal++
	}
	c.addWavefronts(w, n, ideal)
}

func (c *Counters) addWavefronts(w *warp, n, ideal int64) {
	c.Wavefronts += n
	c.IdealWavefronts += ideal
	l := c.line(w.at.line)
	l.Wavefronts += n
	l.IdealWavefronts += ideal
}

// wavefronts is the most different words that fall into one of the 32 banks.
func wavefronts(words []uint64) int64 {
	var latest, count [32]int       // by bank: the word that came last, from 1, and how many there are
	before := make([]int, 0, lanes) // by word: the one of its bank that came before it
	most := 1
next:
	for i, word := range words {
		bank := word % 32
		for j := latest[bank]; j > 0; j = before[j-1] {
			if words[j-1] == word {
				before = append(before, 0)
				continue next
			}
		}
		before = append(before, latest[bank])
		latest[bank] = i + 1
		count[bank]++
		most = max(most, count[bank])
	}
	return int64(most)
}

func memoryClass(s ptx.Space, _ bool) Class {
	switch s {
	case ptx.Shared:
		return ClassShared
	case ptx.Global, ptx.Generic, ptx.Local:
		return ClassGlobal
	}
	return ClassOther
}

// classOf is the unit that does an instruction.
func classOf(in *ptx.Instruction) Class {
	t := ptx.NoType
	if len(in.Types) > 0 {
		t = in.Types[len(in.Types)-1]
	}
	switch in.Op {
	case "mma", "wmma": // of the latter mma alone: load and store say what they are
		return ClassMatrix
	case "ldmatrix", "movmatrix":
		return ClassShared
	case "ex2", "lg2", "sin", "cos", "tanh", "rcp", "rsqrt", "sqrt", "div":
		if t == ptx.F64 {
			return ClassFP64
		}
		if t.Float() || t == ptx.F16x2 {
			return ClassSpecial
		}
	case "cvt":
		if to := in.Types[0]; to == ptx.F32 && half(t) || half(to) && t == ptx.F32 {
			return ClassFP32 // HADD2.F32 and F2FP in sm_80's machine code
		}
		if in.Types[0].Float() || t.Float() {
			return ClassSpecial
		}
	case "add", "sub", "mul", "fma", "mad", "min", "max", "neg", "abs":
		switch {
		case t == ptx.F64:
			return ClassFP64
		case t.Float() || t == ptx.F16x2 || t == ptx.BF16x2:
			return ClassFP32
		}
	}
	return ClassOther
}

func half(t ptx.Type) bool { return t == ptx.F16 || t == ptx.F16x2 || t == ptx.BF16 || t == ptx.BF16x2 }

// flopsOf is the floating-point operations of one thread.
func flopsOf(in *ptx.Instruction) int {
	t := ptx.NoType
	if len(in.Types) > 0 {
		t = in.Types[len(in.Types)-1]
	}
	if !t.Float() && t != ptx.F16x2 && t != ptx.BF16x2 {
		return 0
	}
	n := map[string]int{"add": 1, "sub": 1, "mul": 1, "fma": 2, "mad": 2}[in.Op]
	if t == ptx.F16x2 || t == ptx.BF16x2 {
		n *= 2
	}
	return n
}
