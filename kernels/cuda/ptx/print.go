package ptx

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// String is the module as PTX text, which parses to the same module but for lines. Blocks are flattened, and labels named anew.
func (m *Module) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".version %v\n.target %s\n.address_size %d\n\n", m.Version, m.Target, m.AddressSize)
	for _, f := range m.callees() {
		linkage := ""
		if f.Extern {
			linkage = ".extern "
		}
		b.WriteString(linkage + f.head() + ";\n")
	}
	for _, v := range m.Variables {
		b.WriteString(v.declaration() + ";\n")
	}
	for _, f := range m.Functions {
		b.WriteString("\n")
		f.write(&b)
	}
	return b.String()
}

// callees are all device functions, those without a body too, which only calls know.
func (m *Module) callees() (list []*Function) {
	add := func(f *Function) {
		if f != nil && !f.Kernel && !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	for _, f := range m.Functions {
		add(f)
		for i := range f.Body {
			in := &f.Body[i]
			if !in.Indirect {
				add(in.Callee)
			}
			for _, o := range in.Operands {
				add(o.Func)
			}
		}
	}
	for _, v := range m.Variables {
		for _, r := range v.Refs {
			add(r.Func)
		}
	}
	return list
}

// declaration is a variable as it is declared, without the semicolon.
func (v *Variable) declaration() string {
	s := fmt.Sprintf("%v .align %d ", v.Space, v.Align)
	if v.Extern {
		s = ".extern " + s
	}
	if v.Vector > 1 {
		s += ".v" + strconv.Itoa(v.Vector) + " "
	}
	s += v.Type.String() + " " + v.Name
	one := v.Type.Bytes() * v.Vector
	switch {
	case v.Size == 0:
		s += "[]"
	case v.Size != one:
		s += "[" + strconv.Itoa(v.Size/one) + "]"
	}
	if v.Init != nil {
		s += " = " + v.initial(0, v.Size)
	}
	return s
}

// initial is the initialiser of the bytes from one offset to another: an array, a vector or an element.
func (v *Variable) initial(from, to int) string {
	step := v.Type.Bytes()
	switch n := to - from; {
	case n == step && (v.Vector > 1 || v.Size == step):
		return v.element(from)
	case n > step*v.Vector || n == v.Size && v.Vector == 1:
		step *= v.Vector
	}
	var parts []string
	for i := from; i < to; i += step {
		if v.Vector > 1 && step > v.Type.Bytes() {
			parts = append(parts, v.initial(i, i+step))
		} else {
			parts = append(parts, v.element(i))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (v *Variable) element(at int) string {
	for _, r := range v.Refs {
		if r.At == at && r.Func != nil {
			return r.Func.Name
		}
		if r.At == at {
			name := r.Var.Name
			if r.Generic {
				name = "generic(" + name + ")"
			}
			return fmt.Sprintf("%s+%d", name, r.Offset)
		}
	}
	var bits [8]byte
	copy(bits[:], v.Init[at:min(at+v.Type.Bytes(), at+8)])
	return number64(binary.LittleEndian.Uint64(bits[:]), v.Type)
}

// number64 is a constant of a type, by its bits.
func number64(bits uint64, t Type) string {
	switch t {
	case F32:
		return fmt.Sprintf("0f%08X", bits)
	case F64:
		return fmt.Sprintf("0d%016X", bits)
	}
	return strconv.FormatUint(bits, 10)
}

// head is a function up to its body or semicolon.
func (f *Function) head() string {
	list := func(vars []*Variable) string {
		var parts []string
		for _, v := range vars {
			parts = append(parts, v.declaration())
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	if f.Kernel {
		return ".visible .entry " + f.Name + list(f.Params)
	}
	s := ".func "
	if len(f.Returns) > 0 {
		s += list(f.Returns) + " "
	}
	return s + f.Name + list(f.Params)
}

func (f *Function) write(b *strings.Builder) {
	b.WriteString(f.head() + "\n")
	for _, d := range []struct {
		name string
		dims [3]int
	}{{"maxntid", f.MaxNTid}, {"reqntid", f.ReqNTid}, {"minnctapersm", [3]int{f.MinCTAs}}, {"maxnreg", [3]int{f.MaxRegs}}} {
		switch {
		case d.dims[1] > 0:
			fmt.Fprintf(b, ".%s %d, %d, %d\n", d.name, d.dims[0], d.dims[1], d.dims[2])
		case d.dims[0] > 0:
			fmt.Fprintf(b, ".%s %d\n", d.name, d.dims[0])
		}
	}
	b.WriteString("{\n")
	f.writeRegisters(b)
	for _, v := range f.Variables {
		b.WriteString("\t" + v.declaration() + ";\n")
	}
	targets := map[int]bool{}
	for _, in := range f.Body {
		if in.Target >= 0 {
			targets[in.Target] = true
		}
		for _, t := range in.Targets {
			targets[t] = true
		}
	}
	prefix := f.fresh("$L")
	for i := range len(f.Body) + 1 {
		if targets[i] {
			fmt.Fprintf(b, "%s%d:\n", prefix, i)
		}
		if i == len(f.Body) {
			break
		}
		in := &f.Body[i]
		if in.Targets != nil {
			var labels []string
			for _, t := range in.Targets {
				labels = append(labels, prefix+strconv.Itoa(t))
			}
			fmt.Fprintf(b, "%s: .branchtargets %s;\n", f.table(in, prefix), strings.Join(labels, ", "))
		}
		if in.Indirect {
			fmt.Fprintf(b, "%s: .callprototype %s;\n", f.table(in, prefix), strings.TrimPrefix(in.Callee.head(), ".func "))
		}
		b.WriteString("\t" + f.format(in, prefix) + "\n")
	}
	b.WriteString("}\n")
}

// table names the table of a brx.idx, or the prototype of a call, by where it stands in the body.
func (f *Function) table(in *Instruction, prefix string) string {
	for i := range f.Body {
		if in == &f.Body[i] {
			return fmt.Sprintf("%st%d", prefix, i)
		}
	}
	return prefix + "t"
}

// fresh is a prefix that no name in the function has.
func (f *Function) fresh(prefix string) string {
	taken := func() bool {
		for _, r := range f.Registers {
			if strings.HasPrefix(r.Name, prefix) {
				return true
			}
		}
		return slices.ContainsFunc(slices.Concat(f.Variables, f.Params, f.Returns), func(v *Variable) bool { return strings.HasPrefix(v.Name, prefix) })
	}
	for taken() {
		prefix += "_"
	}
	return prefix
}

// writeRegisters declares all registers but those of the function's head: r<n> for r0 to r(n−1), the others one by one.
func (f *Function) writeRegisters(b *strings.Builder) {
	head := 0
	for _, r := range slices.Concat(f.ReturnRegs, f.ParamRegs) {
		head = max(head, r+1)
	}
	for i := head; i < len(f.Registers); {
		r := f.Registers[i]
		n := 0
		if base, ok := strings.CutSuffix(r.Name, "0"); ok && base != "" {
			for i+n < len(f.Registers) && f.Registers[i+n] == (Register{base + strconv.Itoa(n), r.Type}) {
				n++
			}
		}
		if n > 0 {
			fmt.Fprintf(b, "\t.reg %v %s<%d>;\n", r.Type, strings.TrimSuffix(r.Name, "0"), n)
		} else {
			fmt.Fprintf(b, "\t.reg %v %s;\n", r.Type, r.Name)
		}
		i += max(n, 1)
	}
}

// Format is an instruction of the function as PTX text. Labels are $L and an index into Body.
func (f *Function) Format(in *Instruction) string { return f.format(in, "$L") }

func (f *Function) format(in *Instruction, prefix string) string {
	s := ""
	if in.Guard >= 0 {
		s = "@" + f.Registers[in.Guard].Name + " "
		if in.Not {
			s = "@!" + f.Registers[in.Guard].Name + " "
		}
	}
	s += in.Spelling()
	types := in.operandTypes()
	var parts []string
	for i, o := range in.Operands {
		parts = append(parts, f.operand(o, types[i]))
	}
	switch {
	case in.Op == "call":
		parts = f.callParts(in, prefix)
	case in.Target >= 0:
		parts = append(parts, prefix+strconv.Itoa(in.Target))
	case in.Targets != nil:
		parts = append(parts, f.table(in, prefix))
	}
	if len(parts) > 0 {
		s += " " + strings.Join(parts, ", ")
	}
	return s + ";"
}

func (f *Function) callParts(in *Instruction, prefix string) (parts []string) {
	name := in.Callee.Name
	if in.Indirect {
		name = f.operand(in.Operands[2], U64)
	}
	for i, formal := range [][]*Variable{in.Callee.Returns, in.Callee.Params} {
		var list []string
		for k, o := range in.Operands[i].Elems {
			list = append(list, f.operand(o, formal[k].Type))
		}
		if len(list) > 0 {
			parts = append(parts, "("+strings.Join(list, ", ")+")")
		}
		if i == 0 {
			parts = append(parts, name)
		}
	}
	if in.Indirect {
		parts = append(parts, f.table(in, prefix))
	}
	return parts
}

// operandTypes are the types that the table of forms gives the operands, which constants are written by.
func (in *Instruction) operandTypes() []Type {
	types := make([]Type, len(in.Operands))
	if !slices.ContainsFunc(in.Operands, func(o Operand) bool { return o.Kind == KindImm || o.Elems != nil }) {
		return types
	}
	s := &spelling{types: in.Types, hint: in.Has("L2::cache_hint")}
	for _, form := range instructionSet().forms[in.Op] {
		m := matcher{f: form, mods: in.Mods, p: &parser{target: 1 << 20, module: &Module{Version: Version{1 << 20, 0}}}}
		if !m.from(0, 0) {
			continue
		}
		specs := form.specs(s, len(in.Operands))
		for i, spec := range specs {
			types[i] = s.typ(spec)
		}
		if specs != nil {
			break
		}
	}
	return types
}

func (f *Function) operand(o Operand, t Type) string {
	not := ""
	if o.Negated {
		not = "!"
	}
	switch o.Kind {
	case KindReg:
		return not + f.Registers[o.Reg].Name
	case KindImm:
		return not + number64(o.Imm, t)
	case KindSpecial:
		return o.Special.String()
	case KindFunction:
		return o.Func.Name
	case KindSink:
		return "_"
	case KindVariable:
		if o.Imm == 0 {
			return o.Var.Name
		}
		return fmt.Sprintf("%s+%d", o.Var.Name, int64(o.Imm))
	case KindAddress:
		base := ""
		switch {
		case o.Var != nil:
			base = o.Var.Name + "+"
		case o.Reg >= 0:
			base = f.Registers[o.Reg].Name + "+"
		}
		return fmt.Sprintf("[%s%d]", base, int64(o.Imm))
	}
	var parts []string
	for _, e := range o.Elems {
		parts = append(parts, f.operand(e, t))
	}
	if o.Kind == KindPair {
		return strings.Join(parts, "|")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
