package cuda

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
)

// TestAttentionCuts holds the host's table of passes on tensor cores to the kernels: their shared memory, and that there are no others.
func TestAttentionCuts(t *testing.T) {
	var want, got []string
	for entry, cuts := range map[string][]tensorCut{
		"attention": productCuts, "attention_dv": productCuts, "attention_dq": gradientCuts, "attention_dk": gradientCuts,
	} {
		for _, c := range cuts {
			want = append(want, fmt.Sprintf("%s%s: %d", entry, c.suffix, c.shared))
		}
	}
	for _, m := range regexp.MustCompile(`// dynamic shared memory: (\d+) bytes\n\.visible \.entry (\w+)`).FindAllStringSubmatch(attentionPTX, -1) {
		got = append(got, m[2]+": "+m[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the kernels have\n%q\nthe host has\n%q", got, want)
	}
}
