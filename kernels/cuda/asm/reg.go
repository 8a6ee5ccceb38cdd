package asm

import (
	"fmt"
	"math"
	"strings"
)

// Type is the type of a register, as instructions spell it.
type Type uint8

// The types.
const (
	Pred Type = iota
	B16
	U16
	S16
	F16
	B32
	U32
	S32
	F16x2
	F32
	B64
	U64
	S64
	F64
)

var typeNames = []string{"pred", "b16", "u16", "s16", "f16", "b32", "u32", "s32", "f16x2", "f32", "b64", "u64", "s64", "f64"}

func (t Type) String() string { return typeNames[t] }

// Size is the type's size in bytes.
func (t Type) Size() int {
	switch {
	case t >= B64:
		return 8
	case t >= B32:
		return 4
	}
	return 2
}

func (t Type) float() bool { return t == F16 || t == F16x2 || t == F32 || t == F64 }

// classes are the kinds of register that are declared.
var classes = []struct{ prefix, decl string }{
	{"%p", "pred"}, {"%h", "b16"}, {"%r", "b32"}, {"%f", "f32"}, {"%rd", "b64"}, {"%fd", "f64"},
}

func class(t Type) string {
	switch t {
	case Pred:
		return "%p"
	case B16, U16, S16, F16:
		return "%h"
	case F32:
		return "%f"
	case B64, U64, S64:
		return "%rd"
	case F64:
		return "%fd"
	}
	return "%r"
}

// Reg is a register of a kernel. Its methods emit instructions and return fresh registers; operands are registers or Go numbers.
type Reg struct {
	Type Type
	k    *Kernel
	name string
}

// New is a fresh register with undefined contents.
func (k *Kernel) New(t Type) Reg {
	c := class(t)
	r := Reg{Type: t, k: k, name: fmt.Sprintf("%s%d", c, k.count[c])}
	k.count[c]++
	return r
}

// Var is a fresh register that starts with a value and is meant to be changed, by Set or as a destination of Emit.
func (k *Kernel) Var(t Type, value any) Reg {
	r := k.New(t)
	k.Emit("mov."+untyped(t), r, k.as(t, value))
	return r
}

// Const is a register that holds a number.
func (k *Kernel) Const(t Type, value any) Reg { return k.Var(t, value) }

// As is the same bits as another type of the same class width: an S32 read as U32.
func (r Reg) As(t Type) Reg {
	if class(t) != class(r.Type) {
		panic(fmt.Errorf("asm: %v is no reading of %v", t, r.Type))
	}
	return Reg{Type: t, k: r.k, name: r.name}
}

// Bits moves the bits to a register of another class and the same width.
func (r Reg) Bits(t Type) Reg { return r.k.Op("mov."+bitsOf(t), t, r) }

// Set changes the register.
func (r Reg) Set(value any) { r.k.Emit("mov."+untyped(r.Type), r, r.k.as(r.Type, value)) }

// Emit writes one instruction with the operands as given: registers, numbers, lists of registers ({a,b}), addresses ([Addr]), text.
func (k *Kernel) Emit(op string, operands ...any) {
	texts := make([]string, len(operands))
	for i, o := range operands {
		texts[i] = text(o)
	}
	k.body = append(k.body, "\t"+k.guard+strings.TrimSuffix(op+" "+strings.Join(texts, ", "), " ")+";\n")
}

// Op writes an instruction whose result is a fresh register.
func (k *Kernel) Op(op string, t Type, operands ...any) Reg {
	r := k.New(t)
	k.Emit(op, append([]any{r}, operands...)...)
	return r
}

// text is an operand as PTX writes it.
func text(o any) string {
	switch v := o.(type) {
	case Reg:
		return v.name
	case raw:
		return string(v)
	case Addr:
		return fmt.Sprintf("[%s+%d]", v.Base.name, v.Offset)
	case []Reg:
		names := make([]string, len(v))
		for i, r := range v {
			names[i] = r.name
		}
		return "{" + strings.Join(names, ", ") + "}"
	case string:
		return v
	case int:
		return fmt.Sprint(v)
	case uint32:
		return fmt.Sprintf("0x%x", v)
	case uint64:
		return fmt.Sprintf("0x%x", v)
	}
	panic(fmt.Errorf("asm: %T is no operand", o))
}

// as is a value as an operand of type t; Go floats become the bits of the type.
func (k *Kernel) as(t Type, value any) any {
	f, ok := value.(float64)
	if !ok {
		if n, isInt := value.(int); isInt && t.float() {
			f, ok = float64(n), true
		}
	}
	if !ok {
		return value
	}
	switch t {
	case F32:
		return raw(fmt.Sprintf("0f%08X", math.Float32bits(float32(f))))
	case F64:
		return raw(fmt.Sprintf("0d%016X", math.Float64bits(f)))
	}
	panic(fmt.Errorf("asm: %v as an immediate %v", f, t))
}

func untyped(t Type) string {
	switch t {
	case Pred, F32, F64:
		return t.String()
	}
	return bitsOf(t)
}

func bitsOf(t Type) string { return fmt.Sprintf("b%d", 8*t.Size()) }

// do emits op.type with r as the first source, and a result of r's type.
func (r Reg) do(op string, operands ...any) Reg {
	all := []any{r}
	for _, o := range operands {
		all = append(all, r.k.as(r.Type, o))
	}
	return r.k.Op(op+"."+r.Type.String(), r.Type, all...)
}

