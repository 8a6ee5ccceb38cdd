package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onestep/nn/weights"
	"onestep/tensor"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/cli/clitest"
)

// binary is the command, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "train")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "train")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("go build: %v\n%s", err, out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// call runs the command in a folder and returns its exit status and what it wrote to both outputs.
func call(t *testing.T, dir string, args ...string) (status int, out string) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	b, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("goroutine ")) {
		t.Errorf("train %v: a panic's stack:\n%s", args, b)
	}
	return cmd.ProcessState.ExitCode(), string(b)
}

// images makes a folder of 8×8 grey images in two classes: bright above or bright below.
func images(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for class, name := range []string{"above", "below"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
		for k := range 20 {
			m := image.NewGray(image.Rect(0, 0, 8, 8))
			for y := range 8 {
				for x := range 8 {
					if y/4 == class {
						m.SetGray(x, y, color.Gray{uint8(150 + (x*k*7+y*13)%100)})
					}
				}
			}
			var b bytes.Buffer
			if err := png.Encode(&b, m); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name, fmt.Sprintf("%02d.png", k)), b.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestTrainTeacher(t *testing.T) {
	data, dir := images(t), t.TempDir()
	args := func(out string, more ...string) []string {
		return append([]string{"--data", data, "--out", out, "--batch", "4", "--model-channels", "8", "--channel-mult", "1,2", "--steps", "300",
			"--save-every", "20", "--dropout", "0.1", "--conditional", "--label-dropout", "0.25", "--augment", "0.3", "--seed", "3"}, more...)
	}
	if status, out := call(t, dir, args("whole.safetensors")...); status != 0 {
		t.Fatalf("status %d: %s", status, out)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "whole.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "whole.safetensors.checkpoint")); err == nil {
		t.Error("a finished run leaves its checkpoint")
	}
	told(t, filepath.Join(dir, "whole.safetensors"))

	// The same run, killed after a checkpoint and continued with another number of threads.
	for !killed(t, dir, "again.safetensors.checkpoint", args("again.safetensors")) {
		t.Log("the run was over before it could be killed: once more")
	}
	if status, out := call(t, dir, args("again.safetensors", "--resume", "--threads", "3")...); status != 0 {
		t.Fatalf("status %d: %s", status, out)
	}
	again, err := os.ReadFile(filepath.Join(dir, "again.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(whole, again) {
		t.Error("the continued run has other bits than the uninterrupted one")
	}
}

// killed runs the command and kills it when there is a checkpoint of a later step than 0; it is false if the command has ended by itself before.
func killed(t *testing.T, dir, checkpoint string, args []string) bool {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	for {
		select {
		case <-ended:
			if !cmd.ProcessState.Success() {
				t.Fatal(cmd.ProcessState)
			}
			return false
		case <-time.After(time.Millisecond):
		}
		if b, err := os.ReadFile(filepath.Join(dir, checkpoint)); err == nil && !bytes.Contains(b[:min(len(b), 1000)], []byte(`"step":"0"`)) {
			cmd.Process.Kill()
			<-ended
			return !cmd.ProcessState.Success()
		}
	}
}

// told checks that a teacher's file has its map of augmentation labels, and is read with and without it.
func told(t *testing.T, path string) {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if e, ok := f.Entry("map_augment.weight"); !ok || !slices.Equal(e.Shape, []int{8, 9}) || !strings.Contains(f.Metadata["config"], `"augment_dim":9`) {
		t.Errorf("map of augmentation labels: %v; %s", e.Shape, f.Metadata["config"])
	}
	if net, role, err := weights.LoadUNet(tensor.CPU(1), f); err != nil || role != weights.RoleTeacher || net.AugmentDim != 0 {
		t.Errorf("role %q: %v", role, err)
	}
}

// TestTrainInit begins with the weights of another run: with its map of augmentation labels, without it, and with a new one.
func TestTrainInit(t *testing.T) {
	data, dir := images(t), t.TempDir()
	entry := func(file, name string) []float32 {
		t.Helper()
		f, err := weights.Open(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		e, ok := f.Entry(name)
		if !ok {
			return nil
		}
		x, err := e.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		return slices.Clone(x)
	}
	run := func(out string, args ...string) {
		t.Helper()
		if status, text := call(t, dir, append(args, "--data", data, "--out", out, "--conditional", "--batch", "4")...); status != 0 {
			t.Fatalf("status %d: %s", status, text)
		}
	}
	small := []string{"--model-channels", "8", "--channel-mult", "1"}
	still := []string{"--steps", "1", "--lr", "1e-30"}
	run("a", append(small, "--steps", "30", "--augment", "0.5")...)
	run("same", append(still, "--init", "a", "--augment", "0.1")...)
	run("without", append(still, "--init", "a")...)
	run("new", append(still, "--init", "without", "--augment", "0.1", "--seed", "1")...)
	const augment, first = "map_augment.weight", "map_layer0.weight"
	if a := entry("a", augment); len(a) != 72 || !slices.Equal(a, entry("same", augment)) || slices.Equal(a, entry("new", augment)) {
		t.Error("the map of augmentation labels is not the file's, or without one in the file not a new one")
	}
	if entry("without", augment) != nil || len(entry("new", augment)) != 72 {
		t.Error("a map of augmentation labels that is not wanted, or none that is")
	}
	for _, file := range []string{"same", "without", "new"} {
		if !slices.Equal(entry("a", first), entry(file, first)) {
			t.Errorf("%s: other weights than the file's", file)
		}
	}
	if status, text := call(t, dir, "--task", "classifier", "--data", data, "--out", "judge", "--steps", "1"); status != 0 {
		t.Fatalf("status %d: %s", status, text)
	}
	for says, args := range map[string]string{
		"of 2 classes":              "",
		"--net: the file of --init": "--conditional --net SongUNet",
		"those of":                  "--conditional --pad 16",
		"--init: nothing that":      "--task classifier",
		"nothing: no such file":     "--init nothing",
		"judge: config: model_type": "--conditional --init judge",
	} {
		if status, text := call(t, dir, append([]string{"--data", data, "--out", "x", "--init", "a"}, strings.Fields(args)...)...); status == 0 || !strings.Contains(text, says) {
			t.Errorf("%s: status %d, %q, want %q", args, status, text, says)
		}
	}
}

func TestTrainClassifier(t *testing.T) {
	data, dir := images(t), t.TempDir()
	status, out := call(t, dir, "--task", "classifier", "--data", data, "--test", data, "--out", "c.safetensors", "--steps", "40", "--batch", "16", "--half")
	if status != 0 || !strings.Contains(out, "100.00 % of 40 images right") {
		t.Fatalf("status %d, want all images right: %s", status, out)
	}
	if status, out := call(t, dir, "--task", "reference", "--data", data, "--features", "c.safetensors", "--out", "r.safetensors"); status != 0 {
		t.Fatalf("status %d: %s", status, out)
	}
}

func TestTrainErrors(t *testing.T) {
	data, dir := images(t), t.TempDir()
	precious := filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, []byte("weights"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--nonsense"}, cli.ExitUsage, "--nonsense"},
		{[]string{"--out", "x"}, cli.ExitUsage, "--data is missing"},
		{[]string{"--data", data}, cli.ExitUsage, "--out is missing"},
		{[]string{"--data", data, "--out", "x", "--augment", "1.5"}, cli.ExitUsage, "--augment: want a probability"},
		{[]string{"--data", data, "--out", "x", "--augment", "0.1", "--flip"}, cli.ExitUsage, "without --flip"},
		{[]string{"--data", data, "--out", "x", "--augment", "0.1", "--task", "classifier"}, cli.ExitUsage, "--augment: nothing that --task classifier uses"},
		{[]string{"--data", data, "--out", "x", "--features", "c"}, cli.ExitUsage, "--features: nothing that --task teacher uses"},
		{[]string{"--data", data, "--out", "x", "--test", data}, cli.ExitUsage, "--test: nothing that --task teacher uses"},
		{[]string{"--data", data, "--out", "x", "--task", "classifier", "--net", "SongUNet"}, cli.ExitUsage, "--net: nothing that"},
		{[]string{"--data", data, "--out", "x", "--task", "reference", "--features", "c", "--lr", "1"}, cli.ExitUsage, "--lr: nothing that"},
		{[]string{"--data", data, "--out", "x", "--task", "reference", "--features", "c", "--resume"}, cli.ExitUsage, "--resume: nothing that"},
		{[]string{"--data", data, "--out", "precious", "--task", "reference", "--features", "c"}, cli.ExitFailed, "precious: exists"},
		{[]string{"--data", data, "--out", "x", "--task", "classifier", "--test", "nowhere"}, cli.ExitFailed, "--test: nowhere"},
		{[]string{"--data", data, "--out", "x", "--task", "classifier", "--test", filepath.Join(data, "above")}, cli.ExitFailed, "--test: "},
		{[]string{"--data", data, "--out", "x", "--lr", "Inf"}, cli.ExitUsage, "--lr +Inf: must be positive"},
		{[]string{"--data", data, "--out", "x", "--clip", "NaN"}, cli.ExitUsage, "--clip NaN"},
		{[]string{"--data", data, "--out", "x", "--warmup", "-1"}, cli.ExitUsage, "--warmup -1: must be at least 0"},
		{[]string{"--data", data, "--out", "x", "--num-blocks", "100000000"}, cli.ExitUsage, "--num-blocks 100000000: at most 1000"},
		{[]string{"--data", data, "--out", "x", "--pad", "100000"}, cli.ExitUsage, "--pad 100000: at most 1024"},
		{[]string{"--data", data, "--out", "x", "--model-channels", "1000000"}, cli.ExitFailed, "--model-channels 1000000: the network does not fit"},
		{[]string{"--data", data, "--out", "x", "--net", "UNet"}, cli.ExitUsage, "--net \"UNet\""},
		{[]string{"--data", data, "--out", "x", "--attn-resolutions", "16"}, cli.ExitFailed, "--attn-resolutions 16: no level"},
		{[]string{"--data", data, "--out", "x", "--attn-resolutions", "1"}, cli.ExitFailed, "--attn-resolutions 1: no level"},
		{[]string{"--data", data, "--out", "x", "--attn-resolutions", "-4"}, cli.ExitFailed, "--attn-resolutions -4: no level"},
		{[]string{"--data", "nowhere", "--out", "x"}, cli.ExitFailed, "nowhere"},
		{[]string{"--data", data, "--out", "x", "--halve", "4"}, cli.ExitFailed, "--halve"},
		{[]string{"--data", data, "--out", "x", "--model-channels", "48"}, cli.ExitFailed, "144 channels"},
		{[]string{"--data", data, "--out", "x", "--lr", "1e30", "--clip", "0", "--model-channels", "8", "--channel-mult", "1"}, cli.ExitFailed, "diverged"},
		{[]string{"--data", data, "--out", "precious"}, cli.ExitFailed, "precious: exists"},
		{[]string{"--data", data, "--out", "nothing", "--resume"}, cli.ExitFailed, "nothing.checkpoint"},
		{[]string{"--data", data, "--out", filepath.Join("precious", "y", "z")}, cli.ExitFailed, "precious"},
	} {
		status, out := call(t, dir, c.args...)
		last := out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:]
		if status != c.status || !strings.Contains(last, c.want) {
			t.Errorf("train %v: status %d, %q, want %d and %q", c.args, status, last, c.status, c.want)
		}
	}
	if b, err := os.ReadFile(precious); err != nil || string(b) != "weights" {
		t.Errorf("a file that was there holds %q now, %v", b, err)
	}
}

func TestFlagsPage(t *testing.T) { clitest.FlagsPage(t, "train", defaults().options()) }
