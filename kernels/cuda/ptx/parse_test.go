package ptx

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestParseFiles parses whole files, and holds what they declare to what they say.
func TestParseFiles(t *testing.T) {
	for name, want := range map[string]struct{ body, registers, params, shared int }{
		"saxpy.ptx": {20, 2 + 6 + 5 + 8, 28, 0}, "softmax.ptx": {110, 8 + 42 + 46 + 35, 24, 0}, "transpose.ptx": {103, 15 + 34 + 9 + 31, 24, 4224},
	} {
		src, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(name, string(src))
		if err != nil {
			t.Error(err)
			continue
		}
		f := m.Functions[0]
		shared := 0
		for _, v := range f.Variables {
			shared += v.Size
		}
		if len(f.Body) != want.body || len(f.Registers) != want.registers || f.ParamSize != want.params || shared != want.shared {
			t.Errorf("%s: %d instructions, %d registers, %d bytes of parameters, %d of shared memory; want %v", name, len(f.Body), len(f.Registers),
				f.ParamSize, shared, want)
		}
	}
}

// TestParseFaults holds errors of whole files to their lines and words.
func TestParseFaults(t *testing.T) {
	const head = ".version 7.8\n.target sm_80\n.address_size 64\n"
	for _, c := range []struct {
		src  string
		line int
		msg  string
	}{
		{"", 1, "begins with .version"},
		{".version 7\n", 1, "want a version like 7.0"},
		{".version 10.0\n", 1, "not supported"},
		{".version 3.2\n", 1, "not supported"},
		{".version 7.0\n.address_size 64", 2, "want .target"},
		{".version 7.0\n.target sm_99", 2, "sm_50 to sm_121"},
		{".version 7.0\n.target sm_100", 2, "needs .version 8.6"},
		{".version 9.0\n.target sm_90f", 2, "is not supported"},
		{".version 7.0\n.target sm_80a", 2, "sm_50 to sm_121"},
		{".version 6.5\n.target sm_80", 2, "needs .version 7.0"},
		{".version 7.0\n.target compute_80", 2, "unknown target"},
		{".version 7.0\n.target sm_80\n.address_size 32", 3, "want 64"},
		{head + ".version 7.0", 4, "second time"},
		{head + "foo", 4, "want a directive"},
		{head + ".foo", 4, "unknown directive .foo"},
		{head + ".tex .u64 t;", 4, "textures"},
		{head + ".local .b32 x;", 4, "within a function"},
		{head + "/* no end", 4, "no end"},
		{head + ".pragma \"x", 4, "no end"},
		{head + ".global .b32 x", 4, "want ; after x"},
		{head + ".global x;", 4, "no type"},
		{head + ".global .pred x;", 4, "cannot be .pred"},
		{head + ".global .bf16 x;", 4, "declare .b16"},
		{head + ".global .v4 .b64 x;", 4, "at most 128 bits"},
		{head + ".global .align 3 .b32 x;", 4, "power of two"},
		{head + ".global .b32 x[];", 4, "length of x is missing"},
		{head + ".global .b32 x[0];", 4, "want 1 to"},
		{head + ".global .b32 x[99999999999999];", 4, "want 1 to"},
		{head + ".global .b32 x[1000000][1000000][1000000];", 4, "too large"},
		{head + ".global .b32 x;\n.global .b32 x;", 5, "declared twice, first in line 4"},
		{head + ".global .b8 x = 300;", 4, "does not fit"},
		{head + ".global .b32 x[2] = {1,2,3};", 4, "has 2 elements"},
		{head + ".global .b32 x[2][2] = {1,2};", 4, "want {"},
		{head + ".global .v2 .b32 x = {1};", 4, "a vector has 2 elements"},
		{head + ".global .u64 x = y;", 4, "y is not declared"},
		{head + ".global .u32 y; .global .u32 x = y;", 4, "an address has 64 bits"},
		{head + ".global .f32 x = 1;", 4, "want a float constant"},
		{head + ".shared .b32 x = 1;", 4, "cannot have an initialiser"},
		{head + ".global .b32 x = 1/0;", 4, "division by zero"},
		{head + ".global .b32 x = 09;", 4, "no number"},
		{head + ".global .f32 x = 0f12;", 4, "8 hexadecimal digits"},
		{head + ".entry k(.param .b8 x[4097]) { ret; }", 4, "the limit is 4096"},
		{head + ".entry k(.reg .b32 x) { ret; }", 4, "want .param"},
		{head + ".entry k() .maxntid 2048 { ret; }", 4, "the limit is 1024"},
		{head + ".entry k() .maxclusterrank 8 { ret; }", 4, "clusters"},
		{head + ".entry k() .foo { ret; }", 4, "unknown directive .foo"},
		{head + ".func f() .maxnreg 8 { ret; }", 4, "for kernels"},
		{head + ".entry k() { ret; }\n.entry k() { ret; }", 5, "declared twice"},
		{head + ".entry k() {\nret;\n", 6, "begins in line 4, has no end"},
		{head + ".entry k() { ret }", 4, "want ; after ret"},
		{head + ".entry k() { .reg .b32 r<0>; }", 4, "from 1 to"},
		{head + ".entry k() { .reg .b32 r<99999999>; }", 4, "from 1 to"},
		{head + ".entry k() { .reg .b32 %tid.x; }", 4, "want ;"},
		{head + ".entry k() { .reg .b32 %laneid; }", 4, "special register"},
		{head + ".entry k() { .tex .b32 x; }", 4, "unknown directive"},
		{head + ".entry k() { add.s32\n%r1, 1, 2; }", 4, "%r1 is not declared"},
		{head + ".entry k() { call f; }", 4, "function f is not declared"},
		{head + ".func f();\n.entry k() { call f; }", 5, "has no body"},
		{head + ".func f(.param .b32 x);\n.func f(.param .b64 x) { ret; }", 5, "differ from its declaration in line 4"},
		{head + ".func f(.reg .b32 x) { ret; }\n.entry k() { .reg .b64 d;\ncall f, (d); }", 6, "want a register that fits .b32"},
		{head + ".func f(.reg .b32 x) { ret; }\n.entry k() {\ncall f; }", 6, "takes 1 arguments, here are 0"},
		{head + ".func f(.param .b32 x) { ret; }\n.entry k() { .param .b64 a;\ncall f, (a); }", 6, "a .param of 4 bytes"},
		{head + ".entry k(.param .f16x2 p) { ret; }", 4, "a parameter cannot be .f16x2"},
		{head + ".func f(.param .b32 a); .func f(.param .s32 a) { ret; }", 4, "differ from its declaration"},
		{head + ".entry k() { .reg .b64 d; .reg .b32 r; ld.volatile.local.b32 r, [d]; }", 4, "needs .target sm_50 and .version 9.1"},
		{head + ".func a; .func b { ret; } .alias a, b; .alias a, c;", 4, "c is no function that is declared"},
		{head + ".func a; .func b; .alias a, b;", 4, "b has no body"},
		{head + ".func a { ret; } .func b { ret; } .alias a, b;", 4, "a has a body"},
		{head + ".entry k() { .reg .b64 d; call d; }", 4, "ends with the name of a .callprototype"},
		{head + ".entry k() { .reg .b64 d; call d, P; P: .callprototype _ (); }", 4, "P is no .callprototype that is declared before this line"},
		{head + ".entry k() { .reg .b64 d; P: .callprototype _ (.param .b32 _); call d, P; }", 4, "takes 1 arguments, here are 0"},
		{head + ".entry k() { .reg .b32 d; P: .callprototype _ (); call d, P; }", 4, "d is .b32, want a register that fits .u64"},
		{head + ".entry k() { .reg .b32 r; t: .branchtargets x; brx.idx r, t; }", 4, "x is no label"},
		{head + ".entry k() { .reg .b32 r; brx.idx r, t; }", 4, "table t is not declared"},
		{head + ".entry k() { elect.sync r, 1; }", 4, "needs sm_90"},
		{".version 6.4\n.target sm_75\n.address_size 64\n.entry k() { cp.async.wait_all; }", 4, "needs .target sm_80 and .version 7.0"},
	} {
		_, err := Parse("x.ptx", c.src)
		e, ok := err.(*Error)
		if !ok || e.Line != c.line || e.File != "x.ptx" || !strings.Contains(e.Msg, c.msg) {
			t.Errorf("%q: %v, want line %d: %s", c.src, err, c.line, c.msg)
		}
	}
}

