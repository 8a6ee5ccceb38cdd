package cuda

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

func TestSignature(t *testing.T) {
	const text = `.version 7.0
.target sm_80
.visible .entry scale_f32_x(.param .u64 y) { ret; }
.visible .entry scale_f32 (
	.param .u64 .ptr .global .align 16 y, // not parsed as a name
	.param .align 8 .f64 a,
	.param .u32 n
)
.maxntid 256, 1, 1
{ ret; }
.entry none { ret; }
.entry empty() { ret; }
`
	for entry, want := range map[string][]int{"scale_f32": {8, 8, 4}, "scale_f32_x": {8}, "none": nil, "empty": nil} {
		if got, err := signature(text, entry); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", entry, got, err)
		}
	}
	if _, err := signature(text, "scale"); err == nil {
		t.Error("an entry that is not there")
	}
}

// TestSignatures reads the declarations of all kernels.
func TestSignatures(t *testing.T) {
	files, err := filepath.Glob("*.ptx")
	if err != nil || len(files) == 0 {
		t.Fatal("no PTX files", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		entries := regexp.MustCompile(`(?m)^\s*(?:\.visible\s+)?\.entry\s+(\w+)`).FindAllStringSubmatch(string(text), -1)
		if len(entries) == 0 {
			t.Errorf("%s has no entries", file)
		}
		for _, e := range entries {
			if sizes, err := signature(string(text), e[1]); err != nil || len(sizes) == 0 {
				t.Errorf("%s: %s: %v, %v", file, e[1], sizes, err)
			}
		}
	}
}
