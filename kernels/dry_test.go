package kernels

import "testing"

// TestDry asks a dry device and the host for the same: their memory agrees, and nothing is computed.
func TestDry(t *testing.T) {
	dry, real := NewDryCPU(2), NewCPU(2)
	defer real.Close()
	defer dry.Close()
	for _, c := range []*CPU{real, dry} {
		x, y := c.Alloc(F16, 30*50), c.Alloc(F32, 30*50)
		c.Upload(x, make([]float32, 1500))
		c.Free(c.Alloc(F32, 1500))
		Axpby.Run(c, AxpbyArgs{Y: y, X: x, A: 1, N: 1500})
		a, b, p := c.Alloc(F32, 40*50), c.Alloc(F32, 50*60), c.Alloc(F32, 40*60)
		GEMM.Run(c, GEMMArgs{C: p, A: a, B: b, M: 40, N: 60, K: 50, LDA: 50, LDB: 60, LDC: 60})
		c.Free(x)
	}
	now, peak := dry.Memory()
	if n, p := real.Memory(); now != n || peak != p || dry.Held() != real.Held() {
		t.Errorf("in use %d, at most %d, held %d; really %d, %d and %d", now, peak, dry.Held(), n, p, real.Held())
	}
	want := []Work{
		{Op: "cast", Bytes: 1500 * (2 + 4)},              // the upload
		{Op: "axpby", Bytes: 1500 * (2 + 4)},             // which wants float32:
		{Op: "cast", Bytes: 1500 * (2 + 4), Inner: true}, // a copy
		{Op: "gemm", Bytes: 4 * 7400, MACs: 40 * 60 * 50},
	}
	got := dry.Notes()
	if len(got) != len(want) {
		t.Fatalf("notes: %+v", got)
	}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("note %d: %+v, want %+v", i, got[i], w)
		}
	}
	func() {
		defer func() {
			if e, ok := recover().(*DeviceError); !ok || e.Err != ErrDry {
				t.Errorf("a buffer beyond the limit: %v", e)
			}
		}()
		dry.LimitDry(1 << 20)
		dry.Alloc(F16, 1<<20)
	}()
	x := dry.Alloc(F32, 3)
	y := []float32{0, 0, 0}
	if dry.Download(y, x); y[0] != 1 || y[2] != 1 {
		t.Errorf("a download is %v", y)
	}
}
