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
