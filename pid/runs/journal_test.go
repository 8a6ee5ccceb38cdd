package runs

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onestep/pid"
	"onestep/pid/pidtest"
	"onestep/tensor"
)

// TestJournal writes lines, marks, writes on, and cuts to the mark; what is damaged before the mark is said, and whole lines stay.
func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := openJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { j.file.Close() }()
	write := func(text string) {
		t.Helper()
		if n, err := j.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("%d bytes, %v", n, err)
		}
	}
	has := func(what, want string) {
		t.Helper()
		if b, err := os.ReadFile(path); err != nil || string(b) != want || j.size != int64(len(want)) {
			t.Errorf("%s: %q and size %d, want %q; %v", what, b, j.size, want, err)
		}
	}
	empty, err := j.mark()
	if err != nil || !strings.HasPrefix(empty, "0 e3b0c442") {
		t.Errorf("an empty journal's mark is %s, %v", empty, err)
	}
	write("one\n")
	write("two\n")
	mark, err := j.mark()
	if err != nil || !strings.HasPrefix(mark, "8 ") || len(mark) != 2+64 {
		t.Errorf("mark %s, %v", mark, err)
	}
	write("three\n")
	if damaged, err := j.cut(mark); damaged != nil || err != nil {
		t.Error(damaged, err)
	}
	has("cut", "one\ntwo\n")
	write("four\n")
	longer, err := j.mark()
	if err != nil {
		t.Fatal(err)
	}
	if damaged, err := j.cut(longer); damaged != nil || err != nil {
		t.Error(damaged, err)
	}
	has("cut at its end", "one\ntwo\nfour\n")

	for _, bad := range []string{"", "8", "x " + longer[3:], "-1 " + longer[3:], longer + "0", longer[:len(longer)-1]} {
		if _, err := j.cut(bad); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("%s: mark %q: want", path, bad)) {
			t.Errorf("mark %q: %v", bad, err)
		}
	}
	if err := os.WriteFile(path, []byte("one\ntWo\nfour\nfive"), 0o600); err != nil {
		t.Fatal(err)
	}
	if damaged, err := j.cut(longer); err != nil || damaged == nil || !strings.Contains(damaged.Error(), "its first 13 bytes have the SHA-256") {
		t.Errorf("a byte that is another: %v, %v", damaged, err)
	}
	has("damaged", "one\ntWo\nfour\n")
	if err := os.Truncate(path, 6); err != nil {
		t.Fatal(err)
	}
	if damaged, err := j.cut(longer); err != nil || damaged == nil || !strings.Contains(damaged.Error(), "4 whole bytes of the 13 that the checkpoint speaks of") {
		t.Errorf("a journal that is shorter: %v, %v", damaged, err)
	}
	has("shortened", "one\n")
	if damaged, err := j.cut(empty); damaged != nil || err != nil {
		t.Error(damaged, err)
	}
	has("begun again", "")
	if again, err := j.mark(); err != nil || again != empty {
		t.Errorf("mark %s, %v", again, err)
	}
}

