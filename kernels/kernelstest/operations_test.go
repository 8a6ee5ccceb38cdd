package kernelstest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestOperations fails if an operation of package kernels is not on the list.
func TestOperations(t *testing.T) {
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^var (\w+) += Op\[`)
	found := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			found++
			if Operations[m[1]] == nil {
				t.Errorf("kernelstest: Operations lacks %s", m[1])
			}
		}
	}
	if found != len(Operations) {
		t.Errorf("%d operations are declared, the list has %d", found, len(Operations))
	}
}
