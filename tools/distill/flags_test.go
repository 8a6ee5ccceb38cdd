package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onestep/tools/internal/cli"
)

// -update writes testdata/help.txt and the table in the README: go test ./tools/distill -run 'Help|README' -update
var update = flag.Bool("update", false, "write help.txt and the README's table of flags")

func TestHelp(t *testing.T) {
	const golden = "testdata/help.txt"
	r := must(t, ".", "-h")
	if long := must(t, ".", "--help"); long.stdout != r.stdout {
		t.Error("-h and --help differ")
	}
	if *update {
		if err := os.WriteFile(golden, []byte(r.stdout), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, golden); r.stdout != want {
		t.Errorf("-h does not say what %s does; -update writes it. It says:\n%s", golden, r.stdout)
	}
	for line := range strings.Lines(r.stdout) {
		if n := len([]rune(line)); n > 101 {
			t.Errorf("a line of %d letters: %s", n, line)
		}
	}
}

func TestREADME(t *testing.T) {
	const begin, end = "<!-- flags -->\n", "<!-- /flags -->"
	path := filepath.Join("..", "..", "README.md")
	text := read(t, path)
	head, rest, ok1 := strings.Cut(text, begin)
	table, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table of flags: %s%s", path, begin, end)
	}
	want := cli.Markdown(defaults().plain())
	if *update {
		if err := os.WriteFile(path, []byte(head+begin+want+end+tail), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if table != want {
		t.Errorf("%s: the table of flags is not that of the command; -update writes it", path)
	}
}
