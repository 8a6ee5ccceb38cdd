package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onestep/nn/golden"
	"onestep/tensor"
	"onestep/tensor/format"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/cli/clitest"
)

// call runs the command and returns its output and its messages.
func call(args ...string) (stdout, stderr string, err error) {
	var out, messages bytes.Buffer
	f, err := parse(args, &out)
	if err == nil {
		err = run(f, &out, &messages)
	}
	return out.String(), messages.String(), err
}

func must(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	stdout, _, err := call(args...)
	if err != nil && err != cli.ErrHelp {
		t.Fatalf("convert %v: %v", args, err)
	}
	return stdout
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// good lists the golden files of others, of a pattern.
func good(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(golden.Dir(t), "ckpt", "good", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden file %s: %v", pattern, err)
	}
	return paths
}

func TestOutput(t *testing.T) {
	t.Chdir(t.TempDir())
	err := format.WriteTorchTree("x.pt", map[string]string{"config": "{}\x1b"}, format.Dict{
		{Key: "net", Value: format.Ordered{
			{Key: "w", Value: tensor.F32Tensor("", []float32{1, 2, 3, 4, 5, 6}, 2, 3)}, {Key: "n\x1b[1m", Value: tensor.I64Tensor("", []int64{7})},
		}},
		{Key: "steps", Value: 12}, {Key: "name", Value: "a\nb"},
	})
	if err != nil {
		t.Fatal(err)
	}
	list := must(t, "-l", "x.pt")
	for golden, got := range map[string]string{"help.txt": must(t, "-h"), "list.txt": list} {
		clitest.Golden(t, filepath.Join(source, "testdata", golden), got)
	}
}

func TestFlagsPage(t *testing.T) { clitest.FlagsPage(t, "convert", (&flags{}).options()) }

var source, _ = os.Getwd() // the package's folder

// TestRoundTrip goes from EDM's pickle to safetensors, .pt and back, to the same bytes; and over every other suffix to the same tensors.
func TestRoundTrip(t *testing.T) {
	for _, in := range good(t, "edm_*.pkl") {
		dir := t.TempDir()
		at := func(name string) string { return filepath.Join(dir, name) }
		must(t, in, at("a.safetensors"))
		must(t, at("a.safetensors"), at("b.pt"))
		must(t, at("b.pt"), at("c.safetensors"))
		if !bytes.Equal(read(t, at("a.safetensors")), read(t, at("c.safetensors"))) {
			t.Errorf("%s: another safetensors file after .pt", in)
		}
		if list := must(t, "-l", at("b.pt")); strings.HasSuffix(in, "edm_song.pkl") &&
			!(strings.Contains(list, "model.map_augment.weight") && strings.Contains(list, `"augment_dim":9`)) {
			t.Errorf("%s: the map of augmentation labels is lost:\n%s", in, list)
		}
		must(t, in, at("d.ckpt"))
		must(t, at("d.ckpt"), at("e.PTH"))
		must(t, at("e.PTH"), at("f.safetensors"))
		if !bytes.Equal(read(t, at("a.safetensors")), read(t, at("f.safetensors"))) {
			t.Errorf("%s: another safetensors file by way of .ckpt and .pth", in)
		}
		must(t, at("d.ckpt"), at("g.npz"))
		if a, b := hash(t, in), hash(t, at("g.npz")); a != b {
			t.Errorf("%s: hash %s, as npz %s", in, a, b)
		}
	}
}

// hash is the last word of a listing.
func hash(t *testing.T, path string) string {
	words := strings.Fields(must(t, "-l", path))
	return words[len(words)-1]
}

// TestEveryFile converts all golden files to every format that can hold them; the tensors stay what they were.
func TestEveryFile(t *testing.T) {
	for _, in := range good(t, "*") {
		want := hash(t, in)
		for suffix := range writers {
			out := filepath.Join(t.TempDir(), "out"+suffix)
			_, _, err := call(in, out)
			if err != nil {
				if suffix != ".npz" || !strings.HasSuffix(err.Error(), "bf16.w: NumPy has no arrays of BF16") {
					t.Error(err)
				}
				continue
			}
			if strings.Contains(in, "metadata_only") && suffix != ".safetensors" {
				continue // a file that is no use
			}
			if got := hash(t, out); got != want {
				t.Errorf("%s as %s: hash %s, want %s", in, suffix, got, want)
			}
		}
	}
}

// TestParts picks the average and other parts.
func TestParts(t *testing.T) {
	t.Chdir(t.TempDir())
	w := func(v float32) format.Ordered {
		return format.Ordered{{Key: "w", Value: tensor.F32Tensor("", []float32{v}, 1)}}
	}
	err := format.WriteTorchTree("x.pt", nil, format.Dict{{Key: "net", Value: w(1)}, {Key: "model_ema", Value: w(2)}, {Key: "steps", Value: 3}})
	if err != nil {
		t.Fatal(err)
	}
	must(t, "--ema", "x.pt", "ema.safetensors")
	must(t, "x.pt", "net.safetensors", "--part", "net")
	for file, want := range map[string]float32{"ema.safetensors": 2, "net.safetensors": 1} {
		f, err := format.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		e, _ := f.Entry("w")
		if x, err := e.Float32s(); err != nil || len(f.Order) != 1 || x[0] != want {
			t.Errorf("%s: %v %v, %v", file, f.Order, x, err)
		}
		f.Close()
	}
	if _, messages, err := call("x.pt", "all.safetensors"); err != nil || !strings.Contains(messages, "1 values beside the tensors are left out") {
		t.Errorf("%q, %v", messages, err)
	}
}

func TestRefusals(t *testing.T) {
	in := good(t, "edm_song.pkl")[0]
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"there.pt": "precious", "text.pt": "no weights"} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for args, says := range map[string]string{
		"":                             "0 files, want IN and OUT",
		"IN":                           "1 files, want IN and OUT",
		"-l IN there.pt":               "2 files, want one",
		"IN out.onnx":                  "out.onnx: want .safetensors",
		"IN there.pt":                  "there.pt: exists; --force replaces it",
		"text.pt out.pt":               "text.pt: no known format",
		"nothing.pt out.pt":            "nothing.pt: no such file",
		"IN out.pt --part net":         "edm_song.pkl: no such part: net",
		"IN out.pt --ema --part net":   "--ema and --part",
		"there.pt x --reference --ema": "--reference: a run",
		". out --reference":            "no run to continue",
		"IN nowhere/out.pt":            "nowhere/out.pt: ",
		"--onnx":                       "unknown flag --onnx",
	} {
		_, _, err := call(strings.Fields(strings.ReplaceAll(args, "IN", in))...)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", args, err, says)
		}
	}
	if text := read(t, "there.pt"); string(text) != "precious" {
		t.Errorf("there.pt is %q", text)
	}
	if left, err := filepath.Glob(".*.tmp"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	must(t, "--force", in, "there.pt")
	if a, b := hash(t, in), hash(t, "there.pt"); a != b {
		t.Errorf("replaced by %s, want %s", b, a)
	}
}
