//go:build linux || darwin

package ranks

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"onestep/pid/ranks/mpitest"
)

// actEnv names what a process that mpirun started from this test binary does.
const actEnv = "ONESTEP_DIST_TEST_ACT"

// scratch is a folder for what all tests use.
var scratch string

func TestMain(m *testing.M) {
	if act := acts[os.Getenv(actEnv)]; act != nil {
		if err := join(act); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		return
	}
	dir, err := os.MkdirTemp("", "dist")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

func join(act func(*Comm) error) error {
	s, err := StartFrom(os.Getenv)
	if err != nil {
		return err
	}
	c, err := Open(s, Options{})
	if err != nil {
		return err
	}
	if err := act(c); err != nil {
		return err // and the process ends as it is
	}
	return c.Close()
}

// acts are what ranks do in tests.
var acts = map[string]func(*Comm) error{
	"sums and gather": func(c *Comm) error {
		got, err := sumExample(c.Rank(), c.sums.start, c.sums.wait)
		if err == nil && !slices.Equal(got, exampleSum(c.Size(), 2)) {
			err = fmt.Errorf("rank %d: another sum", c.Rank())
		}
		if err != nil {
			return err
		}
		for round := range 20 {
			part := func(r int) []byte { return bytes.Repeat([]byte{byte(r), byte(round)}, (r+round)%3*100) }
			all, err := c.AllGather(part(c.Rank()))
			if err != nil {
				return err
			}
			for r := range all {
				if !bytes.Equal(all[r], part(r)) {
					return fmt.Errorf("rank %d has %x of rank %d", c.Rank(), all[r], r)
				}
			}
			if got, err := c.Broadcast([]byte{byte(c.Rank() + 5)}, 1); err != nil || !bytes.Equal(got, []byte{6}) {
				return fmt.Errorf("rank %d has %x of rank 1: %v", c.Rank(), got, err)
			}
		}
		return c.Barrier()
	},
	"abort": func(c *Comm) error {
		if c.Rank() == 1 {
			fmt.Fprintln(os.Stderr, "the disk is full")
			c.Abort(errors.New("the disk is full"))
		}
		return c.Barrier()
	},
	"killed": func(c *Comm) error {
		if c.Rank() == 1 {
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		_, err := sumExample(c.Rank(), c.sums.start, c.sums.wait)
		return err
	},
	"left": func(c *Comm) error {
		if c.Rank() == 1 {
			return errors.New("an error of rank 1 alone")
		}
		return c.Barrier()
	},
}

// mpirun runs an act on so many ranks.
func mpirun(t *testing.T, ranks int, act string) (output string, status int) {
	t.Helper()
	cmd := mpitest.Command(t, ranks, os.Args[0])
	cmd.Env = append(cmd.Env, actEnv+"="+act)
	hung := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer hung.Stop()
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || !cmd.ProcessState.Exited() {
		t.Fatalf("mpirun: %v\n%s", err, out)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestMPI(t *testing.T) {
	for _, ranks := range []int{2, 3, 4} {
		if testing.Short() && ranks != 3 {
			continue
		}
		if out, status := mpirun(t, ranks, "sums and gather"); status != 0 || out != "" {
			t.Errorf("%d ranks: status %d\n%s", ranks, status, out)
		}
	}
}

// However a rank ends, all end, with a message.
func TestMPILost(t *testing.T) {
	for act, says := range map[string]string{"abort": "the disk is full", "killed": "signal 9", "left": "an error of rank 1 alone"} {
		if testing.Short() && act != "killed" {
			continue
		}
		out, status := mpirun(t, 3, act)
		if status == 0 || !strings.Contains(out, says) {
			t.Errorf("%s: status %d, want %q in\n%s", act, status, says, out)
		}
	}
}
