//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"onestep/kernels/kernelstest"
	"onestep/pid"
	"onestep/pid/ranks/mpitest"
	"onestep/pid/runs"
	"onestep/tools/internal/cli"
)

// ranked is the command on so many ranks.
func ranked(t *testing.T, dir string, ranks int, args ...string) *exec.Cmd {
	t.Helper()
	c := mpitest.Command(t, ranks, binary, args...)
	c.Dir = dir
	return c
}

// mustRanked runs it to a good end.
func mustRanked(t *testing.T, dir string, ranks int, args ...string) result {
	t.Helper()
	c := ranked(t, dir, ranks, args...)
	r := finish(t, c, c.Run)
	if r.code != 0 {
		t.Fatalf("%d ranks of distill %v: status %d:\n%s", ranks, args, r.code, r.stderr)
	}
	return r
}

// metrics reads a run's log.
func metrics(t *testing.T, run string) (all []pid.Metrics) {
	t.Helper()
	for line := range bytes.Lines([]byte(read(t, filepath.Join(run, runs.MetricsFile)))) {
		var m pid.Metrics
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		if m.LR > 0 {
			all = append(all, m)
		}
	}
	return all
}

// How far apart, relatively, the losses of two runs of 20 steps may be whose gradients are summed in another order.
//
// In float32 a gradient is then off by some 1e-6 of its length, as the norms of first steps show, and most of its elements by less than 1e-5 of their
// own size, which is what counts from the sixth step on, when RAdam divides them by it. So parameters are off by at most 1e-5 of the way that
// they have gone, and losses by that part of what they have changed, a few times over where an element is near 0 and its sign is rounding. Seen:
// 2e-5.
//
// In halves an activation or a weight may be rounded the other way, by 2⁻¹¹, and the difference quotient of the loss multiplies that by up to 46; the
// loss is its square. Runs of one process that differ in --microbatch are as far apart; seen: 0.02.
const (
	rounding     = 5e-5
	halfRounding = 2 * 46.0 / (1 << 11)
)

func nearly(t *testing.T, what string, bound float64, got, want []pid.Metrics) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d steps, want %d", what, len(got), len(want))
	}
	var far float64
	for i := range want {
		if got[i].Skipped != want[i].Skipped {
			t.Errorf("%s: step %d is skipped by one of the two", what, i)
		}
		if want[i].Skipped {
			continue
		}
		far = max(far, math.Abs(got[i].Loss/want[i].Loss-1))
	}
	t.Logf("%s: %d losses, off by at most %.1g", what, len(want), far)
	if !(far <= bound) {
		t.Errorf("%s: losses off by %g, want at most %g", what, far, bound)
	}
}