func (r Reg) rounded(op string) string {
	if r.Type.float() {
		return op + ".rn"
	}
	return op
}

// Add, Sub, Mul, Div and FMA round to nearest; on integers Mul is the low half, Div truncates and FMA is mad.lo.
func (r Reg) Add(b any) Reg { return r.do(r.rounded("add"), b) }
func (r Reg) Sub(b any) Reg { return r.do(r.rounded("sub"), b) }
func (r Reg) Mul(b any) Reg {
	if r.Type.float() {
		return r.do("mul.rn", b)
	}
	return r.do("mul.lo", b)
}
func (r Reg) Div(b any) Reg { return r.do(r.rounded("div"), b) }
func (r Reg) FMA(b, c any) Reg {
	if r.Type.float() {
		return r.do("fma.rn", b, c)
	}
	return r.do("mad.lo", b, c)
}

// Rem is the remainder of a division that truncates.
func (r Reg) Rem(b any) Reg { return r.do("rem", b) }

// Min and Max return the operand that is not NaN, if one is.
func (r Reg) Min(b any) Reg { return r.do("min", b) }
func (r Reg) Max(b any) Reg { return r.do("max", b) }
func (r Reg) Neg() Reg      { return r.do("neg") }
func (r Reg) Abs() Reg      { return r.do("abs") }

// Sqrt and Rcp are correctly rounded.
func (r Reg) Sqrt() Reg { return r.do("sqrt.rn") }
func (r Reg) Rcp() Reg  { return r.do("rcp.rn") }

// Ex2, Lg2, RcpApprox and RsqrtApprox are the hardware's approximations (PTX ISA: 2 ulp, 2⁻²², 1 ulp, 2⁻²²·⁹), of float32.
func (r Reg) Ex2() Reg         { return r.do("ex2.approx") }
func (r Reg) Lg2() Reg         { return r.do("lg2.approx") }
func (r Reg) RcpApprox() Reg   { return r.do("rcp.approx") }
func (r Reg) RsqrtApprox() Reg { return r.do("rsqrt.approx") }

// Ex2FTZ and RcpFTZ are Ex2 and RcpApprox with subnormal numbers as zeros, which is one instruction instead of four.
func (r Reg) Ex2FTZ() Reg { return r.do("ex2.approx.ftz") }
func (r Reg) RcpFTZ() Reg { return r.do("rcp.approx.ftz") }

// And, Or, Xor and Not work on the bits, or on predicates.
func (r Reg) And(b any) Reg { return r.logic("and", b) }
func (r Reg) Or(b any) Reg  { return r.logic("or", b) }
func (r Reg) Xor(b any) Reg { return r.logic("xor", b) }
func (r Reg) Not() Reg      { return r.logic("not") }

func (r Reg) logic(op string, operands ...any) Reg {
	t := bitsOf(r.Type)
	if r.Type == Pred {
		t = "pred"
	}
	return r.k.Op(op+"."+t, r.Type, append([]any{r}, operands...)...)
}

// Shl and Shr shift by n bits; Shr fills with the sign if the type has one.
func (r Reg) Shl(n any) Reg { return r.k.Op("shl."+bitsOf(r.Type), r.Type, r, n) }
func (r Reg) Shr(n any) Reg { return r.do("shr", n) }

// MulWide is the 64-bit product of two 32-bit numbers.
func (r Reg) MulWide(b any) Reg {
	t := S64
	if r.Type == U32 {
		t = U64
	}
	return r.k.Op("mul.wide."+r.Type.String(), t, r, b)
}

// MulHi is the high half of the product.
func (r Reg) MulHi(b any) Reg { return r.do("mul.hi", b) }

// Lt, Le, Gt, Ge, Eq and Ne compare; on floats they are false with NaN, except Ne, which is then true.
func (r Reg) Lt(b any) Reg { return r.compare("lt", b) }
func (r Reg) Le(b any) Reg { return r.compare("le", b) }
func (r Reg) Gt(b any) Reg { return r.compare("gt", b) }
func (r Reg) Ge(b any) Reg { return r.compare("ge", b) }
func (r Reg) Eq(b any) Reg { return r.compare("eq", b) }
func (r Reg) Ne(b any) Reg {
	if r.Type.float() {
		return r.compare("neu", b)
	}
	return r.compare("ne", b)
}

func (r Reg) compare(op string, b any) Reg {
	return r.k.Op("setp."+op+"."+r.Type.String(), Pred, r, r.k.as(r.Type, b))
}

// Select is a where the predicate holds, else b.
func (r Reg) Select(t Type, a, b any) Reg {
	name := untyped(t)
	return r.k.Op("selp."+name, t, r.k.as(t, a), r.k.as(t, b), r)
}

// To converts the value: floats to narrower floats round to nearest even, floats to integers toward zero, integers to floats to nearest.
func (r Reg) To(t Type) Reg {
	if t == r.Type {
		return r
	}
	mode := ""
	switch {
	case t.float() && (!r.Type.float() || t.Size() < r.Type.Size()):
		mode = ".rn"
	case !t.float() && r.Type.float():
		mode = ".rzi"
	}
	return r.k.Op("cvt"+mode+"."+t.String()+"."+r.Type.String(), t, r)
}
