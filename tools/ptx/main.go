// Command ptx prints our kernels, checks PTX files, runs conformance cases on an interpreter or a GPU, and predicts how long a training step takes. ptx -h lists its commands and flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"onestep/tools/internal/cli"
)

func main() {
	cli.Main("ptx", parse, func(ctx context.Context, f *flags) error { return f.command.run(ctx, f, os.Stdout) })
}

// command is one of the things that this one does.
type command struct {
	name, files, help string
	options           func(*flags) []cli.Option
	run               func(context.Context, *flags, io.Writer) error
}

var commands = []command{
	{"print", "KERNEL ...", "prints kernels of kernels/cuda as they are launched, or lists them", printOptions, printKernels},
	{"check", "FILE.ptx ...", "parses PTX strictly and prints what its kernels declare", func(*flags) []cli.Option { return nil }, check},
	{"case", "FILE.json ...", "runs conformance cases and compares what they leave in memory", caseOptions, cases},
	{"ledger", "", "accounts for a training step launch for launch, and predicts its time", ledgerOptions, account},
}

// flags are the settings of one call.
type flags struct {
	command  command
	files    []string
	seed     uint64
	counters bool
	limit    int // seconds of a launch on the interpreter
	list     bool
	dir      string
	device   string
	ledger   ledgerFlags
}

func caseOptions(f *flags) []cli.Option {
	return []cli.Option{
		cli.New("case", "seed", "N", "order in which the interpreter runs warps and blocks; 0: one after the other", (*cli.Seed)(&f.seed)),
		cli.New("case", "counters", "", "print what the interpreter counts", (*cli.Yes)(&f.counters)),
		cli.New("case", "limit", "SECONDS", "longest time of a launch on the interpreter; 0: any", (*cli.Count)(&f.limit)),
		cli.New("case", "device", "DEVICE", "emulated, cuda or cuda:N", (*cli.Text)(&f.device)),
	}
}

func defaults() *flags { return &flags{device: "emulated", limit: 300} }

func parse(args []string, out io.Writer) (*flags, error) {
	f := defaults()
	if len(args) == 0 {
		return nil, errors.New("a command is missing: print, check, case or ledger (-h lists them)")
	}
	if slices.Contains(args, "-h") || slices.Contains(args, "--help") {
		return nil, errors.Join(usage(out), cli.ErrHelp)
	}
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == args[0] })
	if i < 0 {
		return nil, fmt.Errorf("unknown command %q: want print, check, case or ledger (-h lists them)", args[0])
	}
	f.command = commands[i]
	options := f.command.options(f)
	var err error
	if _, f.files, err = cli.ParseFiles(options, args[1:]); err != nil {
		return nil, err
	}
	if f.command.name == "print" {
		return f, checkPrint(f)
	}
	if (len(f.files) == 0) != (f.command.files == "") {
		return nil, fmt.Errorf("%s: want %s", f.command.name, f.command.files)
	}
	if _, err := ordinal(f.device); err != nil {
		return nil, err
	}
	return f, nil
}

// ordinal is the number of a GPU, or −1 for the interpreter.
func ordinal(device string) (int, error) {
	name, number, hasNumber := strings.Cut(device, ":")
	n, err := strconv.Atoi(number)
	switch {
	case device == "emulated":
		return -1, nil
	case name == "cuda" && !hasNumber:
		return 0, nil
	case name == "cuda" && err == nil && n >= 0:
		return n, nil
	}
	return 0, fmt.Errorf("--device %s: want emulated, cuda or cuda:N", device)
}

func usage(out io.Writer) error {
	head := "Checks and runs PTX, and predicts how long it takes.\n\n"
	var options []cli.Option
	f := defaults()
	for _, c := range commands {
		head += fmt.Sprintf("  ptx %-6s %-14s %s\n", c.name, c.files, c.help)
		options = append(options, c.options(f)...)
	}
	return cli.Usage(out, head, options, "")
}
