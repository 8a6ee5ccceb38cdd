// Package cli reads the flags of the commands and explains them: grouped, with units and defaults.
//
// # Decisions
//
//   - 2026-11: the standard flag package reads the command line, and this one prints the help, which the standard one does neither group nor
//     give units to. alecthomas/kong would do both from struct tags, for one more dependency; but a flag here is also a row of FLAGS.md and
//     knows whether a continued run may change it, so that a table of values serves better than tags. Subcommands would change our mind.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// Option is one flag.
type Option struct {
	Group, Name string
	Unit        string // of its value, or what it is, in capitals; "" for a switch
	Help        string
	Value       flag.Value // holds the default until it is set
}

// New is an [Option] of the fields in their order.
func New(group, name, unit, help string, value flag.Value) Option {
	return Option{group, name, unit, help, value}
}

// Flag is the name as it is typed.
func (o Option) Flag() string {
	if len(o.Name) == 1 {
		return "-" + o.Name
	}
	return "--" + o.Name
}

// Default is the value before it is set, or "" where there is none to speak of.
func (o Option) Default() string {
	if s := o.Value.String(); s != "false" {
		return s
	}
	return ""
}

// ErrHelp is what Parse returns when -h or --help was given.
var ErrHelp = flag.ErrHelp

// Parse sets the options from a command line, and returns those that were given. What is no option is an error.
func Parse(options []Option, args []string) (given map[string]string, err error) {
	given, files, err := ParseFiles(options, args)
	if err == nil && len(files) > 0 {
		return nil, fmt.Errorf("unexpected argument %q (-h lists the flags)", files[0])
	}
	return given, err
}

// ParseFiles is Parse for a command that is also given files. Flags and files may stand in any order; after -- there are files only.
func ParseFiles(options []Option, args []string) (given map[string]string, files []string, err error) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	for _, o := range options {
		fs.Var(o.Value, o.Name, o.Help)
	}
	for rest := args; ; {
		if err = fs.Parse(rest); err != nil || fs.NArg() == 0 {
			break
		}
		if read := len(rest) - fs.NArg(); read > 0 && rest[read-1] == "--" {
			files = append(files, fs.Args()...)
			break
		}
		files, rest = append(files, fs.Arg(0)), fs.Args()[1:]
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil, nil, ErrHelp
	case err != nil: // in the words of the flag package, which knows one dash only
		return nil, nil, fmt.Errorf("%s (-h lists the flags)", strings.NewReplacer(
			"flag provided but not defined: -", "unknown flag --", "flag needs an argument: -", "a value is missing after --",
			" for flag -", " for --", " for -", " for --", "boolean value", "value").Replace(err.Error()))
	}
	given = map[string]string{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = f.Value.String() })
	return given, files, nil
}

// Set sets options to what was given, once more, over what was read from elsewhere meanwhile.
func Set(options []Option, given map[string]string) error {
	for _, o := range options {
		if text, ok := given[o.Name]; ok {
			if err := o.Value.Set(text); err != nil {
				return fmt.Errorf("%s %q: %w", o.Flag(), text, err)
			}
		}
	}
	return nil
}

// Usage prints head, all options with defaults and units, and tail.
func Usage(w io.Writer, head string, options []Option, tail string) error {
	var b strings.Builder
	b.WriteString(head)
	group := ""
	for _, o := range options {
		if o.Group != group {
			group = o.Group
			fmt.Fprintf(&b, "\n%s:\n", group)
		}
		text := o.Help
		if d := o.Default(); d != "" {
			text += " (default\u00a0" + d + ")" // not broken
		}
		writeOption(&b, strings.TrimSpace(o.Flag()+" "+o.Unit), text)
	}
	fmt.Fprintf(&b, "\nOf every command:\n")
	for _, o := range common {
		writeOption(&b, o[0], o[1])
	}
	b.WriteString(tail)
	_, err := io.WriteString(w, strings.ReplaceAll(b.String(), "\u00a0", " "))
	return err
}

// common are the flags that no command declares, since all have them, and what they do.
var common = [][2]string{{"-h, --help", "explain the command and its flags"}, {"--version", versionHelp}}

// writeOption writes a flag and its explanation, of which the lines after the first are indented.
func writeOption(b *strings.Builder, name, text string) {
	for _, line := range wrap(text, 74) {
		fmt.Fprintf(b, "  %-23s %s\n", name, line)
		name = ""
	}
}

// wrap breaks a text at spaces into lines of at most so many letters.
func wrap(text string, width int) (lines []string) {
	line := ""
	for word := range strings.SplitSeq(text, " ") {
		if line != "" && len([]rune(line+" "+word)) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
