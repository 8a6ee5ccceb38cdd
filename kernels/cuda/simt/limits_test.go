package simt

import (
	"strings"
	"testing"
	"time"
)

// TestLimits ends a launch that takes too long, by its own clock.
func TestLimits(t *testing.T) {
	mem := NewMemory()
	p := program(t, mem, "A: bra A;")
	err := p.Run(mem, Launch{Params: params(0, 0, 0)}, Options{MaxSteps: 1 << 40, MaxTime: time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "has not ended after 1ms") {
		t.Error(err)
	}
}

// TestLaunches refuses launches that no device makes.
func TestLaunches(t *testing.T) {
	for want, l := range map[string]Launch{
		"k: k.ptx: 2048 threads in a block": {Block: [3]int{2048, 1, 1}},
		"third dimension is at most 64":     {Block: [3]int{1, 1, 65}},
		"a grid of [1 65536 1]":             {Grid: [3]int{1, 65536, 1}},
		"0 bytes of parameters, want 20":    {},
	} {
		mem := NewMemory()
		if err := program(t, mem, "").Run(mem, l, Strict); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", l, err, want)
		}
	}
}
