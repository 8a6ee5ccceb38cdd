package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"onestep/nn"
	"onestep/nn/weights"
	"onestep/pid/runs"
	"onestep/tensor"
)

// binary is the command, built once: the tests use it as a user does.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "distill")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "distill.exe")
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// result is what a call left.
type result struct {
	stdout, stderr string
	code           int
}

// patience is how long a test waits for what takes a moment: that nothing is awaited for ever is what it sees, on a busy machine too.
const patience = 3 * time.Minute

// call runs the command in a folder. A stack of calls is never an answer.
func call(t *testing.T, dir string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, binary, args...)
	c.Dir = dir
	return finish(t, c, c.Run)
}

// finish runs or awaits a command.
func finish(t *testing.T, c *exec.Cmd, end func() error) result {
	t.Helper()
	var out, messages bytes.Buffer
	if c.Stdout == nil {
		c.Stdout = &out
	}
	if c.Stderr == nil {
		c.Stderr = &messages
	}
	err := end()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := result{out.String(), messages.String(), c.ProcessState.ExitCode()}
	if strings.Contains(r.stderr, "goroutine ") {
		t.Fatalf("%v ended with\n%s", c.Args[1:], r.stderr)
	}
	return r
}

// startUntil starts a command and waits until the log of its run has so many lines, or until it has ended by itself. The function that it returns awaits
// the end.
func startUntil(t *testing.T, c *exec.Cmd, run string, lines int) (end func() error) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var failure error
	ended := make(chan struct{})
	go func() {
		failure = c.Wait()
		close(ended)
	}()
	end = func() error {
		select {
		case <-ended:
		case <-time.After(patience):
			c.Process.Kill()
			t.Fatalf("%v still runs", c.Args)
		}
		return failure
	}
	for deadline := time.Now().Add(patience); ; {
		if log, _ := os.ReadFile(filepath.Join(run, runs.MetricsFile)); bytes.Count(log, []byte("\n")) >= lines {
			return end
		}
		select {
		case <-ended:
			return end
		case <-time.After(time.Millisecond):
		}
		if time.Now().After(deadline) {
			c.Process.Kill()
			t.Fatalf("no %d lines after %v", lines, patience)
		}
	}
}

// must is call for what should succeed.
func must(t *testing.T, dir string, args ...string) result {
	t.Helper()
	r := call(t, dir, args...)
	if r.code != 0 {
		t.Fatalf("distill %v: status %d:\n%s", args, r.code, r.stderr)
	}
	return r
}

// fails checks a status, and that the last line says all of this.
func (r result) fails(t *testing.T, code int, says ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(r.stderr), "\n")
	last := lines[len(lines)-1]
	if r.code != code || !strings.HasPrefix(last, "distill: ") {
		t.Errorf("status %d, want %d, with\n%s", r.code, code, r.stderr)
	}
	for _, s := range says {
		if !strings.Contains(last, s) {
			t.Errorf("%q does not say %q", last, s)
		}
	}
}

// tinyConfig is a network that is quick to distil.
func tinyConfig() nn.UNetConfig {
	c := nn.SongDefaults()
	c.Resolution, c.InChannels, c.OutChannels = 8, 1, 1
	c.ModelChannels, c.ChannelMult, c.NumBlocks, c.AttnResolutions = 8, []int{1, 2}, 1, []int{4}
	return c
}

// tiny is a network with random weights, none of them 0.
func tiny(t *testing.T, c nn.UNetConfig) *nn.UNet {
	t.Helper()
	net, err := nn.NewUNet(tensor.CPU(1), c)
	if err != nil {
		t.Fatal(err)
	}
	r := tensor.Random{Seed: 1}
	net.Init(r)
	for i, p := range net.Trained() {
		x, more := p.Get(), make([]float32, p.Var.Len())
		r.Normal(more, tensor.Init, 1, uint64(i))
		for k := range x {
			x[k] += 0.1 * more[k]
		}
		p.Set(x)
	}
	return net
}

// tinyTeacher writes such a teacher into a folder.
func tinyTeacher(t *testing.T, dir string) {
	t.Helper()
	saveTeacher(t, filepath.Join(dir, "teacher.safetensors"), tiny(t, tinyConfig()))
}

func saveTeacher(t *testing.T, path string, net *nn.UNet) {
	t.Helper()
	if err := weights.Save(path, weights.RoleTeacher, net.JSON(), net.Params, nil, false); err != nil {
		t.Fatal(err)
	}
}

// tinyFlags are those of a short run of the tiny teacher.
func tinyFlags(more ...string) []string {
	return append(strings.Fields("--teacher teacher.safetensors --loss l2 --steps 6 --batch 4 --eval-images 4 --grid-samples 4 --eval-every 3"), more...)
}

// timed are the files of a run that have times in them.
var timed = regexp.MustCompile(`^(results\.txt|speed\.jsonl|report\.html|events\.out\.tfevents\..*)$`)

// files reads all of a run folder that must be the same each time: not what has times in it.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	m := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !timed.MatchString(e.Name()) {
			name, _ := filepath.Rel(dir, path)
			m[filepath.ToSlash(name)] = read(t, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// newest is the path of a run's last checkpoint.
func newest(t *testing.T, run string) string {
	t.Helper()
	dir := filepath.Join(run, runs.CheckpointFolder)
	return filepath.Join(dir, strings.TrimSuffix(read(t, filepath.Join(dir, "latest")), "\n"))
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// same compares two such readings.
func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing", name)
		} else if got[name] != want[name] {
			t.Errorf("%s differs", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s should not be there", name)
		}
	}
}
