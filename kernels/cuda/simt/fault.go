package simt

import (
	"fmt"

	"onestep/kernels/cuda/ptx"
)

// Fault is what went wrong in a launch.
type Fault struct {
	Kernel string
	File   string
	Line   int
	Instr  string // the instruction as written
	Block  [3]int
	Thread int // number within the block; −1: the whole warp or block
	Msg    string
}

func (f *Fault) Error() string {
	at := fmt.Sprintf("block (%d,%d,%d)", f.Block[0], f.Block[1], f.Block[2])
	if f.Thread >= 0 {
		at += fmt.Sprintf(", thread %d", f.Thread)
	}
	if f.Line == 0 { // before the first instruction
		return fmt.Sprintf("%s: %s: %s", f.Kernel, f.File, f.Msg)
	}
	return fmt.Sprintf("%s: %s:%d: %s: %s: %s", f.Kernel, f.File, f.Line, f.Instr, at, f.Msg)
}

// fail ends the launch, at the instruction that the warp executes; lane −1 stands for all.
func (w *warp) fail(lane int, format string, args ...any) {
	thread := -1
	if lane >= 0 {
		thread = w.number*32 + lane
	}
	in := w.at
	f := &Fault{Kernel: w.cta.p.name, File: w.cta.p.file, Block: w.cta.index, Thread: thread, Msg: fmt.Sprintf(format, args...)}
	if in != nil {
		f.Line, f.Instr = in.line, in.text
	}
	panic(f)
}

// spelling is an instruction's opcode for messages.
func spelling(in *ptx.Instruction) string {
	s := in.Spelling()
	if in.Guard >= 0 {
		s = "@p " + s
	}
	return s
}
