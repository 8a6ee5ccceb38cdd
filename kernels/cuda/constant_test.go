//go:build linux && (amd64 || arm64)

package cuda

import (
	"encoding/binary"
	"testing"
)

// TestConstants: the same contents have the same address without another copy, also during a capture; old ones are freed, but not those that a
// graph may read, nor the last.
func TestConstants(t *testing.T) {
	_, d := newStub(t)
	data := func(i int) []byte { return binary.LittleEndian.AppendUint64(make([]byte, 64), uint64(i)) }
	first := d.constant(data(0))
	if again := d.constant(data(0)); again != first {
		t.Errorf("the same contents are at %#x and %#x", first.bits, again.bits)
	}
	var captured Arg
	g := d.Capture(func() { captured = d.constant(data(-1)) })
	for i := range 500 {
		last := d.constant(data(i))
		for j := max(0, i-constantsKept/2); j < i; j++ {
			d.constant(data(j))
		}
		if d.constant(data(i)) != last {
			t.Fatalf("the last constant was forgotten")
		}
		if n := len(d.constants.entries); n > constantsLimit+1 {
			t.Fatalf("%d constants", n)
		}
	}
	if d.constant(data(-1)) != captured {
		t.Error("a graph's constant was forgotten")
	}
	g.Release()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
