package asm

import "fmt"

// If runs then where p holds.
func (k *Kernel) If(p Reg, then func()) {
	end := k.label()
	k.Emit("@!"+p.name+" bra", raw(end))
	then()
	k.place(end)
}

// IfElse runs then where p holds, else otherwise.
func (k *Kernel) IfElse(p Reg, then, otherwise func()) {
	middle, end := k.label(), k.label()
	k.Emit("@!"+p.name+" bra", raw(middle))
	then()
	k.Emit("bra", raw(end))
	k.place(middle)
	otherwise()
	k.place(end)
}

// When puts the guard @p before every instruction that f emits. These must not branch.
func (k *Kernel) When(p Reg, f func()) {
	if k.guard != "" {
		panic(fmt.Errorf("asm: %s: guards do not nest", k.name))
	}
	k.guard = "@" + p.name + " "
	f()
	k.guard = ""
}

// For runs body with i = from, from+step, … while i < limit, all S32. The step is positive.
func (k *Kernel) For(from, limit, step any, body func(i Reg)) {
	k.rounds(true, from, limit, step, body)
}

// Repeat is For where the first round is certain, so that it needs no test.
func (k *Kernel) Repeat(from, limit, step any, body func(i Reg)) {
	k.rounds(false, from, limit, step, body)
}

// rounds writes no test whose outcome numbers decide.
func (k *Kernel) rounds(before bool, from, limit, step any, body func(i Reg)) {
	i := k.Var(S32, from)
	first, firstIs := from.(int)
	last, lastIs := limit.(int)
	by, byIs := step.(int)
	if firstIs && lastIs && first < last {
		if byIs && first+by >= last {
			body(i)
			return
		}
		before = false
	}
	k.loop(before, func() Reg { return i.Lt(limit) }, func() {
		body(i)
		k.Emit("add.s32", i, i, step)
	})
}

// While repeats body as long as cond, which emits instructions and returns a predicate. The test stands before the loop and again at its end.
func (k *Kernel) While(cond func() Reg, body func()) { k.loop(true, cond, body) }

// Do is While where the first round is certain, so that it needs no test.
func (k *Kernel) Do(cond func() Reg, body func()) { k.loop(false, cond, body) }

// loop tests before the first round if it is asked to.
func (k *Kernel) loop(before bool, cond func() Reg, body func()) {
	top, end := k.label(), ""
	if before {
		end = k.label()
		k.Emit("@!"+cond().name+" bra", raw(end))
	}
	k.place(top)
	body()
	k.Emit("@"+cond().name+" bra", raw(top))
	if before {
		k.place(end)
	}
}

// Exit ends the threads for which p holds.
func (k *Kernel) Exit(p Reg) { k.Emit("@" + p.name + " ret") }

// Barrier waits for all threads of the block.
func (k *Kernel) Barrier() { k.Emit("bar.sync 0") }

// Comment writes a line for the reader.
func (k *Kernel) Comment(format string, args ...any) {
	k.body = append(k.body, fmt.Sprintf("\n\t// "+format+"\n", args...))
}

func (k *Kernel) label() string {
	if k.guard != "" {
		panic(fmt.Errorf("asm: %s: branch under a guard", k.name))
	}
	k.labels++
	return fmt.Sprintf("$%s_%d", k.name, k.labels)
}

func (k *Kernel) place(label string) { k.body = append(k.body, label+":\n") }

// TID, CTAID and the others are special registers, along x; CTAIDY and CTAIDZ along the other axes.
func (k *Kernel) TID() Reg    { return k.special("%tid.x") }
func (k *Kernel) NTID() Reg   { return k.special("%ntid.x") }
func (k *Kernel) CTAID() Reg  { return k.special("%ctaid.x") }
func (k *Kernel) CTAIDY() Reg { return k.special("%ctaid.y") }
func (k *Kernel) CTAIDZ() Reg { return k.special("%ctaid.z") }
func (k *Kernel) NCTAID() Reg { return k.special("%nctaid.x") }

func (k *Kernel) special(name string) Reg { return k.Op("mov.u32", S32, raw(name)) }

// GlobalIndex is ctaid.x·ntid.x + tid.x.
func (k *Kernel) GlobalIndex() Reg { return k.CTAID().FMA(k.NTID(), k.TID()) }

// Lane is the thread's number within its warp, for blocks of one dimension; Warp is the warp's number.
func (k *Kernel) Lane() Reg { return k.TID().And(31) }
func (k *Kernel) Warp() Reg { return k.TID().Shr(5) }