func digestOf(t *testing.T, run string) string {
	t.Helper()
	h := sha256.New()
	for _, path := range []string{filepath.Join(run, runs.StudentFile), newest(t, run), filepath.Join(run, "ema_0.99.safetensors"), filepath.Join(run, runs.MetricsFile)} {
		fmt.Fprint(h, filepath.Base(path), read(t, path))
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestRanks compares 2 and 4 ranks with one process: the first loss is the same to the bit, whoever computes it, and 20 losses are the same but for
// rounding; the same number of ranks repeats all bits. Two ranks have even the bits of one process that takes half of the batch at a time, since
// both round x₀ + x₁ once. Shares need not be equal.
func TestRanks(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	for i, c := range []struct{ name, flags string }{
		{"plain", "--batch 8"},
		{"fp16", "--batch 8 --fp16 --clip 1"},
		{"checkpoint", "--batch 8 --checkpoint-blocks"},
		{"uneven", "--batch 7 --microbatch 2"},
	} {
		if testing.Short() && c.name != "plain" || !testing.Short() && !kernelstest.Turn(t, i, 4) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			flags := append(strings.Fields(c.flags), tinyFlags(strings.Fields(
				"--steps 20 --lr 1e-3 --warmup 0 --eval-every 10 --save-every 7 --ema 0.99 "+c.flags)...)...)
			run := func(ranks int, name string, more ...string) string {
				path := filepath.Join(dir, c.name+name)
				args := append(append(flags, "--out", path), more...)
				if ranks == 1 {
					must(t, dir, args...)
				} else if r := mustRanked(t, dir, ranks, args...); strings.Count(r.stdout, "results are in") != 1 || strings.Count(r.stderr, "parameters on") != 1 {
					t.Errorf("%d ranks do not speak with one voice:\n%s%s", ranks, r.stdout, r.stderr)
				}
				return path
			}
			one := run(1, "1")
			for _, ranks := range []int{2, 4} {
				if testing.Short() && ranks == 4 {
					continue
				}
				alike, bound := one, rounding
				if c.name == "fp16" { // sums over fewer samples overflow less: one process must take as few at a time
					alike, bound = run(1, fmt.Sprint("1of", ranks), "--microbatch", fmt.Sprint(8/ranks)), halfRounding
				}
				want := metrics(t, alike)
				a := run(ranks, fmt.Sprint(ranks))
				got := metrics(t, a)
				first := 0
				for want[first].Skipped {
					first++
				}
				if got[first].Loss != want[first].Loss || got[first].Quartiles != want[first].Quartiles {
					t.Errorf("%d ranks: first loss %v, one process has %v", ranks, got[first], want[first])
				}
				nearly(t, fmt.Sprintf("%d ranks", ranks), bound, got, want)
				names, all := files(t, a), files(t, alike)
				for name := range all {
					if _, ok := names[name]; !ok {
						t.Errorf("%d ranks: %s is missing", ranks, name)
					}
				}
				if b := run(ranks, fmt.Sprint(ranks, "again")); digestOf(t, a) != digestOf(t, b) {
					t.Errorf("%d ranks: the second time there are other bits", ranks)
				}
			}
			if c.name == "uneven" {
				return
			}
			half := run(1, "half", "--microbatch", "4")
			two := filepath.Join(dir, c.name+"2")
			for _, name := range []string{runs.StudentFile, runs.MetricsFile} {
				if read(t, filepath.Join(two, name)) != read(t, filepath.Join(half, name)) {
					t.Errorf("%s of 2 ranks is not that of one process with half of the batch at a time", name)
				}
			}
			if !reflect.DeepEqual(readWeights(t, newest(t, two)), readWeights(t, newest(t, half))) {
				t.Error("the checkpoint of 2 ranks has not the numbers of one process with half of the batch at a time")
			}
		})
	}
}

// children are the processes that a process has started, none if it has ended.
func children(pid int) (list []int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	for _, s := range strings.Fields(string(text)) {
		n, err := strconv.Atoi(s)
		if err != nil {
			panic(err)
		}
		list = append(list, n)
	}
	return list
}

// disturb starts a run of ranks, does something to it when its log has so many lines, and tells how it ended. Like [signalled] it tries again where a
// run was over before.
func disturb(t *testing.T, dir, run string, ranks, lines int, args []string, how func(mpirun int, ranks []int)) result {
	t.Helper()
	for range 5 {
		c := ranked(t, dir, ranks, append(args, "--out", run)...)
		r := caught(t, c, run, lines, func() {
			if all := children(c.Process.Pid); len(all) == ranks {
				how(c.Process.Pid, all)
			}
		})
		if r.code != 0 {
			return r
		}
		os.RemoveAll(run)
	}
	t.Fatal("five runs have ended before anything came between")
	return result{}
}

// kill sends a signal; a process that has just ended by itself is not there to have it.
func kill(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil && err != syscall.ESRCH {
		t.Error(err)
	}
}

