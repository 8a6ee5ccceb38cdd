package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"onestep/kernels/kernelstest"
	"onestep/nn"
	"onestep/nn/golden"
	"onestep/nn/golden/nets"
	"onestep/pid/runs"
	"onestep/tensor"
	"onestep/tools/internal/cli"
)

// inception is a weight file of a layout with hashes for numbers, written once.
func inception(t *testing.T, layout nn.InceptionLayout) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(binary), fmt.Sprintf("inception%d.safetensors", layout))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	n := nn.NewInception(tensor.CPU(0), layout)
	nets.SetWeights(n.Params, golden.Perceptual, "")
	var all []tensor.Named
	for _, p := range n.Tensors() {
		all = append(all, tensor.F32Tensor(p.Name, p.Get(), p.Shape...))
	}
	n.Release()
	if err := tensor.WriteSafeTensors(path, nil, all); err != nil {
		t.Fatal(err)
	}
	return path
}

var buildOthers = sync.OnceValue(func() error {
	out, err := exec.Command("go", "build", "-o", filepath.Dir(binary)+"/", "../sample", "../evaluate").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
})

// other runs sample or evaluate in a folder.
func other(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	if err := buildOthers(); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(filepath.Dir(binary), name)
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	c := exec.CommandContext(t.Context(), program, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// withReference makes a folder with the tiny teacher, and statistics of some images of its own, ref.npz, which are made once.
func withReference(t *testing.T, weights string) (dir string) {
	t.Helper()
	once := strings.TrimSuffix(weights, ".safetensors")
	if err := os.Mkdir(once, 0o777); err == nil {
		tinyTeacher(t, once)
		other(t, once, "sample", "--teacher", "teacher.safetensors", "--steps", "2", "--seed", "100", "-n", "4", "--out", "images.npz")
		other(t, once, "evaluate", "--samples", "images.npz", "--inception", weights, "--batch", "4", "--metrics", "fid", "--save-ref", "ref.npz")
	}
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(once)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fids are the lines of a run's log that have a FID.
func fids(t *testing.T, run string) (list []map[string]float64) {
	t.Helper()
	for line := range strings.Lines(read(t, filepath.Join(run, runs.MetricsFile))) {
		var fields map[string]float64
		if strings.Contains(line, "fid") {
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Fatal(err)
			}
			list = append(list, fields)
		}
	}
	return list
}

// evaluated is the FID, and its interval, that the command evaluate says of images that the command sample has drawn.
func evaluated(t *testing.T, dir, student, weights string) (fid, spread float64) {
	t.Helper()
	other(t, dir, "sample", "--student", student, "-n", "3", "--out", "judged.npz", "--batch", "2")
	other(t, dir, "evaluate", "--samples", "judged.npz", "--ref", "ref.npz", "--inception", weights, "--metrics", "fid", "--json", "fid.json", "--force", "--batch", "2")
	var result struct {
		FID struct{ Value, Spread float64 }
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "fid.json"))), &result); err != nil {
		t.Fatal(err)
	}
	return result.FID.Value, result.FID.Spread
}

// TestFID: every average on the way, the raw weights too in the end, to the bit what sample and evaluate say of the files that the run leaves; and
// looking changes no bit of what is trained.
func TestFID(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	for i, layout := range []nn.InceptionLayout{nn.InceptionTensorFlow, nn.InceptionPyTorch} {
		if !kernelstest.Turn(t, i, 2) {
			continue
		}
		t.Run(fmt.Sprint("layout=", layout), func(t *testing.T) {
			weights := inception(t, layout)
			dir := withReference(t, weights)
			args := []string{"--steps", "4", "--ema", "0.5,0.25", "--out"}
			must(t, dir, tinyFlags(append(args, "blind")...)...)
			r := must(t, dir, tinyFlags(append(args, "run", "--inception", weights, "--ref", "ref.npz", "--fid-every", "2", "--fid-images", "3")...)...)
			run := filepath.Join(dir, "run")
			for _, name := range []string{"student", "ema_0.5", "ema_0.25"} {
				if read(t, filepath.Join(run, name+".safetensors")) != read(t, filepath.Join(dir, "blind", name+".safetensors")) {
					t.Errorf("%s is another for having been looked at", name)
				}
			}
			list := fids(t, run)
			if len(list) != 2 || list[0]["step"] != 2 || list[1]["step"] != 4 || list[1]["fid_images"] != 3 {
				t.Fatalf("FIDs %v", list)
			}
			if _, raw := list[0]["fid_raw"]; raw || len(list[0]) != 6 || len(list[1]) != 8 {
				t.Errorf("on the way %v, in the end %v", list[0], list[1])
			}
			for key, file := range map[string]string{"raw": "student", "0.5": "ema_0.5", "0.25": "ema_0.25"} {
				fid, spread := evaluated(t, dir, filepath.Join("run", file+".safetensors"), weights)
				if got := list[1]["fid_"+key]; got != fid || list[1]["fid_"+key+"_spread"] != spread || fid <= 0 {
					t.Errorf("%s: FID %v ±%v, evaluate says %v ±%v", key, got, list[1]["fid_"+key+"_spread"], fid, spread)
				}
				if text := fmt.Sprintf("%.2f ±%.2g", fid, spread); !strings.Contains(r.stdout, text) {
					t.Errorf("the table has no %s:\n%s", text, r.stdout)
				}
			}
			fidShown(t, run, r, list)
		})
	}
}

