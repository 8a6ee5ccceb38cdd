package cli

import (
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestProgram(t *testing.T) {
	commit := []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: "1234abcd"}}
	changed := append(commit, debug.BuildSetting{Key: "vcs.modified", Value: "true"})
	for want, info := range map[string]*debug.BuildInfo{
		runtime.Version():                             nil,
		"onestep, go1.99":                             {GoVersion: "go1.99", Main: debug.Module{Path: "onestep", Version: "(devel)"}},
		"onestep v1.2.3, go1.99":                      {GoVersion: "go1.99", Main: debug.Module{Path: "onestep", Version: "v1.2.3"}},
		"onestep at commit 1234abcd, go1.99":          {GoVersion: "go1.99", Main: debug.Module{Path: "onestep", Version: "v0.0.0-2"}, Settings: commit},
		"onestep at commit 1234abcd, changed, go1.99": {GoVersion: "go1.99", Main: debug.Module{Path: "onestep"}, Settings: changed},
	} {
		if got := program(info); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	var b strings.Builder
	pure := &debug.BuildInfo{GoVersion: "go1.99", Settings: []debug.BuildSetting{{Key: "-tags", Value: "purego"}}}
	if err := printVersion(&b, "x", pure); err != nil || !strings.Contains(b.String(), "\nCPU kernels: plain Go") {
		t.Errorf("%v: %s", err, b.String())
	}
}

func TestAsksVersion(t *testing.T) {
	for args, want := range map[string]bool{"--version": true, "-version": true, "--out x --version y": true, "-- --version": false, "--out version": false, "": false} {
		if got := asksVersion(strings.Fields(args)); got != want {
			t.Errorf("%q: %t", args, got)
		}
	}
}

// TestVersion runs a command that would fail at its flags and in its work. It is this test's program, told by an environment variable.
func TestVersion(t *testing.T) {
	const child = "ONESTEP_TEST_VERSION"
	if os.Getenv(child) != "" {
		os.Args = []string{"x", "wrong", "--version"}
		Main("some command", func([]string, io.Writer) (int, error) { panic("parsed") }, func(context.Context, int) error { panic("run") })
		os.Exit(0)
	}
	c := exec.Command(os.Args[0], "-test.run=^TestVersion$")
	c.Env = append(os.Environ(), child+"=1", "ONESTEP_CPU=generic")
	out, err := c.Output()
	lines := strings.Split(string(out), "\n")
	if err != nil || len(lines) != 4 || !strings.HasPrefix(lines[0], "some command: onestep") || !strings.HasSuffix(lines[0], runtime.Version()+", "+runtime.GOOS+"/"+runtime.GOARCH) ||
		lines[1] != "CPU kernels: generic" || len(lines[2]) < len("GPU kernels: ?") || lines[3] != "" {
		t.Errorf("%v: %q", err, lines)
	}
}
