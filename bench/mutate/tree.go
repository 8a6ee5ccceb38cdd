package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pkg is a package, as go list describes it.
type pkg struct {
	Dir, ImportPath, Name     string
	GoFiles                   []string
	TestGoFiles, XTestGoFiles []string
	Module                    struct{ Path string }
}

// name is that of one of the files, from the module's top.
func (p *pkg) name(file string) string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, p.Module.Path)+"/"+file, "/")
}

// list finds packages.
func list(patterns []string) (ps []*pkg, err error) {
	out, err := exec.Command("go", append([]string{"list", "-json=Dir,ImportPath,Name,GoFiles,TestGoFiles,XTestGoFiles,Module"}, patterns...)...).Output()
	if err != nil {
		return nil, failure(err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(pkg)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return ps, nil
		} else if err != nil {
			return nil, err
		}
		ps = append(ps, p)
	}
}

// failure is a command's error with what it wrote.
func failure(err error) error {
	if e := new(exec.ExitError); errors.As(err, &e) {
		return fmt.Errorf("%w\n%s", err, e.Stderr)
	}
	return err
}

// tree is the source with faults planted in it.
type tree struct {
	work     string // folder of its own
	packages []*pkg
	log      io.Writer
}

const (
	chosenEnv = "ONESTEP_MUTATE_CHOSEN" // the fault that runs
	traceEnv  = "ONESTEP_MUTATE_TRACE"  // file for the numbers of faults that are reached

	// switchText is a file of every package with faults.
	switchText = `package %s

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
)

var (
	mutateChosen, _ = strconv.Atoi(os.Getenv("` + chosenEnv + `"))
	mutateTrace     = os.Getenv("` + traceEnv + `")
	mutateSeen      [%d]atomic.Bool
)

func mutateIs(id int) bool {
	if mutateTrace != "" && !mutateSeen[id].Load() && !mutateSeen[id].Swap(true) {
		f, err := os.OpenFile(mutateTrace, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(f, id)
		f.Close()
	}
	return id == mutateChosen
}
`
)

// overlay is go build's option.
func (t *tree) overlay() string { return "-overlay=" + filepath.Join(t.work, "overlay.json") }

// plant writes the overlay of some changes, and returns those that compile.
func (t *tree) plant(changes []*change) ([]*change, error) {
	for {
		spans, err := t.write(changes)
		if err != nil {
			return nil, err
		}
		args := []string{"build", t.overlay(), "-gcflags=-e"} // all errors, not the first ten
		for _, p := range t.packages {
			args = append(args, p.ImportPath)
		}
		out, err := exec.Command("go", args...).CombinedOutput()
		if err == nil {
			return changes, nil
		}
		bad := map[*change]bool{}
		for _, m := range position.FindAllSubmatch(out, -1) {
			path, err := filepath.Abs(string(m[1])) // go build shortens it
			if err != nil {
				return nil, err
			}
			line, _ := strconv.Atoi(string(m[2]))
			for _, s := range spans[path] {
				if s.first <= line && line <= s.last {
					bad[s.change] = true
				}
			}
		}
		if len(bad) == 0 {
			return nil, fmt.Errorf("go build: %w\n%s", err, out)
		}
		changes = slices.DeleteFunc(slices.Clone(changes), func(c *change) bool { return bad[c] })
	}
}

var position = regexp.MustCompile(`(?m)^(\S+\.go):(\d+):`)

// span is where a changed copy stands, in lines.
type span struct {
	change      *change
	first, last int
}

func (t *tree) write(changes []*change) (map[string][]span, error) {
	of, ids := map[*source][]*change{}, 0
	for _, c := range changes {
		of[c.file] = append(of[c.file], c)
		ids = max(ids, c.id)
	}
	replace, spans := map[string]string{}, map[string][]span{}
	put := func(path, text string) (to string, err error) {
		to = filepath.Join(t.work, fmt.Sprintf("%d.go", len(replace)))
		replace[path] = to
		return to, os.WriteFile(to, []byte(text), 0o600)
	}
	for src, cs := range of {
		text, where := planted(src, cs)
		to, err := put(src.path, text)
		if err != nil {
			return nil, err
		}
		spans[to] = where // errors are of the file that replaces
	}
	for _, p := range t.packages {
		if _, err := put(filepath.Join(p.Dir, "zmutate.go"), fmt.Sprintf(switchText, p.Name, ids+1)); err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	return spans, os.WriteFile(filepath.Join(t.work, "overlay.json"), b, 0o600)
}

// planted is a file whose functions begin with their changed copies.
func planted(src *source, changes []*change) (text string, spans []span) {
	of := map[*function][]*change{}
	for _, c := range changes {
		of[c.function] = append(of[c.function], c)
	}
	var b strings.Builder
	done := 0
	for _, f := range slices.SortedFunc(maps.Keys(of), func(a, b *function) int { return a.start - b.start }) {
		b.WriteString(src.text[done : f.start+1])
		done = f.start + 1
		for _, c := range of[f] {
			first := 1 + strings.Count(b.String(), "\n")
			b.WriteString(copyOf(c))
			spans = append(spans, span{c, first, 1 + strings.Count(b.String(), "\n")})
			b.WriteByte('\n')
		}
	}
	b.WriteString(src.text[done:])
	return b.String(), spans
}

// copyOf is the body of a change's function, changed, that runs and returns if the change is chosen.
func copyOf(c *change) string {
	f, text := c.function, c.file.text
	body := text[f.start:c.start] + c.after + text[c.end:f.end]
	switch {
	case f.apart && f.results != "":
		body = "return func()" + f.results + " " + body + "()"
	case f.apart:
		body = "func() " + body + "()\nreturn"
	case f.results == "":
		body += "\nreturn"
	default:
		body += "\npanic(\"the changed copy has no return\")"
	}
	return fmt.Sprintf("\nif mutateIs(%d) {\n%s\n}", c.id, body)
}
