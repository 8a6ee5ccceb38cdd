// Package clitest has what the tests of all commands share.
package clitest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onestep/tools/internal/cli"
)

// Update says to write the files that tests compare with: go test -p 1 ./tools/... -run 'Help|FlagsPage|List' -update
var Update = flag.Bool("update", false, "write the files that tests compare with: testdata/*.txt and FLAGS.md")

// Golden compares a text with a file, or with [Update] writes the file.
func Golden(t *testing.T, path, text string) {
	t.Helper()
	if *Update {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != text {
		t.Errorf("%s is not this, which -update writes (%v):\n%s", path, err, text)
	}
}

// FlagsPage compares a command's options with its section of tools/FLAGS.md, or with [Update] writes the section. It is called in the command's folder.
func FlagsPage(t *testing.T, command string, options []cli.Option) {
	t.Helper()
	path := filepath.Join("..", "FLAGS.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	section := cli.Page(command, options)
	want := withSection(string(page), cli.PageHead(), section)
	switch {
	case string(page) == want:
	case *Update:
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s: its head or this section is not what the program says; -update writes it:\n%s", path, section)
	}
}

// withSection is a page with this head and this section, which replaces one of the same title. Sections begin with "## " and are sorted by their
// titles.
func withSection(page, head, section string) string {
	_, others, _ := strings.Cut("\n"+page, "\n## ")
	title, _, _ := strings.Cut(section, "\n")
	text := strings.TrimRight(head, "\n") + "\n"
	add := func(s string) { text += "\n" + strings.TrimRight(s, "\n") + "\n" }
	added := false
	for other := range strings.SplitSeq(others, "\n## ") {
		if other == "" {
			continue
		}
		other = "## " + other
		theirs, _, _ := strings.Cut(other, "\n")
		if !added && theirs >= title {
			add(section)
			added = true
		}
		if theirs != title {
			add(other)
		}
	}
	if !added {
		add(section)
	}
	return text
}
