package tools

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommands: what is true of every command, since it is done in one place, needs that the command goes through there. Its flags are compared with its
// section of FLAGS.md by its own test.
func TestCommands(t *testing.T) {
	page, err := os.ReadFile("FLAGS.md")
	if err != nil {
		t.Fatal(err)
	}
	mains, err := filepath.Glob("*/main.go")
	if err != nil || len(mains) < 7 {
		t.Fatalf("commands %v, %v", mains, err)
	}
	sections := strings.Count("\n"+string(page), "\n## ")
	if sections != len(mains) {
		t.Errorf("FLAGS.md has %d sections, there are %d commands", sections, len(mains))
	}
	for _, path := range mains {
		name := filepath.Dir(path)
		if !strings.Contains(string(page), "\n## "+name+"\n") {
			t.Errorf("FLAGS.md has no section of %s", name)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "cli.Main(\""+name+"\"") {
			t.Errorf("%s: it does not start by cli.Main under its name, which answers --version, interrupts and errors", path)
		}
		if !calls(t, name, "clitest.FlagsPage(") {
			t.Errorf("%s: no test compares its flags with FLAGS.md", name)
		}
	}
}

// calls says whether a test in a folder has a text.
func calls(t *testing.T, dir, text string) bool {
	tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range tests {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(source), text) {
			return true
		}
	}
	return false
}
