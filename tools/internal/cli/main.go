package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// Exit statuses of all commands.
const (
	ExitFailed      = 1
	ExitUsage       = 2
	ExitInterrupted = 130 // as shells have it for Ctrl-C
)

// ErrInterrupted is what a command's run wraps when it ended early because its context did.
var ErrInterrupted = errors.New("interrupted")

// Main is a command: it parses the flags, runs, and exits with a status. --version is answered here, before anything
// else, and -h by parse, with [ErrHelp]. The context of run ends with
// the first interrupt or request to terminate; a second one ends the process at once. An error is one line on standard error.
func Main[F any](name string, parse func(args []string, out io.Writer) (F, error), run func(context.Context, F) error) {
	fail := func(status int, err error) {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(status)
	}
	if asksVersion(os.Args[1:]) {
		info, _ := debug.ReadBuildInfo()
		if err := printVersion(os.Stdout, name, info); err != nil {
			fail(ExitFailed, err)
		}
		return
	}
	f, err := parse(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, ErrHelp):
		return
	case err != nil:
		fail(ExitUsage, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	switch err := run(ctx, f); {
	case errors.Is(err, ErrInterrupted):
		fail(ExitInterrupted, err)
	case err != nil:
		fail(ExitFailed, err)
	}
}
