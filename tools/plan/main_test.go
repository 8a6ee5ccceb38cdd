package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onestep/nn"
	"onestep/nn/weights"
	"onestep/tensor"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/cli/clitest"
)

// call runs the command, and returns what it prints.
func call(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	f, err := parse(args, &out)
	if err == nil {
		err = run(f, &out, &out)
	}
	return out.String(), err
}

// TestPlan asks for plans as a user does.
func TestPlan(t *testing.T) {
	teacher := filepath.Join(t.TempDir(), "teacher.safetensors")
	c := nn.SongDefaults()
	c.Resolution, c.ModelChannels, c.ChannelMult, c.NumBlocks, c.LabelDim = 8, 8, []int{1, 2}, 1, 4
	net, err := nn.NewUNet(tensor.CPU(1), c)
	if err != nil {
		t.Fatal(err)
	}
	net.Init(tensor.Random{Seed: 1})
	if err := weights.Save(teacher, weights.RoleTeacher, c.JSON(), net.Params, nil, false); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args string
		want []string
	}{
		{"--device cpu", []string{
			"SongUNet, 308545 parameters, 16x16x1 images\n", "32 samples, 32 in each process, 32 at a time; float32", "  2 averages ",
			"memory of a process on cpu/", " on 8 A100s, from published peaks", "measured just now\n",
		}},
		{"--device cpu --loss l2 --batch 8 --microbatch 4 --checkpoint-blocks --fp16 --ema 0.9 --teacher " + teacher, []string{
			"8x8x3 images of 4 classes\n", "8 samples, 8 in each process, 4 at a time; half precision, blocks computed again in the backward pass; loss l2\n",
			"  1 averages ", "  distance ", "so does the whole share of a batch at once, 8\n",
		}},
		{"--device cpu --preset cifar10 --gpus 8", []string{
			"SongUNet, 55732739 parameters, 32x32x3 images\n", "512 samples, 64 in each process, 64 at a time", "  LPIPS ",
			"memory of a process on an A100 of 80 GB\n", "at least 1.46 s on 8 A100s",
		}},
		{"--device cpu --loss l2 --batch 2 --eval-images 0 --inception any.pth", []string{"  Inception network                           178.2 MiB"}},
		{"--device emulated --batch 2 --loss l2 --fp16", []string{"memory of a process on emulated\n", "16.00 GiB are free on the GPU"}},
	} {
		out, err := call(t, strings.Fields(test.args)...)
		if err != nil {
			t.Errorf("%s: %v", test.args, err)
		}
		for _, w := range test.want {
			if !strings.Contains(out, w) {
				t.Errorf("%s: no %q in\n%s", test.args, w, out)
			}
		}
		if strings.Contains(test.args, "emulated") && strings.Contains(out, "measured") {
			t.Errorf("the interpreter's speed is measured:\n%s", out)
		}
	}
}

func TestRefusals(t *testing.T) {
	for args, want := range map[string]string{
		"--preset mnist":         "--preset \"mnist\": want one of",
		"--gpus -1":              "--gpus -1, --threads 0: must not be negative",
		"--batch 0":              "steps 5000, batch 0: must be positive",
		"--teacher nothing.here": "--teacher: ",
		"--device cuda:999":      "--device cuda:999: ",
		"--config nothing.json":  "--config: nothing.json: ",
		"--vgg file":             "unknown flag --vgg",
	} {
		if out, err := call(t, strings.Fields(args)...); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v\n%s", args, err, out)
		}
	}
	out, err := call(t, "-h")
	if !errors.Is(err, cli.ErrHelp) || !strings.Contains(out, "--gpus N") {
		t.Errorf("-h: %v\n%s", err, out)
	}
	if _, err := os.Stat("runs"); err == nil {
		t.Error("a plan made a folder")
	}
}

func TestFlagsPage(t *testing.T) { clitest.FlagsPage(t, "plan", defaults().options()) }
