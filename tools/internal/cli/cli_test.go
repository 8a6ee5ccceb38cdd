package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSeeds(t *testing.T) {
	for s, want := range map[string][]uint64{
		"7": {7}, "0-3": {0, 1, 2, 3}, "5,1-2,9": {5, 1, 2, 9},
		"18446744073709551614-18446744073709551615": {1<<64 - 2, 1<<64 - 1},
	} {
		var v Seeds
		if err := v.Set(s); err != nil || !slices.Equal(v, want) {
			t.Errorf("%s: %v, %v", s, v, err)
		}
		if v.String() != s {
			t.Errorf("%s is written %s", s, v.String())
		}
	}
	for _, s := range []string{"", "a", "1-", "-1", "3-2", "1,,2", "0-10000000", "1-2-3"} {
		var v Seeds
		if err := v.Set(s); err == nil {
			t.Errorf("%q is accepted as %v", s, v)
		}
	}
}

func TestParse(t *testing.T) {
	var n int
	var on bool
	options := []Option{New("A", "n", "N", "how many", (*Count)(&n)), New("A", "on", "", "switch", (*Yes)(&on))}
	given, err := Parse(options, []string{"-n", "3", "--on"})
	if err != nil || n != 3 || !on || given["n"] != "3" || given["on"] != "true" {
		t.Errorf("n %d, on %t, given %v: %v", n, on, given, err)
	}
	for args, says := range map[string]string{
		"--m 3":   "unknown flag --m (-h lists the flags)",
		"-n x":    `invalid value "x" for --n: want a whole number (-h lists the flags)`,
		"-n":      "a value is missing after --n (-h lists the flags)",
		"--on=3x": `invalid value "3x" for --on: want true or false (-h lists the flags)`,
		"left":    `unexpected argument "left" (-h lists the flags)`,
	} {
		if _, err := Parse(options, strings.Fields(args)); err == nil || err.Error() != says {
			t.Errorf("%s: %v, want %s", args, err, says)
		}
	}
	if _, err := Parse(options, []string{"--help"}); err != ErrHelp {
		t.Errorf("--help: %v", err)
	}
}

func TestParseFiles(t *testing.T) {
	for args, want := range map[string]string{
		"":                   "",
		"a b":                "a b",
		"-n 3 a --on b":      "a b",
		"a -n 3 --on":        "a",
		"--on -n 3 -- -n b":  "-n b",
		"a --on -n 3 - -- c": "a - c",
	} {
		var n int
		var on bool
		options := []Option{New("A", "n", "N", "how many", (*Count)(&n)), New("A", "on", "", "switch", (*Yes)(&on))}
		given, files, err := ParseFiles(options, strings.Fields(args))
		if err != nil || strings.Join(files, " ") != want || len(given) == 2 != (on && n == 3) || strings.Contains(args, "3") != on {
			t.Errorf("%s: files %q, given %v: %v", args, files, given, err)
		}
		if _, _, err := ParseFiles(options, append(strings.Fields(args), "--m")); (err == nil) != strings.Contains(args, "-- ") {
			t.Errorf("%s --m: %v", args, err)
		}
	}
	if _, _, err := ParseFiles(nil, []string{"a", "-h"}); err != ErrHelp {
		t.Errorf("-h after a file: %v", err)
	}
}

// A command learns before its work that it cannot write, and the attempt leaves nothing.
func TestWritable(t *testing.T) {
	dir := t.TempDir()
	made := filepath.Join(dir, "a", "b")
	if err := Writable("--out", made); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(made); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Writable("--out", file); err == nil || !strings.HasPrefix(err.Error(), "--out: ") {
		t.Errorf("a file as the folder: %v", err)
	}
}