// TestLoadTrainerRefuses changes one thing of a checkpoint at a time: each is refused by its name, and nothing of the trainer is changed.
func TestLoadTrainerRefuses(t *testing.T) {
	load := func(half bool, change func(meta map[string]string, entries map[string]tensor.Entry)) (*pid.Trainer, error) {
		j := pidtest.Job(t, tensor.CPU(1), func(c *pid.Config) { c.FP16, c.Batch = half, 2 })
		path := filepath.Join(t.TempDir(), "c.safetensors")
		j.Trainer.Continue(7, j.Trainer.Opt.State())
		if err := SaveTrainer(path, j.Trainer, map[string]string{"own": "x"}); err != nil {
			t.Fatal(err)
		}
		f, err := tensor.OpenSealed(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		entries := map[string]tensor.Entry{}
		for _, name := range f.Names() {
			entries[name], _ = f.Entry(name)
		}
		meta := maps.Clone(f.Metadata)
		change(meta, entries)
		fresh := pidtest.Job(t, tensor.CPU(1), func(c *pid.Config) { c.FP16, c.Batch = half, 2 })
		before := fresh.Student.Net.List[0].Get()
		err = LoadTrainer(fresh.Trainer, tensor.NewSafeTensors("c", meta, entries))
		if err != nil && (fresh.Trainer.Step != 0 || fmt.Sprint(before) != fmt.Sprint(fresh.Student.Net.List[0].Get())) {
			t.Errorf("%v, but the trainer is another", err)
		}
		return fresh.Trainer, err
	}
	for _, half := range []bool{false, true} {
		tr, err := load(half, func(meta map[string]string, _ map[string]tensor.Entry) {
			meta["opt_steps"] = "7"
			if _, scaled := meta["lg_loss_scale"]; scaled != half || meta["own"] != "x" || meta["step"] != "7" {
				t.Errorf("metadata %v", meta)
			}
			if half {
				meta["lg_loss_scale"] = "13.5"
			}
		})
		if state := tr.Opt.State(); err != nil || tr.Step != 7 || state.Steps != 7 || half && state.Log2 != 13.5 {
			t.Errorf("half %t: step %d, %+v, %v", half, tr.Step, state, err)
		}
	}
	const name = "param.enc.8x8_conv.bias"
	for says, change := range map[string]func(map[string]string, map[string]tensor.Entry){
		`c: step "": want a number of steps`:          func(m map[string]string, _ map[string]tensor.Entry) { delete(m, "step") },
		`c: step "-1": want a number of steps`:        func(m map[string]string, _ map[string]tensor.Entry) { m["step"] = "-1" },
		`c: opt_steps "1.5": want a number`:           func(m map[string]string, _ map[string]tensor.Entry) { m["opt_steps"] = "1.5" },
		"c: 8 updates in 7 steps":                     func(m map[string]string, _ map[string]tensor.Entry) { m["opt_steps"] = "8" },
		"c: saved with fp16 false, this run has true": func(m map[string]string, _ map[string]tensor.Entry) { delete(m, "lg_loss_scale") },
		`c: lg_loss_scale "x": want a number`:         func(m map[string]string, _ map[string]tensor.Entry) { m["lg_loss_scale"] = "x" },
		`c: lg_loss_scale "NaN": want a number`:       func(m map[string]string, _ map[string]tensor.Entry) { m["lg_loss_scale"] = "NaN" },
		`c: lg_loss_scale "-Inf": want a number`:      func(m map[string]string, _ map[string]tensor.Entry) { m["lg_loss_scale"] = "-Inf" },
		"c: " + name + ": missing":                    func(_ map[string]string, e map[string]tensor.Entry) { delete(e, name) },
		"c: " + name + ": F16 [8], want F32 [8]":      func(_ map[string]string, e map[string]tensor.Entry) { x := e[name]; x.DType = "F16"; e[name] = x },
		"c: " + name + ": F32 [8 1], want F32 [8]":    func(_ map[string]string, e map[string]tensor.Entry) { x := e[name]; x.Shape = []int{8, 1}; e[name] = x },
		"is not finite": func(_ map[string]string, e map[string]tensor.Entry) {
			x := e[name]
			x.Data = bytes.Repeat([]byte{0xff}, len(x.Data))
			e[name] = x
		},
		" tensors, this run has ": func(_ map[string]string, e map[string]tensor.Entry) { e["more"] = e[name] },
	} {
		if _, err := load(true, change); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}

// TestReferenceModelPath finds the newest model of a folder, or takes the one that is named.
func TestReferenceModelPath(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"model000000.pt", "model000020.pt", "model000003.pt", "model00005.pt", "opt000099.pt", "model000099.pth", "xmodel000099.pt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]int{dir: 20, filepath.Join(dir, "model000003.pt"): 3, filepath.Join(dir, "model000000.pt"): 0} {
		model, step, err := referenceModelPath(path)
		if err != nil || step != want || model != filepath.Join(dir, fmt.Sprintf("model%06d.pt", want)) {
			t.Errorf("%s: %s of step %d, %v", path, model, step, err)
		}
	}
	for _, path := range []string{t.TempDir(), filepath.Join(dir, "model00005.pt"), filepath.Join(dir, "opt000099.pt")} {
		if _, _, err := referenceModelPath(path); err == nil || !strings.Contains(err.Error(), "no checkpoint of the reference") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, _, err := referenceModelPath(filepath.Join(dir, "missing")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// TestOpenRefusesSettings: settings of a checkpoint that no run can have are refused by its name, and the folder is given back.
func TestOpenRefusesSettings(t *testing.T) {
	j := pidtest.Job(t, tensor.CPU(1), nil)
	wrong := j.Config
	wrong.LR = -1
	for settings, says := range map[string]string{"{": "unexpected EOF", `{"unknown":1}`: "unknown", wrong.JSON(): "lr -1: must be positive"} {
		dir := filepath.Join(t.TempDir(), "run")
		r, err := Create(dir, j.Config, func(r *Run) error {
			return tensor.WriteSealed(r.checkpointPath(0), map[string]string{metaStep: "0", metaSettings: settings}, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the first leaves it to the second
			if _, _, err := Open(dir, true); err == nil || !strings.HasPrefix(err.Error(), r.checkpointPath(0)+": ") || !strings.Contains(err.Error(), says) {
				t.Errorf("%v, want %s", err, says)
			}
		}
	}
}

// TestCreateUndone: a run whose first checkpoint cannot be saved leaves nothing, but a folder that was there.
func TestCreateUndone(t *testing.T) {
	there, missing := t.TempDir(), filepath.Join(t.TempDir(), "run")
	broken := errors.New("broken")
	for _, dir := range []string{there, missing} {
		r, err := Create(dir, pid.DefaultJob, func(r *Run) error {
			if b, err := os.ReadFile(filepath.Join(dir, ConfigFile)); err != nil || string(b) != pid.DefaultJob.JSON() {
				t.Errorf("%s, %v", b, err)
			}
			return errors.Join(os.WriteFile(filepath.Join(dir, "ema_0.99.safetensors"), nil, 0o600), broken)
		})
		if r != nil || !errors.Is(err, broken) {
			t.Errorf("%v, %v", r, err)
		}
	}
	if left, err := os.ReadDir(there); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	if _, err := os.Stat(missing); !os.IsNotExist(err) {
		t.Errorf("the folder is left: %v", err)
	}
}
