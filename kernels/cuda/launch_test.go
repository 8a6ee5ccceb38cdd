package cuda

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
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

func TestExcerpt(t *testing.T) {
	const text = `// a file { of
.version 7.0
.target sm_80
.extern .shared .align 16 .b8 pool[];
.const .u32 table[2] = {1, 2};
// the first .entry other
.visible .entry first(.param .u64 y)
.maxntid 256
{
	{ .reg .b32 %r<2>; } // } }
	ret; /* } */
}
.entry second (.param .u32 n) { ret; }
.func helper() { ret; }
/* } */ .visible .entry third() {
	ret;
}
// the end
`
	cut := func(from, to string) string {
		_, tail, _ := strings.Cut(text, from)
		tail, _, _ = strings.Cut(tail, to)
		return from + tail
	}
	first, second, third := cut(".visible .entry first", "\n.entry second"), cut(".entry second", "\n.func"), cut(".visible .entry third", "\n// the end")
	lines := func(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) }
	all := map[string]string{"first": first, "second": second, "third": third}
	for entry := range all {
		want := text
		for other, body := range all {
			if other != entry {
				want = strings.Replace(want, body, lines(body), 1)
			}
		}
		if got := excerpt(text, entry); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", entry, got, want)
		}
	}
}

// TestSignatures reads declarations of all files.
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
			t.Fatalf("%s has no entries", file)
		}
		for _, e := range [][]string{entries[0], entries[len(entries)/2], entries[len(entries)-1]} {
			if sizes, err := signature(excerpt(string(text), e[1]), e[1]); err != nil || len(sizes) == 0 {
				t.Errorf("%s: %s: %v, %v", file, e[1], sizes, err)
			}
		}
	}
}