// TestRanksEnd ends runs of several ranks in all the ways there are. All ranks end, with a word, and --resume goes on from
// there, with as many ranks to the bits of a run that was left alone, with another number of them nearly so.
func TestRanksEnd(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	args := append(tinyFlags(), strings.Fields("--steps 2000 --batch 8 --lr 1e-4 --save-every 9 --eval-every 0 --eval-images 0 --grid-samples 0 --ema 0.99")...)
	short := append(args, strings.Fields("--steps 40 --save-every 5")...)
	for i, c := range []struct {
		name string
		how  func(mpirun int, ranks []int)
		code int
		says string
	}{
		{"killed", func(_ int, ranks []int) { kill(t, ranks[1], syscall.SIGKILL) }, 128 + 9, "signal 9"},
		{"killed first", func(_ int, ranks []int) { kill(t, ranks[0], syscall.SIGKILL) }, 128 + 9, "signal 9"},
		{"told one", func(_ int, ranks []int) { kill(t, ranks[1], syscall.SIGTERM) }, cli.ExitInterrupted, "interrupted after "},
		{"told all", func(_ int, ranks []int) {
			for _, r := range ranks {
				kill(t, r, syscall.SIGINT)
			}
		}, cli.ExitInterrupted, "interrupted after "},
		{"told mpirun", func(mpirun int, _ []int) { kill(t, mpirun, syscall.SIGINT) }, 1, ""},
	} {
		if testing.Short() && c.name != "killed" || !testing.Short() && !kernelstest.Turn(t, i, 3) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // most of it is mpirun's patience
			run := filepath.Join(dir, c.name)
			r := disturb(t, dir, run, 2, 20, args, c.how)
			if r.code != c.code || !strings.Contains(r.stderr, c.says) {
				t.Errorf("status %d, want %d, with\n%s", r.code, c.code, r.stderr)
			}
			done := metrics(t, run)
			must(t, dir, "--resume", "--out", run, "--steps", fmt.Sprint(len(done)+5))
			if got := metrics(t, run); len(got) != len(done)+5 {
				t.Errorf("%d steps after 5 more than %d", len(got), len(done))
			}
		})
	}

	whole := filepath.Join(dir, "whole")
	mustRanked(t, dir, 2, append(short, "--out", whole)...)
	for i, ranks := range []int{1, 2, 4} {
		if testing.Short() && ranks != 4 || !testing.Short() && !kernelstest.Turn(t, i, 3) {
			continue
		}
		t.Run(fmt.Sprint("continued by ", ranks), func(t *testing.T) {
			t.Parallel()
			run := filepath.Join(dir, fmt.Sprint("resumed", ranks))
			disturb(t, dir, run, 2, 22, short, func(_ int, all []int) { kill(t, all[1], syscall.SIGKILL) })
			if ranks == 1 {
				must(t, dir, "--resume", "--out", run)
			} else {
				mustRanked(t, dir, ranks, "--resume", "--out", run)
			}
			if ranks == 2 {
				same(t, files(t, run), files(t, whole))
			} else {
				nearly(t, "losses", rounding, metrics(t, run), metrics(t, whole))
			}
		})
	}
}

// TestRanksFail has errors said once, by whoever has them.
func TestRanksFail(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	for args, says := range map[string]string{
		"--batch 1":                 "distill: batch 1: too few samples for 2 ranks",
		"--teacher none":            "distill: --teacher: none: no such file",
		"--resume --out none":       "distill: --resume: no run to continue",
		"--nonsense":                "distill: unknown flag --nonsense",
		"--out teacher.safetensors": "distill: mkdir teacher.safetensors: not a directory",
		"--lr 1e30 --warmup 0":      "training diverged",
	} {
		if testing.Short() && args != "--teacher none" {
			continue
		}
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			c := ranked(t, dir, 2, append(tinyFlags("--out", filepath.Join(dir, args)), strings.Fields(args)...)...)
			r := finish(t, c, c.Run)
			if r.code == 0 || strings.Count(r.stderr, "distill: ") != 1 || !strings.Contains(r.stderr, says) {
				t.Errorf("status %d, want %q once in\n%s", r.code, says, r.stderr)
			}
		})
	}
	help := ranked(t, dir, 2, "-h")
	if r := finish(t, help, help.Run); r.code != 0 || strings.Count(r.stdout, "Usage: distill") != 1 {
		t.Errorf("-h: status %d\n%s", r.code, r.stdout)
	}
	// Processes that torchrun started for GPUs do not each make a run.
	c := exec.Command(binary, tinyFlags()...)
	c.Dir = dir
	c.Env = append(os.Environ(), "RANK=0", "WORLD_SIZE=2", "LOCAL_RANK=0", "MASTER_ADDR=127.0.0.1", "MASTER_PORT=29555")
	finish(t, c, c.Run).fails(t, cli.ExitFailed, "rank 0 of 2, started by torchrun", "mpirun -n N")
}
