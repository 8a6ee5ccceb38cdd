package simt

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"onestep/kernels/cuda/ptx"
)

// functions is a module whose kernels call through registers, and what has no body.
const functions = `.version 7.0
.target sm_80
.address_size 64
.extern .func (.param .b32 r) vprintf (.param .b64 format, .param .b64 args);
.extern .func __assertfail (.param .b64 m, .param .b64 f, .param .b32 l, .param .b64 n, .param .b64 c);
.extern .func (.param .b64 r) malloc (.param .b64 n);
.extern .func free (.param .b64 p);
.extern .func unknown ();
.global .align 1 .b8 format[] = {37, 100, 47, 37, 53, 46, 50, 102, 32, 37, 115, 37, 37, 37, 108, 108, 120, 10, 0}; // %d/%5.2f %s%%%llx
.global .align 1 .b8 word[] = {97, 98, 0};
.global .u32 counter = 7;
.func (.param .b32 r) twice (.param .b32 a) { .reg .b32 x; ld.param.b32 x, [a]; add.u32 x, x, x; st.param.b32 [r], x; ret; }
.func (.param .b32 r) square (.param .b32 a) { .reg .b32 x; ld.param.b32 x, [a]; mul.lo.u32 x, x, x; st.param.b32 [r], x; ret; }
.func other (.param .b64 a) { ret; }
.global .u64 table[3] = {twice, square, other};
.visible .entry indirect(.param .u64 out, .param .u32 n) {
	.reg .b32 x, y, i, m; .reg .b64 p, q, o; .param .b32 a, r;
	ld.param.u64 o, [out]; ld.param.u32 m, [n];
	mov.u32 x, %laneid; rem.u32 i, x, m;
	mov.u64 p, table; mul.wide.u32 q, i, 8; add.u64 p, p, q; ld.global.u64 p, [p];
	st.param.b32 [a], x;
PROTO: .callprototype (.param .b32 _) _ (.param .b32 _);
	call (r), p, (a), PROTO;
	ld.param.b32 y, [r];
	mul.wide.u32 q, x, 4; add.u64 o, o, q; st.global.u32 [o], y;
	ret;
}
.visible .entry print(.param .u64 out, .param .u32 n) {
	.reg .b32 x; .reg .b64 p, f, h; .param .b32 r; .param .b64 a, b; .local .align 8 .b8 args[32];
	mov.u64 p, args; mov.u32 x, -5; st.local.u32 [args], x; st.local.f64 [args+8], 0d3FF8000000000000;
	mov.u64 h, word; st.local.u64 [args+16], h; st.local.u64 [args+24], 0xabcdef0123;
	cvta.local.u64 p, p; mov.u64 f, format; st.param.b64 [a], f; st.param.b64 [b], p;
	call (r), vprintf, (a, b);
	ld.param.b32 x, [r]; ld.param.u64 p, [out]; st.global.u32 [p], x;
	ret;
}
.visible .entry heap(.param .u64 out, .param .u32 n) {
	.reg .pred q; .reg .b32 x, y; .reg .b64 p, o; .param .b64 a, r;
	st.param.b64 [a], 8; call (r), malloc, (a); ld.param.b64 p, [r];
	mov.u32 x, %tid.x; st.u32 [p+4], x; ld.u32 y, [p+4];
	ld.param.u64 o, [out]; st.global.u32 [o], y;
	st.param.b64 [a], p; call free, (a);
	ld.param.u32 x, [n]; setp.eq.u32 q, x, 0; @q bra END; ld.u32 y, [p];
END:	ret;
}
.visible .entry assert(.param .u64 out, .param .u32 n) {
	.reg .b64 w; .param .b64 m, f, s, c; .param .b32 l;
	mov.u64 w, word; st.param.b64 [m], w; st.param.b64 [f], w; st.param.b64 [s], w; st.param.b64 [c], 1; st.param.b32 [l], 12;
	call __assertfail, (m, f, l, s, c);
	ret;
}
.visible .entry missing(.param .u64 out, .param .u32 n) { call unknown; ret; }
.visible .entry count(.param .u64 out, .param .u32 n) {
	.reg .b32 x; .reg .b64 o; atom.global.add.u32 x, [counter], 1; ld.param.u64 o, [out]; st.global.u32 [o], x; ret;
}
`

// TestFunctions calls through registers, and what has no body.
func TestFunctions(t *testing.T) {
	m, err := ptx.Parse("f.ptx", functions)
	if err != nil {
		t.Fatal(err)
	}
	mem := NewMemory()
	for _, c := range []struct {
		entry     string
		n         uint32
		threads   int
		want      []uint32
		fault     string
		printings string
	}{
		{"indirect", 2, 8, []uint32{0, 1, 4, 9, 8, 25, 12, 49}, "", ""},
		{"indirect", 3, 8, nil, "is other, whose parameters are not those of the prototype", ""},
		{"print", 0, 2, []uint32{4}, "", "-5/ 1.50 ab%abcdef0123\n-5/ 1.50 ab%abcdef0123\n"},
		{"heap", 0, 1, []uint32{0}, "", ""},
		{"heap", 1, 1, nil, "out of bounds", ""},
		{"assert", 0, 1, nil, "assertion ab failed, in ab of ab:12", ""},
		{"missing", 0, 1, nil, "function unknown has no body", ""},
		{"count", 0, 1, []uint32{7}, "", ""},
		{"count", 0, 1, []uint32{8}, "", ""}, // of the same variable
	} {
		p, err := Compile(m, c.entry, mem)
		if err != nil {
			t.Fatal(err)
		}
		out := words(t, mem, make([]uint32, 8))
		var printed strings.Builder
		o := Strict
		o.Print = &printed
		args := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(nil, out), c.n)
		err = p.Run(mem, Launch{Block: [3]int{c.threads, 1, 1}, Params: args}, o)
		var f *Fault
		switch {
		case c.fault != "" && (!errors.As(err, &f) || !strings.Contains(f.Msg, c.fault)):
			t.Errorf("%s: %v, want: %s", c.entry, err, c.fault)
		case c.fault == "" && err != nil:
			t.Errorf("%s: %v", c.entry, err)
		}
		if printed.String() != c.printings {
			t.Errorf("%s printed %q, want %q", c.entry, printed.String(), c.printings)
		}
		raw := make([]byte, 32)
		if err := mem.Read(raw, out); err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if got := binary.LittleEndian.Uint32(raw[4*i:]); got != want {
				t.Errorf("%s: %d is %d, want %d", c.entry, i, got, want)
			}
		}
	}
}