// fidShown looks for the FIDs wherever the run shows something.
func fidShown(t *testing.T, run string, r result, list []map[string]float64) {
	t.Helper()
	if !strings.Contains(r.stderr, "note: FID: 3 images cannot span") || !strings.Contains(r.stderr, "step 2: FID of 3 images: average 0.5 ") {
		t.Errorf("messages:\n%s", r.stderr)
	}
	page := read(t, filepath.Join(run, "report.html"))
	for _, s := range []string{"FID, average 0.25", "FID, raw weights", "after 4 steps", "Inception network", "ref.npz, of 4 images of SHA-256", "--fid-images"} {
		if !strings.Contains(page, s) {
			t.Errorf("the page has no %q", s)
		}
	}
	if _, err := os.Stat(filepath.Join(run, "fid.png")); err != nil {
		t.Error(err)
	}
	shown := strings.Join(events(t, run), "\n")
	for _, e := range list {
		if want := fmt.Sprint(e["step"], " eval/fid_0.5 ", float32(e["fid_0.5"])); !strings.Contains(shown, want) {
			t.Errorf("no event %q", want)
		}
	}
}

// TestFIDResumed kills a run after a FID, and interrupts one within: in the end each is what it would have been.
func TestFIDResumed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals to send")
	}
	if !kernelstest.All() {
		t.Skip("eight runs that are judged take a minute; ONESTEP_TESTS=all runs it")
	}
	weights := inception(t, nn.InceptionTensorFlow)
	dir := withReference(t, weights)
	args := tinyFlags("--ema", "0.5", "--eval-every", "4", "--save-every", "3", "--inception", weights, "--ref", "ref.npz", "--fid-every", "2", "--fid-images", "3")
	whole := filepath.Join(dir, "whole")
	must(t, dir, append(args, "--out", whole)...)
	for name, c := range map[string]struct {
		signal syscall.Signal
		lines  int
	}{
		"killed":      {syscall.SIGKILL, 6}, // of steps 1, 2, its FID, 3, 4: in the look at that
		"interrupted": {syscall.SIGINT, 5},
		"first":       {syscall.SIGINT, 2},
	} {
		run := filepath.Join(dir, name)
		signalled(t, dir, run, c.signal, c.lines, append(args, "--out", run))
		must(t, dir, "--resume", "--out", run, "--threads", "1")
		same(t, files(t, run), files(t, whole))
	}
	// What is asked for may change, and be nothing any more.
	must(t, dir, "--resume", "--out", whole, "--inception=", "--ref=")
	if list := fids(t, whole); len(list) != 2 {
		t.Errorf("FIDs of a run whose end has none: %v", list)
	}
}

// TestFIDRefused: those that load the Inception network take seconds each, and wait for ONESTEP_TESTS=all.
func TestFIDRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the Inception network takes seconds")
	}
	weights := inception(t, nn.InceptionTensorFlow)
	dir := withReference(t, weights)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"--fid-every 5", cli.ExitUsage, "--fid-every: there is no FID without the network: --inception"},
		{"--fid-images 5", cli.ExitUsage, "--fid-images: there is no FID"},
		{"--resize tensorflow", cli.ExitUsage, "--resize: there is no FID"},
		{"--inception " + weights, cli.ExitUsage, "FID compares with statistics: --ref"},
		{"--ref ref.npz", cli.ExitUsage, "only FID compares with it: --inception"},
		{"--ref ref.npz --fid-images 2 --inception " + weights, cli.ExitUsage, "fid-images 2: "},
		{"--ref ref.npz --fid-every -1 --inception " + weights, cli.ExitUsage, "must not be negative"},
		{"--ref ref.npz --resize edm --inception " + weights, cli.ExitUsage, `resize "edm": want auto, tensorflow or pytorch-fid`},
		{"--ref none.npz --inception " + weights, cli.ExitFailed, "--ref: "},
		{"--ref images.npz --inception " + weights, cli.ExitFailed, "evaluate --save-ref makes them of images"},
		{"--ref ref.npz --inception none.pth", cli.ExitFailed, "--inception: "},
		{"--ref ref.npz --inception teacher.safetensors", cli.ExitFailed, "not the weights of the 2015-12-05 Inception"},
	} {
		if kernelstest.All() || c.code == cli.ExitUsage || !strings.Contains(c.args, weights) {
			call(t, dir, tinyFlags(append(strings.Fields(c.args), "--out", "run")...)...).fails(t, c.code, c.says)
		}
	}
	if kernelstest.All() {
		r := call(t, dir, tinyFlags("--ref", "ref.npz", "--resize", "pytorch-fid", "--inception", weights, "--out", "run")...)
		if r.code != cli.ExitFailed || !strings.Contains(r.stderr, "distill: --ref: ref.npz: not comparable:\n  resizing: ") || strings.Contains(r.stderr, "--force") {
			t.Errorf("status %d:\n%s", r.code, r.stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "run")); err == nil {
		t.Error("a run that was refused has a folder")
	}
}
