package asm

import (
	"strings"
	"testing"
)

// TestText writes one of everything and compares the text.
func TestText(t *testing.T) {
	k := New("axpy_f32", 256)
	y, x, a, n := k.Ptr("y"), k.Ptr("x"), k.F32("a"), k.I32("n")
	i := k.GlobalIndex()
	k.If(i.Lt(n), func() {
		at := y.Index(i, 4)
		k.Store(Global, at, 0, a.FMA(k.Load(Global, F32, x.Index(i, 4), 0), k.Load(Global, F32, at, 0)))
	})
	const want = `// y = a·x + y.

.version 7.0
.target sm_80
.address_size 64

.visible .entry axpy_f32(
	.param .u64 axpy_f32_y,
	.param .u64 axpy_f32_x,
	.param .f32 axpy_f32_a,
	.param .s32 axpy_f32_n
)
.maxntid 256, 1, 1
{
	.reg .pred %p<1>;
	.reg .b32 %r<5>;
	.reg .f32 %f<4>;
	.reg .b64 %rd<6>;
	ld.param.u64 %rd0, [axpy_f32_y];
	cvta.to.global.u64 %rd1, %rd0;
	ld.param.u64 %rd2, [axpy_f32_x];
	cvta.to.global.u64 %rd3, %rd2;
	ld.param.f32 %f0, [axpy_f32_a];
	ld.param.s32 %r0, [axpy_f32_n];
	mov.u32 %r1, %ctaid.x;
	mov.u32 %r2, %ntid.x;
	mov.u32 %r3, %tid.x;
	mad.lo.s32 %r4, %r1, %r2, %r3;
	setp.lt.s32 %p0, %r4, %r0;
	@!%p0 bra $axpy_f32_1;
	mad.wide.s32 %rd4, %r4, 4, %rd1;
	mad.wide.s32 %rd5, %r4, 4, %rd3;
	ld.global.f32 %f1, [%rd5+0];
	ld.global.f32 %f2, [%rd4+0];
	fma.rn.f32 %f3, %f0, %f1, %f2;
	st.global.f32 [%rd4+0], %f3;
$axpy_f32_1:
	ret;
}
`
	if got := k.Text("y = a·x + y."); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestLoop has the test of a While before the loop and at its end, and guards within When.
func TestLoop(t *testing.T) {
	k := New("loop", 32)
	sum := k.Var(F32, 0)
	k.For(0, k.I32("n"), 2, func(i Reg) {
		k.When(i.Ne(4), func() { sum.Set(sum.Add(1.5)) })
	})
	k.Store(Global, k.U64("y"), 0, sum)
	text := k.Text("")
	for _, want := range []string{
		"\tsetp.lt.s32 %p0, %r1, %r0;\n\t@!%p0 bra $loop_2;\n$loop_1:\n",
		"\t@%p1 add.rn.f32 %f1, %f0, 0f3FC00000;\n\t@%p1 mov.f32 %f0, %f1;\n",
		"\tadd.s32 %r1, %r1, 2;\n\tsetp.lt.s32 %p2, %r1, %r0;\n\t@%p2 bra $loop_1;\n$loop_2:\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no\n%s\nin\n%s", want, text)
		}
	}
}

// TestConstantLoop has no test before a first round that is certain, and none where it is the only one.
func TestConstantLoop(t *testing.T) {
	k := New("loop", 32)
	y := k.U64("y")
	k.For(0, 10, 2, func(i Reg) { k.Store(Global, y, 0, i) })
	k.For(4, 6, 2, func(i Reg) { k.Store(Global, y, 4, i) })
	k.For(0, 0, 2, func(i Reg) { k.Store(Global, y, 8, i) })
	k.Repeat(0, k.I32("n"), 2, func(i Reg) { k.Store(Global, y, 12, i) })
	const want = `	mov.b32 %r0, 0;
$loop_1:
	st.global.s32 [%rd0+0], %r0;
	add.s32 %r0, %r0, 2;
	setp.lt.s32 %p0, %r0, 10;
	@%p0 bra $loop_1;
	mov.b32 %r1, 4;
	st.global.s32 [%rd0+4], %r1;
	mov.b32 %r2, 0;
	setp.lt.s32 %p1, %r2, 0;
	@!%p1 bra $loop_3;
$loop_2:
	st.global.s32 [%rd0+8], %r2;
	add.s32 %r2, %r2, 2;
	setp.lt.s32 %p2, %r2, 0;
	@%p2 bra $loop_2;
$loop_3:
	ld.param.s32 %r3, [loop_n];
	mov.b32 %r4, 0;
$loop_4:
	st.global.s32 [%rd0+12], %r4;
	add.s32 %r4, %r4, 2;
	setp.lt.s32 %p3, %r4, %r3;
	@%p3 bra $loop_4;
`
	if text := k.Text(""); !strings.Contains(text, want) {
		t.Errorf("no\n%s\nin\n%s", want, text)
	}
}

// TestUnread drops what nothing depends on, loops that only feed themselves too, and keeps what has effects.
func TestUnread(t *testing.T) {
	k := New("unread", 32)
	y, x := k.Ptr("y"), k.Ptr("x")
	sum, count := k.Var(F32, 0), k.Var(S32, 0)
	k.For(0, 10, 1, func(i Reg) {
		sum.Set(sum.Add(k.Load(Global, F32, x.Index(i, 4), 0)))
		k.When(i.Gt(3), func() { count.Set(count.Add(1)) })
	})
	k.Barrier()
	k.Store(Global, y, 0, k.LoadV(Global, F32, 2, x, 0)[1])
	text := k.Text("")
	for _, drops := range []string{"add.rn.f32", "setp.gt", "mad.wide"} {
		if strings.Contains(text, drops) {
			t.Errorf("%s is left in\n%s", drops, text)
		}
	}
	for _, keeps := range []string{"unread_x]", "unread_y]", "setp.lt", "add.s32 %r", "bar.sync", "ld.global.v2.f32", "st.global.f32"} {
		if !strings.Contains(text, keeps) {
			t.Errorf("%s is not in\n%s", keeps, text)
		}
	}
}
