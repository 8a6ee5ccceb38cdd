package simt

import (
	"testing"

	"onestep/kernels/cuda/ptx"
)

const addOne = `.version 7.0
.target sm_80
.address_size 64
.visible .entry add_one(.param .u64 y, .param .u64 x) {
	.reg .b64 %rd<3>;
	.reg .f32 %f<2>;
	ld.param.u64 %rd0, [y];
	ld.param.u64 %rd1, [x];
	ld.global.f32 %f0, [%rd1+4];
	add.f32 %f1, %f0, 0f3F800000;
	st.global.f32 [%rd0], %f1;
	ret;
}`

// TestMap runs a kernel on memory that was put at addresses, two of which share it, and reaches over its end.
func TestMap(t *testing.T) {
	m, err := ptx.Parse("add_one.ptx", addOne)
	if err != nil {
		t.Fatal(err)
	}
	mem := NewMemory()
	p, err := Compile(m, "add_one", mem)
	if err != nil {
		t.Fatal(err)
	}
	shared := make([]byte, 8)
	const x, y = 0x7f90_0000_1000, 0x7f90_0000_0000
	for _, at := range []uint64{x, y} {
		if err := mem.Map(at, shared); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []uint64{x + 4, x - 4, y} {
		if mem.Map(at, shared) == nil {
			t.Errorf("%#x is mapped twice", at)
		}
	}
	if a, err := mem.Alloc(8); err != nil || a < x+8+guardBytes {
		t.Errorf("an allocation at %#x, %v", a, err)
	}
	run := func(x, y uint64) error {
		var params []byte
		for _, a := range []uint64{y, x} {
			for b := range 8 {
				params = append(params, byte(a>>(8*b)))
			}
		}
		return p.Run(mem, Launch{Params: params}, Strict)
	}
	copy(shared[4:], []byte{0, 0, 0x80, 0x3f}) // 1
	if err := run(x, y); err != nil || shared[3] != 0x40 {
		t.Errorf("%v: % x, want 2 in front", err, shared)
	}
	if run(x+4, y) == nil {
		t.Error("read behind the end")
	}
}
