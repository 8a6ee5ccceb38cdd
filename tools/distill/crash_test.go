package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"onestep/pid"
	"onestep/pid/runs"
	"onestep/tensor"
	"onestep/tools/internal/cli"
)

// TestCrash kills runs at random instants, from the first millisecond to the last, while they write a checkpoint after every step; half of the times it
// damages a file besides. Continued, a run ends with the same weights as one that was left alone, and with the same files if none was damaged; or it
// is refused, with the name of a file, if no checkpoint is whole. ONESTEP_CRASHES says how many runs; ONESTEP_CRASH_SEED picks others.
func TestCrash(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps the files of a killed process for a moment")
	}
	runs, seed := number(t, "ONESTEP_CRASHES", 2), number(t, "ONESTEP_CRASH_SEED", 1)
	dir := t.TempDir()
	tinyTeacher(t, dir)
	c := &crashes{t: t, dir: dir, random: rand.New(rand.NewPCG(uint64(seed), 0)), count: map[string]int{}}
	for _, more := range []string{"", "--fp16"} {
		whole := filepath.Join(dir, "whole"+more)
		args := append(tinyFlags("--steps", "16", "--save-every", "1", "--eval-every", "7", "--lr", "1e-3"), strings.Fields(more)...)
		begin := time.Now()
		must(t, dir, append(args, "--out", whole)...)
		c.kinds = append(c.kinds, kind{args, whole, time.Since(begin)})
	}
	for i := range runs {
		c.run(i)
	}
	t.Logf("%d runs: %v", runs, c.count)
	if runs >= 100 {
		for _, what := range []string{"killed while it wrote", "flipped", "cut", "torn", "refused", "ended with the same files", "ended with the same weights"} {
			if c.count[what] == 0 {
				t.Errorf("no run was %s", what)
			}
		}
	}
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// kind is a kind of runs: the flags, and one that was left alone, with the time it took.
type kind struct {
	args  []string
	whole string
	took  time.Duration
}

// crashes are the runs of a test.
type crashes struct {
	t      *testing.T
	dir    string
	random *rand.Rand
	kinds  []kind
	count  map[string]int
}

// run begins a run, kills it up to three times, and then lets it end.
func (c *crashes) run(i int) {
	t, k := c.t, c.kinds[i%len(c.kinds)]
	out := filepath.Join(c.dir, fmt.Sprint("run", i))
	args, damaged := append(k.args, "--out", out), ""
	resume := []string{"--resume", "--out", out}
	r := result{code: -1}
	for range 1 + c.random.IntN(3) {
		if r = c.killed(args, time.Duration(c.random.Int64N(int64(k.took)))); r.code != -1 {
			break
		}
		if begun(out) {
			args = resume
		}
		if len(leftovers(out)) > 0 {
			c.count["killed while it wrote"]++
		}
		if c.random.IntN(2) == 0 {
			damaged += c.damage(out)
		}
	}
	if r.code == -1 {
		if !begun(out) && c.random.IntN(2) == 0 { // there is nothing to continue, and that is said
			args = resume
		}
		r = call(t, c.dir, args...)
	}
	switch {
	case r.code == cli.ExitFailed && args[0] == "--resume":
		c.count["refused"]++
		if whole := wholeCheckpoints(out); len(whole) > 0 {
			t.Errorf("run %d, damaged %q: refused, though %v are whole:\n%s", i, damaged, whole, r.stderr)
		}
		r.fails(t, cli.ExitFailed, "--resume: ", out)
	case r.code != 0:
		t.Errorf("run %d, damaged %q: status %d:\n%s", i, damaged, r.code, r.stderr)
	case damaged == "":
		c.count["ended with the same files"]++
		same(t, files(t, out), files(t, k.whole))
	default:
		c.count["ended with the same weights"]++
		if got, want := weightsDigest(t, out), weightsDigest(t, k.whole); got != want {
			t.Errorf("run %d, damaged %q: weights of SHA-256 %s, want %s:\n%s", i, damaged, got, want, r.stderr)
		}
	}
	if t.Failed() {
		t.Fatalf("run %d is what failed", i)
	}
	os.RemoveAll(out)
}

// killed runs the command, at most for so long. Its status is −1 if that was too short.
func (c *crashes) killed(args []string, after time.Duration) result {
	var messages bytes.Buffer
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Stderr = c.dir, &messages
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	kill := time.AfterFunc(after, func() { cmd.Process.Kill() })
	defer kill.Stop()
	r := finish(c.t, cmd, cmd.Wait)
	r.stderr = messages.String()
	c.count["killed"] += b2i(r.code == -1)
	return r
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// damage flips a bit of some file of a run, cuts it, or makes zeros of its end, and says which.
func (c *crashes) damage(run string) string {
	var paths []string
	filepath.WalkDir(run, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			paths = append(paths, path)
		}
		return nil
	})
	if len(paths) == 0 {
		return ""
	}
	path := paths[c.random.IntN(len(paths))]
	b := []byte(read(c.t, path))
	if len(b) == 0 {
		return ""
	}
	how, at := "", c.random.IntN(len(b))
	switch c.random.IntN(3) {
	case 0:
		how = "flipped"
		b[at] ^= 1 << c.random.IntN(8)
	case 1:
		how, b = "cut", b[:at]
	case 2:
		how = "torn"
		clear(b[at:])
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		c.t.Fatal(err)
	}
	c.count[how]++
	return fmt.Sprintf("%s %s at byte %d; ", filepath.Base(path), how, at)
}

// begun says whether a run has a checkpoint.
func begun(run string) bool {
	paths, _ := filepath.Glob(filepath.Join(run, runs.CheckpointFolder, "step-*"))
	return len(paths) > 0
}

// leftovers are files whose writing was cut off.
func leftovers(run string) []string {
	a, _ := filepath.Glob(filepath.Join(run, ".*.tmp"))
	b, _ := filepath.Glob(filepath.Join(run, runs.CheckpointFolder, ".*.tmp"))
	return append(a, b...)
}

func wholeCheckpoints(run string) (whole []string) {
	paths, _ := filepath.Glob(filepath.Join(run, runs.CheckpointFolder, "step-*"))
	for _, path := range paths {
		if f, err := tensor.OpenSealed(path); err == nil {
			f.Close()
			whole = append(whole, path)
		}
	}
	return whole
}

// weightsDigest is the SHA-256 of all that sample reads.
func weightsDigest(t *testing.T, run string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(run, "*.safetensors"))
	if err != nil || len(paths) != 1+len(pid.DefaultJob.EMA) {
		t.Fatal(paths, err)
	}
	h := sha256.New()
	for _, path := range paths {
		fmt.Fprint(h, filepath.Base(path), read(t, path))
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
