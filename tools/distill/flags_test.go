package main

import (
	"strings"
	"testing"

	"onestep/tools/internal/cli/clitest"
)

func TestHelp(t *testing.T) {
	r := must(t, ".", "-h")
	if long := must(t, ".", "--help"); long.stdout != r.stdout {
		t.Error("-h and --help differ")
	}
	clitest.Golden(t, "testdata/help.txt", r.stdout)
	for line := range strings.Lines(r.stdout) {
		if n := len([]rune(line)); n > 101 {
			t.Errorf("a line of %d letters: %s", n, line)
		}
	}
}

func TestFlagsPage(t *testing.T) { clitest.FlagsPage(t, "distill", defaults().cliOptions()) }
