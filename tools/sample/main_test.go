package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onestep/nn"
	"onestep/nn/weights"
	"onestep/tensor"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/cli/clitest"
)

// binary is the command, built once: the tests use it as a user does.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "sample")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "sample.exe")
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// call runs the command in a folder and returns its output, its messages and its status.
func call(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, messages bytes.Buffer
	c := exec.CommandContext(t.Context(), binary, args...)
	c.Dir, c.Stdout, c.Stderr = dir, &out, &messages
	err := c.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if strings.Contains(messages.String(), "goroutine ") {
		t.Fatalf("%v ended with\n%s", args, messages.String())
	}
	return out.String(), messages.String(), c.ProcessState.ExitCode()
}

func must(t *testing.T, dir string, args ...string) {
	t.Helper()
	if _, stderr, code := call(t, dir, args...); code != 0 {
		t.Fatalf("sample %v: status %d:\n%s", args, code, stderr)
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// network writes a small network with random weights.
func network(t *testing.T, path, role string, labels, channels int) {
	t.Helper()
	c := nn.SongDefaults()
	c.Resolution, c.InChannels, c.OutChannels, c.LabelDim = 8, channels, channels, labels
	c.ModelChannels, c.ChannelMult, c.NumBlocks, c.AttnResolutions = 8, []int{1, 2}, 1, []int{4}
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
			x[k] += 0.2 * more[k]
		}
		p.Set(x)
	}
	if err := weights.Save(path, role, net.JSON(), net.Params, nil, false); err != nil {
		t.Fatal(err)
	}
}

// TestImagePerSeed draws the image of a seed alone, in company, in another order and on other numbers of threads.
func TestImagePerSeed(t *testing.T) {
	dir := t.TempDir()
	network(t, filepath.Join(dir, "teacher"), weights.RoleTeacher, 0, 3)
	network(t, filepath.Join(dir, "student"), weights.RoleStudent, 3, 3)
	for name, args := range map[string]string{
		"embedded":   "--steps 3",
		"heun":       "--teacher teacher --steps 5",
		"stochastic": "--teacher teacher --steps 5 --churn 10 --s-min 0.05 --s-max 50 --s-noise 1.01",
		"euler":      "--teacher teacher --sampler euler --steps 1 --clip",
		"student":    "--student student",
		"half":       "--student student --fp16 --class 2",
	} {
		t.Run(name, func(t *testing.T) {
			for i, more := range []string{"-n 9 --batch 9 --threads 1", "-n 3 --seed 5 --batch 2 --threads 2", "--seeds 8,2-6 --batch 1 --threads 5"} {
				must(t, dir, strings.Fields(fmt.Sprintf("%s %s --out %s%d", args, more, name, i))...)
			}
			for i, seeds := range [][]int{1: {5, 6, 7}, 2: {2, 3, 4, 5, 6, 8}} {
				for _, seed := range seeds {
					file := fmt.Sprintf("%06d.png", seed)
					if read(t, dir, name+fmt.Sprint(i), file) != read(t, dir, name+"0", file) {
						t.Errorf("the image of seed %d is another in call %d", seed, i)
					}
				}
			}
			if read(t, dir, name+"0", "000002.png") == read(t, dir, name+"0", "000003.png") {
				t.Error("two seeds have one image")
			}
		})
	}
}

func TestKindsOfOutput(t *testing.T) {
	dir := t.TempDir()
	network(t, filepath.Join(dir, "student"), weights.RoleStudent, 3, 1)
	must(t, dir, "--student", "student", "-n", "10", "--columns", "5", "--out", "new/sheet.png")
	m, err := png.Decode(strings.NewReader(read(t, dir, "new", "sheet.png")))
	if err != nil || m.Bounds().Dx() != 5*66+2 || m.Bounds().Dy() != 2*66+2 {
		t.Errorf("the sheet: %v, %v", m.Bounds(), err)
	}
	must(t, dir, "--student", "student", "-n", "10", "--out", "images.npz")
	z, err := zip.OpenReader(filepath.Join(dir, "images.npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		x, _ := io.ReadAll(r)
		want := map[string]string{"arr_0.npy": "'|u1', 'fortran_order': False, 'shape': (10, 8, 8, 1)", "arr_1.npy": "'<i8', 'fortran_order': False, 'shape': (10,)"}[f.Name]
		if want == "" || !strings.Contains(string(x), want) {
			t.Errorf("%s: %.80q", f.Name, x)
		}
	}
	must(t, dir, "--student", "student", "--seeds", "3,1000000", "--out", "folder/")
	read(t, dir, "folder", "000003.png")
	read(t, dir, "folder", "1000000.png")
}

func TestWrongUse(t *testing.T) {
	dir := t.TempDir()
	network(t, filepath.Join(dir, "student"), weights.RoleStudent, 3, 1)
	network(t, filepath.Join(dir, "five"), weights.RoleStudent, 0, 5)
	os.WriteFile(filepath.Join(dir, "text"), []byte("not weights"), 0o666)
	for _, c := range []struct {
		args, says string
		code       int
	}{
		{"--nope", "unknown flag --nope", cli.ExitUsage},
		{"--steps 0", "--steps 0", cli.ExitUsage},
		{"--seed 17592186044415 -n 2", "seed 17592186044416: at most 17592186044415", cli.ExitUsage},
		{"--seeds 18446744073709551615", "seed 18446744073709551615: at most", cli.ExitUsage},
		{"--seed 18446744073709551615 -n 2", "seed 18446744073709551615: at most", cli.ExitUsage},
		{"--sampler dpm", `--sampler "dpm"`, cli.ExitUsage},
		{"--churn -1", "--churn -1", cli.ExitUsage},
		{"--s-min 3 --s-max 2", "in order", cli.ExitUsage},
		{"-n 0", "-n 0", cli.ExitUsage},
		{"--seeds 0-3 -n 4", "takes the place of", cli.ExitUsage},
		{"--seeds 5-3", "rising ranges", cli.ExitUsage},
		{"--seeds 0-99999999999", "more than", cli.ExitUsage},
		{"--out x.jpg", "want a .png sheet", cli.ExitUsage},
		{"--teacher a --student b", "one network draws", cli.ExitUsage},
		{"--student student --steps 3", "one evaluation, without a sampler", cli.ExitUsage},
		{"--teacher nothing", "--teacher: nothing: no such file", cli.ExitFailed},
		{"--teacher text", "--teacher: text: ", cli.ExitFailed},
		{"--teacher student", `is no teacher, its role is "student"`, cli.ExitFailed},
		{"--student student --class 3", "--class 3: the network has 3 classes", cli.ExitFailed},
		{"--class 0", "--class 0: the network has 0 classes", cli.ExitFailed},
		{"--student five", "5 channels", cli.ExitFailed},
		{"--out text/sheet.png", "--out: ", cli.ExitFailed},
		{"--out text", "--out: ", cli.ExitFailed},
	} {
		_, stderr, code := call(t, dir, strings.Fields(c.args)...)
		if code != c.code || !strings.HasPrefix(stderr, "sample: ") || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: status %d, want %d, saying %q:\n%s", c.args, code, c.code, c.says, stderr)
		}
	}
}

// TestHelp compares -h with testdata/help.txt; -update writes it.
func TestHelp(t *testing.T) {
	out, _, code := call(t, ".", "-h")
	clitest.Golden(t, "testdata/help.txt", out)
	if code != 0 {
		t.Errorf("-h: status %d", code)
	}
}

func TestFlagsPage(t *testing.T) { clitest.FlagsPage(t, "sample", defaults().options()) }
