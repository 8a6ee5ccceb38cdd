package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"onestep/nn/weights"
	"onestep/tensor"
	"onestep/tools/internal/cli"
)

func TestWrongFlags(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "typo.json"), []byte(`{"learning_rate": 1}`), 0o666)
	os.WriteFile(filepath.Join(dir, "wrong.json"), []byte(`{"n": 1}`), 0o666)
	os.WriteFile(filepath.Join(dir, "broken.json"), []byte(`{"lr": `), 0o666)
	for _, c := range []struct{ args, says string }{
		{"--nope", "unknown flag --nope"},
		{"extra", `unexpected argument "extra"`},
		{"--steps", "a value is missing after --steps"},
		{"--steps many", `invalid value "many" for --steps: want a whole number`},
		{"--resume=perhaps", "want true or false"},
		{"--ema 0.9,x", "want numbers with commas between"},
		{"--seed -1", "not negative"},
		{"--steps 0", "steps 0"},
		{"--batch 0", "batch 0"},
		{"--batch 1000000000000", "batch 1000000000000: at most 1048576"},
		{"--grid-samples 9223372036854775807", "grid-samples 9223372036854775807: at most 65536"},
		{"--eval-images 9223372036854775807", "eval-images 9223372036854775807: at most 10000000"},
		{"--warmup -1", "warmup -1: must not be negative"},
		{"-n 1", "at least 2 points"},
		{"--lr 0", "lr 0: must be positive"},
		{"--lr NaN", "lr NaN"},
		{"--ema 1", "ema 1"},
		{"--ema 0.9,0.9", "ema 0.9"},
		{"--clip -1", "clip -1"},
		{"--anneal-to 2", "anneal-to 2"},
		{"--loss l3", `loss "l3": want l1, l2 or lpips`},
		{"--weighting heavy", `weighting "heavy": want one of`},
		{"--optimizer sgd", `optimizer "sgd"`},
		{"--threads -1", "--threads -1"},
		{"--device gpu", `invalid value "gpu" for --device: want auto, cpu, cuda`},
		{"--device cuda:x", "want auto, cpu, cuda"},
		{"--vgg x --loss l2", "only the loss lpips uses it"},
		{"--config nothing.json", "nothing.json: no such file"},
		{"--config typo.json", "learning_rate"},
		{"--config broken.json", "broken.json"},
		{"--config typo.json --resume", "--config"},
		{"--config wrong.json --batch 3", "--config: wrong.json: n 1: a grid has at least 2 points"},
		{"--config wrong.json --batch -3", "distill: batch -3"},
	} {
		r := call(t, dir, strings.Fields(c.args)...)
		r.fails(t, cli.ExitUsage, c.says)
		if strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("%s: more than a line:\n%s", c.args, r.stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "runs")); err == nil {
		t.Error("a call with wrong flags made a folder")
	}
}

// TestWrongFiles has a clear message for each, and no folder of a run that could not begin.
func TestWrongFiles(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	tinyTeacher(t, dir)
	net := tiny(t, tinyConfig())
	other := tinyConfig()
	other.ModelChannels = 16
	weights.Save(path("shape"), weights.RoleTeacher, other.JSON(), net.Params, nil, false)
	weights.Save(path("student"), weights.RoleStudent, net.JSON(), net.Params, nil, false)
	weights.Save(path("config"), weights.RoleTeacher, `{"model_type":"VNet"}`, net.Params, nil, false)
	two := tinyConfig()
	two.OutChannels = 2
	saveTeacher(t, path("two"), tiny(t, two))
	wide := net.Trained()[3]
	wide.Var.Value.CopyFrom(append(make([]float32, wide.Var.Len()-1), float32(math.Inf(1))))
	saveTeacher(t, path("infinite"), net)
	whole := read(t, path("teacher.safetensors"))
	os.WriteFile(path("cut"), []byte(whole[:len(whole)-100]), 0o666)
	os.WriteFile(path("text"), []byte("a teacher explains"), 0o666)
	tensor.WriteSafeTensors(path("foreign"), nil, []tensor.Named{tensor.F32Tensor("x", []float32{1}, 1)})

	for _, c := range []struct{ args, says string }{
		{"--teacher nothing", "--teacher: nothing: no such file"},
		{"--teacher .", "a folder, not a file"},
		{"--teacher text", "--teacher: text: "},
		{"--teacher cut", "--teacher: cut: "},
		{"--teacher foreign", `neither a SongUNet nor a DhariwalUNet`},
		{"--teacher config", "VNet"},
		{"--teacher shape", "shape: map_layer0.weight: shape [32 8], want [64 16]"},
		{"--teacher infinite", "is not finite"},
		{"--teacher student", `its role is "student"`},
		{"--teacher two", "not a denoiser"},
		{"--teacher teacher.safetensors", "--loss lpips: the embedded perceptual network judges 16x16"},
		{"--vgg nothing", "--vgg: nothing: no such file"},
		{"--vgg teacher.safetensors", "--vgg: teacher.safetensors: features.0.weight: missing"},
	} {
		args := append(strings.Fields(c.args), "--out", "run", "--steps", "1")
		if strings.Contains(c.args, "two") {
			args = append(args, "--loss", "l2")
		}
		call(t, dir, args...).fails(t, cli.ExitFailed, c.says)
	}
	if _, err := os.Stat(path("run")); err == nil {
		t.Error("a run that could not begin left its folder")
	}
}

