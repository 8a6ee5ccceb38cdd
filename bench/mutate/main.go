// Command mutate measures the tests: it plants single faults in the functions of packages, drawn by a seed, and says which of them no test notices.
//
//	go run ./bench/mutate -seed 1 -n 200 ./pid ./pid/judge/... ./nn/... ./autograd ./tensor/...
//	go run ./bench/mutate -seed 1 -n 200 -only 'pid/levels.go' -by ./tools/... ./pid      # of the same faults those of one file; more tests
//
// A fault is a comparison or a condition changed, an operator swapped, a number one more or less, a boolean the other, a statement left out, a result
// zeroed, an error not looked at, a continue or break left out (changes.go). All faults are in one test binary of each package: functions begin with
// their faulty copies, and an environment variable says which one runs (tree.go). The files are replaced by go build's -overlay, so that the work
// tree is never touched. Every test runs by itself once without a fault: it must pass, and leaves word which faults it reaches. Then each fault is
// given to the tests that reach it, the quickest first, until one fails, crashes, or takes far longer than before (tests.go). The tests are those of
// go test -short in the packages and in those of -by. The same seed draws the same faults of the same source.
//
// Faults that no test can notice are listed in equivalent.tsv, with the reason, and are counted apart. What lies outside of functions (constants,
// tables) is left alone, and so are messages of errors, what is printed, and String methods. A fault that takes memory without end is not held back:
// ulimit -v does that.
//
// Gremlins, a maintained tool, was tried first: it draws no sample, runs no importing package's tests, leaves out no statements, and compiles and runs
// all tests of a package for each fault, which takes ten times as long.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

func main() {
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "`number` that draws the faults")
	flag.IntVar(&o.n, "n", 200, "`number` of faults; 0: all")
	flag.StringVar(&o.by, "by", "", "more `packages` whose tests may notice, with commas between")
	flag.StringVar(&o.only, "only", "", "try only those of the faults whose line in the report matches this regular `expression`")
	flag.Float64Var(&o.want, "want", 0, "end with an error if less than this `share` is noticed, as 0.9")
	flag.DurationVar(&o.grace, "grace", 20*time.Second, "`time` that a test may take beyond ten times its own, before a fault in it is noticed")
	flag.Parse()
	o.packages = flag.Args()
	if err := run(o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

type options struct {
	seed     uint64
	n        int
	by, only string
	want     float64
	grace    time.Duration
	packages []string
}

func run(o options, w io.Writer) error {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	excuses, err := readExcuses(equivalent)
	if err != nil {
		return err
	}
	packages, err := list(o.packages)
	if err != nil {
		return err
	}
	var all []*change
	for _, p := range packages {
		cs, err := changesIn(p)
		if err != nil {
			return err
		}
		all = append(all, cs...)
	}
	draw(all, o.seed)
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)

	// Some do not compile: a variable is no longer used, say. Enough are drawn to have n of them without those.
	t := tree{work: work, packages: packages, log: w}
	drawn := all
	if o.n > 0 {
		drawn = all[:min(len(all), o.n+o.n/2+8)]
	}
	if drawn, err = t.plant(drawn); err != nil {
		return err
	}
	if o.n > 0 {
		drawn = drawn[:min(len(drawn), o.n)]
	}
	drawn = slices.DeleteFunc(drawn, func(c *change) bool { return !only.MatchString(c.String()) })
	fmt.Fprintf(w, "%d places in %d packages, %d drawn by seed %d\n", len(all), len(packages), len(drawn), o.seed)
	if len(drawn) == 0 {
		return errors.New("nothing to try")
	}
	judges := packages
	if o.by != "" {
		more, err := list(strings.Split(o.by, ","))
		if err != nil {
			return err
		}
		judges = append(slices.Clone(packages), more...)
	}
	tests, err := t.tests(judges)
	if err != nil {
		return err
	}
	noticed, excused := 0, 0
	for _, c := range drawn {
		start := time.Now()
		by := tests.notice(c, o.grace)
		took := time.Since(start).Round(100 * time.Millisecond)
		switch {
		case by != "":
			noticed++
			fmt.Fprintf(w, "noticed   %s: by %s (%v)\n", c, by, took)
		case excuses[c.key()] != "":
			excused++
			fmt.Fprintf(w, "excused   %s: %s\n", c, excuses[c.key()])
		default:
			fmt.Fprintf(w, "SURVIVED  %s (%v)\n", c, took)
		}
	}
	share := float64(noticed) / float64(max(1, len(drawn)-excused))
	fmt.Fprintf(w, "%d of %d noticed, %.1f %%; %d excused\n", noticed, len(drawn)-excused, 100*share, excused)
	if share < o.want {
		return fmt.Errorf("%.3g noticed, want %g", share, o.want)
	}
	return nil
}

// draw shuffles the changes.
func draw(all []*change, seed uint64) {
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, c := range all {
		c.id = i + 1 // 0: none
	}
}
