package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"onestep/nn"
	"onestep/nn/weights"
	"onestep/pid/judge"
	"onestep/tensor"
)

// network writes a small network of three classes with random weights.
func network(t *testing.T, path, role string) {
	t.Helper()
	c := nn.SongDefaults()
	c.Resolution, c.InChannels, c.OutChannels, c.LabelDim = 8, 3, 3, 3
	c.ModelChannels, c.ChannelMult, c.NumBlocks, c.AttnResolutions = 8, []int{1, 2}, 1, []int{4}
	net, err := nn.NewUNet(tensor.CPU(1), c)
	must(t, err)
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
	must(t, weights.Save(path, role, net.JSON(), net.Params, nil, false))
}

// digest reads all images, so many at a time.
func digest(t *testing.T, m judge.Images, batch int) string {
	t.Helper()
	h := sha256.New()
	n, _, _, _ := m.Shape()
	for first := 0; first < n; first += batch {
		x, err := m.Read(first, min(batch, n-first))
		must(t, err)
		h.Write(x)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestModel: the images that a network draws here are, bit by bit, those that sample saves, however many are read at a time.
func TestModel(t *testing.T) {
	sample := filepath.Join(t.TempDir(), "sample.exe")
	if out, err := exec.Command("go", "build", "-o", sample, "onestep/tools/sample").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Chdir(t.TempDir())
	network(t, "student", weights.RoleStudent)
	network(t, "teacher", weights.RoleTeacher)
	rest := []string{"--inception", "i", "--ref", "r", "--device", "cpu"}
	for _, args := range []string{
		"--student student -n 70", "--student student --seeds 3,90-99 --class 1 --fp16", "--teacher teacher -n 3 --steps 3 --churn 2 --class 0",
	} {
		words := strings.Fields(args)
		if out, err := exec.Command(sample, append(words, "--out", "x.npz", "--batch", "7", "--device", "cpu")...).CombinedOutput(); err != nil {
			t.Fatalf("sample %s: %v\n%s", args, err, out)
		}
		saved, err := judge.OpenImages("x.npz")
		must(t, err)
		f, err := parse(append(words, rest...), io.Discard)
		must(t, err)
		m, err := openModel(tensor.CPU(1), f)
		must(t, err)
		want := digest(t, saved, 64)
		for _, batch := range []int{1, 32, 65, 100} {
			if got := digest(t, m, batch); got != want {
				t.Errorf("%s: SHA-256 %s, sample saves %s", args, got, want)
			}
		}
		s := m.Source()
		if s.Kind != s.Path || !strings.Contains(args, s.Kind) || len(s.Model) != 64 || s.Seeds == "" || (s.Config["steps"] != "") != (s.Kind == "teacher") {
			t.Errorf("%s: %+v", args, s)
		}
		must(t, m.Close())
		must(t, saved.Close())
	}
}

func TestDrawnFlags(t *testing.T) {
	rest := []string{"--inception", "i", "--ref", "r"}
	for args, says := range map[string]string{
		"--student s --samples x":    "--samples: takes the place of --student and --teacher",
		"--student s --teacher x":    "one network draws",
		"--student s --steps 3":      "--steps: a student draws in one evaluation",
		"--student s --num 4":        "--num 4: want images to choose of --samples",
		"--student s -n 4 --seeds 5": "--seeds: takes the place of -n",
		"--samples x --class 1":      "--class: is for images that --student or --teacher draws",
		"--samples x --churn 1":      "--churn: is for images that",
		"--samples x --num -1":       "--num -1: want images",
	} {
		if _, err := parse(append(strings.Fields(args), rest...), io.Discard); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, want %s", args, err, says)
		}
	}
	f, err := parse(append([]string{"--teacher", "x", "--sampler", "euler"}, rest...), io.Discard)
	if err != nil || len(f.Seeds) != 50_000 || !f.Sampler.Euler {
		t.Errorf("%v: %+v", err, f)
	}
	var b bytes.Buffer
	if err := run(t.Context(), f, &b, &b); err == nil || !strings.Contains(err.Error(), "--ref: ") {
		t.Errorf("error %v", err)
	}
}
