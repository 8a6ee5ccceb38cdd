package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onestep/pid/runs"
	"onestep/tools/internal/cli"
)

// TestPreset makes a run of the paper's settings, shortened, and one from the configuration that it wrote. The defaults give way to the preset, it
// to --config, and that to flags.
func TestPreset(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	must(t, dir, tinyFlags("--preset", "cifar10", "--out", "paper", "--threads", "2")...)
	text := read(t, filepath.Join(dir, "paper", runs.ConfigFile))
	for _, s := range []string{`"lr": 0.0002`, `"warmup": 0`, `"stratified": false`, `"n": 250`, `"save_every": 10000`, `"anneal_from": 1`, "0.99995",
		`"steps": 6`, `"batch": 4`, `"loss": "l2"`, `"microbatch": 64`} {
		if !strings.Contains(text, s) {
			t.Errorf("the configuration has no %s:\n%s", s, text)
		}
	}
	must(t, dir, "--config", filepath.Join("paper", runs.ConfigFile), "--out", "again")
	same(t, files(t, filepath.Join(dir, "again")), files(t, filepath.Join(dir, "paper")))

	os.WriteFile(filepath.Join(dir, "part.json"), []byte(`{"lr": 0.5, "batch": 3, "optimizer": "adam"}`), 0o666)
	must(t, dir, tinyFlags("--preset", "imagenet64", "--config", "part.json", "--out", "three", "--steps", "1", "--eval-images", "0")...)
	text = read(t, filepath.Join(dir, "three", runs.ConfigFile))
	for _, s := range []string{`"lr": 0.5`, `"batch": 4`, `"optimizer": "adam"`, `"microbatch": 32`, `"fp16": true`} { // config, flag, config, preset, preset
		if !strings.Contains(text, s) {
			t.Errorf("the configuration has no %s:\n%s", s, text)
		}
	}
}

func TestPresetFiles(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	for _, c := range []struct{ args, says string }{
		{"--preset mnist", `--preset "mnist": want one of default, cifar10, imagenet64`},
		{"--preset=", `--preset "": want one of`},
		{"--preset cifar10", "--preset cifar10: no teacher: --teacher names its file, edm-cifar10-32x32-uncond-vp.pkl"},
		{"--preset imagenet64 --vgg x", "no teacher: --teacher names its file, edm-imagenet-64x64-cond-adm.pkl"},
		{"--preset cifar10 --teacher teacher.safetensors", "--preset cifar10: the loss lpips needs torchvision's VGG16: --vgg"},
		{"--preset default --resume", "--preset: a run that is continued"},
	} {
		call(t, dir, strings.Fields(c.args)...).fails(t, cli.ExitUsage, c.says)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files, where there was a teacher", len(entries))
	}
}
