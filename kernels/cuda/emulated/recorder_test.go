package emulated

import (
	"encoding/binary"
	"slices"
	"testing"

	"onestep/kernels/cuda/driver"
)

const twoPointers = `.version 7.0
.target sm_80
.address_size 64
.visible .entry two(.param .u64 x, .param .u64 table, .param .u64 seed)
.maxntid 64, 1, 1
{
	ret;
}`

// TestRecorder notes launches in the order in which they would run, those of graphs included, with the buffers that parameters and tables name.
func TestRecorder(t *testing.T) {
	r := NewRecorder()
	s, _ := r.NewStream()
	memory := func(n int) driver.Ptr {
		t.Helper()
		p, err := r.Alloc(n)
		try(t, err)
		try(t, r.Mark(p, n, s))
		return p
	}
	memory(100)
	x, table, y := memory(4000), memory(24), memory(50)
	data := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(make([]byte, 8), uint64(y)), uint64(x))
	try(t, r.CopyIn(table, data, s))
	mod, err := r.Load("two.ptx", twoPointers)
	try(t, err)
	f, err := r.Func(mod, "two")
	try(t, err)
	if info, err := r.FuncInfo(f); err != nil || info.MaxThreads != 64 {
		t.Errorf("%+v, %v", info, err)
	}
	launch := func(x driver.Ptr) {
		t.Helper()
		var params []byte
		for _, p := range []uint64{uint64(x), uint64(table), 12345} {
			params = binary.LittleEndian.AppendUint64(params, p)
		}
		try(t, r.Launch(&driver.Launch{Func: f, Grid: driver.Dim{X: 3, Y: 2, Z: 1}, Block: driver.Dim{X: 64, Y: 1, Z: 1}, Params: params, Stream: s}))
	}
	launch(x + 400)
	try(t, r.BeginCapture(s))
	try(t, r.Mark(x, 0, s))
	launch(y)
	g, err := r.EndCapture(s)
	try(t, err)
	if len(r.Launches) != 1 || len(r.Copied) != 1 {
		t.Fatalf("%d launches, %d copies before the graph's", len(r.Launches), len(r.Copied))
	}
	try(t, r.LaunchGraph(g, s))
	var got [][]driver.Ptr
	for _, l := range r.Launches {
		var list []driver.Ptr
		for _, b := range l.Buffers {
			list = append(list, driver.Ptr(b.Addr))
		}
		got = append(got, list)
	}
	if !slices.EqualFunc(got, [][]driver.Ptr{{x, table, y}, {y, table}}, slices.Equal) {
		t.Errorf("buffers %#x", got)
	}
	host := make([]byte, 8)
	try(t, r.CopyOut(host, x, s))
	if !slices.Equal(host, []byte{0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3f}) {
		t.Errorf("% x, want ones", host)
	}
	if l := r.Launches[0]; l.Entry != "two" || l.Grid != [3]int{3, 2, 1} || l.Buffers[0].Size != 4000 || !slices.Equal(l.Buffers[1].Data, data) {
		t.Errorf("%+v", l)
	}
}
