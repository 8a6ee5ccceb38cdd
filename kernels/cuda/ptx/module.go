package ptx

import "fmt"

// Module is a parsed and checked PTX file.
type Module struct {
	Name        string // of the file, for messages
	Version     Version
	Target      string // "sm_80"
	AddressSize int    // bits of an address; always 64
	Variables   []*Variable
	Functions   []*Function // kernels and device functions that have a body, in the order of the file
}

// Version is a version of the PTX ISA: 7.0 is {7, 0}.
type Version struct{ Major, Minor int }

// Entry is the kernel of that name, or nil.
func (m *Module) Entry(name string) *Function {
	for _, f := range m.Functions {
		if f.Kernel && f.Name == name {
			return f
		}
	}
	return nil
}

// Space is a state space (PTX ISA, "State Spaces").
type Space uint8

const (
	Generic Space = iota
	Reg
	Global
	Shared
	Local
	Const
	Param
)

// Type is a fundamental type (PTX ISA, "Fundamental Types"), or one of the alternate formats that only instructions name.
type Type uint8

const (
	NoType Type = iota
	Pred
	B8
	B16
	B32
	B64
	B128
	U8
	U16
	U32
	U64
	S8
	S16
	S32
	S64
	F16
	F16x2
	BF16
	BF16x2
	TF32
	F32
	F64
)

// Variable is a declared piece of memory: a module's .global, .const or .shared variable, a function's .shared, .local or .param one,
// or a parameter.
type Variable struct {
	Name   string
	Space  Space
	Type   Type // of an element
	Vector int  // 1, 2 or 4 elements each, from .v2 and .v4
	Size   int  // bytes; 0: an extern array without a size (dynamic shared memory)
	Align  int  // bytes
	Extern bool
	Offset int       // of a parameter: within its function's parameter block, by the rules of PTX's .param space
	Init   []byte    // little-endian, of Size bytes, or nil: zero for .global and .const, undefined elsewhere
	Refs   []InitRef // addresses within Init that are known only once variables are placed
	Line   int
}

// InitRef is the address of a variable, plus an offset, or of a function, at a place within another variable's initial contents.
type InitRef struct {
	At      int // byte offset in Init, where 8 bytes are to be filled in
	Var     *Variable
	Func    *Function // or nil
	Offset  int64
	Generic bool // written generic(name)
}

// Register is a virtual register of a function.
type Register struct {
	Name string
	Type Type
}

// Function is a kernel (.entry) or a device function (.func).
type Function struct {
	Name      string
	Kernel    bool
	Returns   []*Variable // of a device function: registers (Space Reg) or .param
	Params    []*Variable
	ParamSize int // bytes of the parameter block
	Registers []Register
	Variables []*Variable // .shared, .local and .param declared in the body, including nested blocks
	Body      []Instruction

	MaxNTid, ReqNTid [3]int // .maxntid, .reqntid; zeros: not given
	MinCTAs          int    // .minnctapersm
	MaxRegs          int    // .maxnreg
	Line             int
	Extern           bool // declared .extern, without a body; a call of it cannot be executed

	// Of a device function, how returns and parameters in registers are bound: index into Registers, or −1 for .param ones.
	ReturnRegs, ParamRegs []int
}

// Instruction is one statement. Its spelling is Op with Mods joined by dots in the order written, e.g. Op "ld",
// Mods ["global", "nc", "v4", "f32"]; the fields below repeat what every executor needs of them.
type Instruction struct {
	Line  int
	Guard int  // index of the predicate register of @%p, or −1
	Not   bool // @!%p

	Op   string   // "fma"
	Mods []string // "rn", "ftz", "f32": everything after the first dot

	Types    []Type // the types among Mods, in order: cvt.rn.f16.f32 has F16, F32; mma has four
	Space    Space  // of ld, st, atom, red, cvta, isspacep, prefetch, cp.async (Shared), …; Generic if none is written
	Vector   int    // 1, 2 or 4: of ld and st; other instructions: 1
	Operands []Operand
	Target   int       // of bra: index in Body (len(Body) for a label at the end); −1 otherwise
	Targets  []int     // of brx.idx: the table
	Callee   *Function // of call: the function or, of an indirect call, its prototype, which has no body
	Indirect bool      // of call: the third operand is a register with the function's address
}

// Spelling is the opcode as written: "ld.global.nc.v4.f32".
func (i *Instruction) Spelling() string {
	s := i.Op
	for _, m := range i.Mods {
		s += "." + m
	}
	return s
}

// Has says whether a modifier is written.
func (i *Instruction) Has(mod string) bool {
	for _, m := range i.Mods {
		if m == mod {
			return true
		}
	}
	return false
}

// OperandKind is what an operand is.
type OperandKind uint8

const (
	KindReg      OperandKind = iota // Reg
	KindImm                         // Imm: the bits, already of the width and format of the type the instruction gives this operand
	KindVector                      // Elems: {a,b,…}; an element may be KindSink
	KindAddress                     // [base+offset]: Base is a register (Reg ≥ 0) or a variable (Var) or absolute; Imm is the offset, signed
	KindVariable                    // the address of Var in its own space, plus Imm
	KindSpecial                     // Special: %tid.x, …
	KindSink                        // _
	KindPair                        // p|q: Elems has the two registers
	KindLabel                       // only while parsing
	KindList                        // of call, which has two: results and arguments, Elems
	KindFunction                    // Func: its address
)

// Operand is one operand. Negated is !p in predicate operands.
type Operand struct {
	Kind    OperandKind
	Reg     int // index into Function.Registers, or −1
	Var     *Variable
	Func    *Function
	Imm     uint64
	Elems   []Operand
	Special Special
	Negated bool
}

// Special is a special register (PTX ISA, "Special Registers").
type Special uint8

const (
	NoSpecial Special = iota
	TidX
	TidY
	TidZ
	NTidX
	NTidY
	NTidZ
	CTAIdX
	CTAIdY
	CTAIdZ
	NCTAIdX
	NCTAIdY
	NCTAIdZ
	LaneID
	WarpID
	NWarpID
	SMID
	NSMID
	GridID
	LaneMaskEQ
	LaneMaskLE
	LaneMaskLT
	LaneMaskGE
	LaneMaskGT
	Clock
	Clock64
	ClockHi
	GlobalTimer
	GlobalTimerLo
	GlobalTimerHi
	DynamicSharedSize
	TotalSharedSize
	ReservedBegin // of the shared memory that is the system's, of every block
	ReservedEnd
	ReservedCap
	Reserved0
	Reserved1
	WarpSize
)

// Error is a fault in a PTX file.
type Error struct {
	File string
	Line int
	Msg  string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg) }
