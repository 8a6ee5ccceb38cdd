package cli

import (
	"fmt"
	"strings"
)

// Page is the section of a command in tools/FLAGS.md: a table of its flags, made of the same list as its help.
func Page(command string, options []Option) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n| flag | unit | default | what it does |\n|---|---|---|---|\n", command)
	group := ""
	for _, o := range options {
		if o.Group != group {
			group = o.Group
			fmt.Fprintf(&b, "| **%s** | | | |\n", cell(group))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", o.Flag(), cell(strings.ToLower(o.Unit)), cell(o.Default()), cell(o.Help))
	}
	return b.String()
}

// PageHead is what tools/FLAGS.md begins with.
func PageHead() string {
	var b strings.Builder
	b.WriteString("# Flags of the commands\n\n" +
		"Made by `go test -p 1 ./tools/... -run FlagsPage -update` of the lists that `-h` prints, and compared with them by the same tests. A flag without a unit is a\n" +
		"switch, on or off (`--fp16`, `--fp16=false`). Of every command:\n\n")
	for _, o := range common {
		fmt.Fprintf(&b, "- `%s`: %s\n", o[0], o[1])
	}
	return b.String()
}

// cell is a text as a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