// TestParseLanguage looks at what testdata/language.ptx becomes.
func TestParseLanguage(t *testing.T) {
	src, err := os.ReadFile("testdata/language.ptx")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse("language.ptx", string(src))
	if err != nil {
		t.Fatal(err)
	}
	f := m.Entry("kernel")
	vars := map[string]*Variable{}
	for _, v := range m.Variables {
		vars[v.Name] = v
	}
	for name, want := range map[string]string{
		"counter": "07000000", "weights": "0000803f0000c03f000000c000000000", "colour": "0000803f000000400000404000008040",
		"pairs": "01000000020000000300000004000000", "text": "686900", "e": "6957148b0abf0540", "sums": "09000000f8ffffff01000000ffffffff",
		"table": "000000000000000000000000000000001000000000000000",
	} {
		if got := fmt.Sprintf("%x", vars[name].Init); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if r := vars["table"].Refs; len(r) != 2 || r[0] != (InitRef{At: 0, Var: vars["counter"]}) || r[1] != (InitRef{At: 8, Var: vars["counter"], Offset: 4, Generic: true}) {
		t.Errorf("table refers to %v", r)
	}
	if v := vars["dynamic"]; !v.Extern || v.Size != 0 || v.Align != 16 || v.Space != Shared {
		t.Errorf("dynamic is %+v", v)
	}
	offsets := []int{f.Params[0].Offset, f.Params[1].Offset, f.Params[2].Offset, f.Params[3].Offset, f.ParamSize}
	if want := []int{0, 8, 32, 40, 48}; !slices.Equal(offsets, want) {
		t.Errorf("parameters are at %v, want %v", offsets, want)
	}
	if f.MaxNTid != [3]int{128, 2, 1} || f.MinCTAs != 2 || f.MaxRegs != 64 {
		t.Errorf("launch bounds %v, %d, %d", f.MaxNTid, f.MinCTAs, f.MaxRegs)
	}
	for _, in := range f.Body {
		switch {
		case in.Op == "brx" && !slices.Equal(in.Targets, []int{13, 27, 39}):
			t.Errorf("brx goes to %v of %d", in.Targets, len(f.Body))
		case in.Op == "bra" && in.Guard >= 0 && in.Target != 13:
			t.Errorf("the guarded bra goes to %d", in.Target)
		case in.Op == "call" && in.Callee.Name == "half" && (in.Callee.Body == nil || in.Callee.ReturnRegs[0] != 0 || in.Callee.ParamRegs[0] != 1):
			t.Errorf("half is called as %+v", in.Callee)
		}
	}
}