func TestExistingFolder(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	must(t, dir, tinyFlags("--out", "run")...)
	before := files(t, filepath.Join(dir, "run"))
	call(t, dir, tinyFlags("--out", "run", "--seed", "3")...).fails(t, cli.ExitFailed, "run is not empty", "--resume", "--out")
	same(t, files(t, filepath.Join(dir, "run")), before)
	os.Mkdir(filepath.Join(dir, "empty"), 0o777)
	must(t, dir, tinyFlags("--out", "empty")...)
}

func TestUnwritable(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	call(t, dir, tinyFlags("--out", filepath.Join("teacher.safetensors", "run"))...).fails(t, cli.ExitFailed, "teacher.safetensors")
	if os.Getuid() > 0 {
		os.Mkdir(filepath.Join(dir, "closed"), 0o555)
		call(t, dir, tinyFlags("--out", filepath.Join("closed", "run"))...).fails(t, cli.ExitFailed, "closed", "permission denied")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("the rest wants /dev/full: ", err)
	}
	defer full.Close()
	c := exec.Command(binary, tinyFlags("--out", "run")...)
	c.Dir, c.Stdout = dir, full
	finish(t, c, c.Run).fails(t, cli.ExitFailed, "no space left")
}

// TestDiskFull has runs on a file system that is too small for their first checkpoint, and for their second.
func TestDiskFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it takes Linux to mount a small file system")
	}
	dir := t.TempDir()
	tinyTeacher(t, dir)
	must(t, dir, tinyFlags("--steps", "1", "--out", "size", "--grid-samples", "0")...)
	var first, largest int64 // bytes, in pages
	for name, x := range files(t, filepath.Join(dir, "size")) {
		pages := (int64(len(x)) + 4095) / 4096 * 4096
		if name != "loss.png" && !strings.HasSuffix(name, "1.safetensors") { // what is there at step 0
			first += pages
		}
		largest = max(largest, pages)
	}
	for _, c := range []struct {
		name string
		size int64
		left bool
	}{
		{"first", first - 8192, false},
		{"second", first + largest/4, true},
	} {
		script := fmt.Sprintf(`mkdir mnt%s && mount -t tmpfs -o size=%d none mnt%[1]s || exit 99
"$@" --out mnt%[1]s/run; code=$?; mkdir copy%[1]s; cp -a mnt%[1]s/. copy%[1]s; exit $code`, c.name, c.size)
		cmd := exec.Command("unshare", append([]string{"-rm", "sh", "-c", script, "sh", binary}, tinyFlags("--save-every", "2")...)...)
		cmd.Dir = dir
		r := finish(t, cmd, cmd.Run)
		if r.code == 99 || r.code < 0 || strings.HasPrefix(r.stderr, "unshare: ") {
			t.Skip("no way to mount a small file system: ", r.stderr)
		}
		r.fails(t, cli.ExitFailed, "no space left on device")
		run := filepath.Join(dir, "copy"+c.name, "run")
		if _, err := os.Stat(run); (err == nil) != c.left {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.left { // what was saved is whole: with room, the run goes on
			readWeights(t, newest(t, run))
			must(t, dir, "--resume", "--out", run)
			must(t, dir, tinyFlags("--out", "roomy", "--save-every", "2")...)
			same(t, files(t, run), files(t, filepath.Join(dir, "roomy")))
		}
	}
}

// TestDiverged has runs that diverge: they say where, and can be continued by a lower rate from what was saved before. Of steps that were skipped
// there are no checkpoints, which would take the place of those.
func TestDiverged(t *testing.T) {
	dir := t.TempDir()
	tinyTeacher(t, dir)
	for _, more := range []string{"", "--fp16"} {
		run, calm := "run"+more, "calm"+more
		job := append(tinyFlags("--warmup", "0", "--steps", "100", "--save-every", "7", "--keep", "2", "--eval-every", "50"), strings.Fields(more)...)
		r := call(t, dir, append(job, "--out", run, "--lr", "1e30")...)
		r.fails(t, cli.ExitFailed, "training diverged", "seed 0", "; replayed: ", " in student ", " at element ", "step-0000000", " is from before", "--resume --out "+run)
		readWeights(t, newest(t, filepath.Join(dir, run)))

		r = must(t, dir, "--resume", "--out", run, "--lr", "1e-3", "--clip", "1")
		if !strings.Contains(r.stderr, "from here on --lr 0.001 --clip 1, not 1e+30 and 0") {
			t.Errorf("no note of the other rate: %s", r.stderr)
		}
		must(t, dir, append(job, "--out", calm, "--lr", "1e-3", "--clip", "1")...) // since the other began anew
		same(t, files(t, filepath.Join(dir, run)), files(t, filepath.Join(dir, calm)))
	}
}
