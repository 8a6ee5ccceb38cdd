package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// single is one test of a package's binary.
type single struct {
	binary, dir, name string        // name: of the function
	pkg               string        // as reports have it
	took              time.Duration // without a fault
	reaches           map[int]bool  // faults
}

type singles []*single

// tests builds the binaries of packages and runs every test once, without a fault.
func (t *tree) tests(packages []*pkg) (list singles, err error) {
	for i, p := range packages {
		if len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 || slices.ContainsFunc(packages[:i], func(q *pkg) bool { return q.Dir == p.Dir }) {
			continue
		}
		binary := filepath.Join(t.work, fmt.Sprintf("%d.test", i))
		if out, err := exec.Command("go", "test", "-c", "-vet=off", "-o", binary, t.overlay(), p.ImportPath).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", p.ImportPath, err, out)
		}
		names := exec.Command(binary, "-test.list", "^(Test|Example|Fuzz)")
		names.Dir = p.Dir
		out, err := names.Output()
		if err != nil {
			return nil, failure(err)
		}
		start := time.Now()
		for name := range strings.FieldsSeq(string(out)) {
			s := &single{binary: binary, dir: p.Dir, name: name, pkg: p.Name}
			if err := s.trace(filepath.Join(t.work, "trace")); err != nil {
				return nil, err
			}
			list = append(list, s)
		}
		fmt.Fprintf(t.log, "%s passes, %v\n", p.ImportPath, time.Since(start).Round(time.Second))
	}
	slices.SortStableFunc(list, func(a, b *single) int { return cmp.Compare(a.took, b.took) })
	return list, nil
}

// trace runs a test without a fault, and keeps which faults it reaches.
func (s *single) trace(file string) error {
	os.Remove(file)
	start := time.Now()
	if out, err := s.run(10*time.Minute, traceEnv+"="+file); err != nil {
		return fmt.Errorf("%s of %s fails without a fault: %w\n%s", s.name, s.pkg, err, out)
	}
	s.took, s.reaches = time.Since(start), map[int]bool{}
	b, _ := os.ReadFile(file) // not there if none is reached
	for text := range strings.FieldsSeq(string(b)) {
		id, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		s.reaches[id] = true
	}
	return nil
}

func (s *single) run(limit time.Duration, env string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c := exec.CommandContext(ctx, s.binary, "-test.run", "^"+s.name+"$", "-test.short", "-test.failfast")
	c.Dir, c.Env, c.WaitDelay = s.dir, append(os.Environ(), env), time.Second
	return c.CombinedOutput()
}

// notice is the name of the first test that fails with a fault, or "".
func (l singles) notice(c *change, grace time.Duration) string {
	for _, s := range l {
		if !s.reaches[c.id] {
			continue
		}
		if _, err := s.run(10*s.took+grace, chosenEnv+"="+strconv.Itoa(c.id)); err != nil {
			return s.pkg + "." + s.name
		}
	}
	return ""
}

// equivalent is the list of changes that cannot be noticed: file, line of code, passage, what takes its place, reason.
//
//go:embed equivalent.tsv
var equivalent []byte

// readExcuses are the reasons by [change.key].
func readExcuses(table []byte) (map[string]string, error) {
	excuses := map[string]string{}
	for line := range bytes.Lines(table) {
		if line[0] == '#' {
			continue
		}
		parts := strings.Split(strings.TrimSpace(string(line)), "\t")
		if len(parts) != 5 {
			return nil, fmt.Errorf("equivalent.tsv: %q: want five columns", line)
		}
		excuses[strings.Join(parts[:4], "\t")] = parts[4]
	}
	return excuses, nil
}
