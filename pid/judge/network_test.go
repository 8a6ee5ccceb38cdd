package judge_test

import (
	"archive/zip"
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onestep/nn"
	"onestep/nn/golden"
	"onestep/nn/golden/nets"
	"onestep/pid/judge"
	"onestep/tensor"
	"onestep/tensor/format"
)

// weights are the tensors of a published file, with hashes for numbers, and what PyTorch's files hold besides.
func weights(layout nn.InceptionLayout) (arrays []tensor.Named) {
	n := nn.NewInception(tensor.CPU(0), layout)
	nets.SetWeights(n.Params, golden.Perceptual, "")
	for _, p := range n.Tensors() {
		arrays = append(arrays, tensor.F32Tensor(p.Name, p.Get(), p.Shape...))
		if bn, ok := strings.CutSuffix(p.Name, ".running_var"); ok {
			arrays = append(arrays, tensor.I64Tensor(bn+".num_batches_tracked", []int64{0}))
		}
	}
	n.Release()
	return arrays
}

// Both layouts are read from every format to the same digest.
func TestLoadInception(t *testing.T) {
	for _, layout := range []nn.InceptionLayout{nn.InceptionPyTorch, nn.InceptionTensorFlow} {
		all, digest := weights(layout), ""
		for suffix, write := range map[string]func(path string, arrays []tensor.Named) error{
			".safetensors": func(path string, a []tensor.Named) error { return tensor.WriteSafeTensors(path, nil, a) },
			".pth":         func(path string, a []tensor.Named) error { return format.WriteTorch(path, nil, a) },
			".npz":         format.WriteNPZ,
		} {
			path := filepath.Join(t.TempDir(), "inception"+suffix)
			if err := write(path, all); err != nil {
				t.Fatal(err)
			}
			n, err := judge.LoadInception(tensor.CPU(0), path)
			if err != nil {
				t.Fatal(err)
			}
			if n.Layout != layout || n.Input != layout {
				t.Errorf("%s: layout %d, input %d, want %d", path, n.Layout, n.Input, layout)
			}
			for _, p := range n.Tensors() {
				if x, _ := all[slices.IndexFunc(all, func(a tensor.Named) bool { return a.Name == p.Name })].Bytes(); !slices.Equal(tensor.F32Tensor("", p.Get()).Data, x) {
					t.Errorf("%s: %s is not what was written", path, p.Name)
				}
			}
			if digest == "" {
				digest = n.Digest
			}
			if n.Digest != digest || len(digest) != 64 {
				t.Errorf("%s: digest %s, in another format %s", path, n.Digest, digest)
			}
			if n.ResizeAs("tensorflow") != nil || n.Input != nn.InceptionTensorFlow || n.ResizeAs("x") == nil || n.ResizeAs("auto") != nil || n.Input != layout {
				t.Errorf("%s: after resizes the input is %d", path, n.Input)
			}
			n.Release()
			if testing.Short() {
				break
			}
		}
	}
}

// zipped is an archive of names and contents in turn.
func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = io.WriteString(w, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is wrong with a file is said with its name and the tensor's.
func TestLoadInceptionRefuses(t *testing.T) {
	good := weights(nn.InceptionTensorFlow)
	change := func(name string, f func(a *tensor.Named)) []tensor.Named {
		arrays := slices.Clone(good)
		f(&arrays[slices.IndexFunc(arrays, func(a tensor.Named) bool { return a.Name == name })])
		return arrays
	}
	const name = "layers.mixed_6.tower_1.conv_3.weight"
	for what, c := range map[string]struct {
		arrays []tensor.Named
		says   string
	}{
		"missing": {change(name, func(a *tensor.Named) { a.Name = "other" }), name + ": no such tensor"},
		"shape":   {change(name, func(a *tensor.Named) { a.Shape = []int{160, 7, 160, 1} }), name + ": shape [160 7 160 1], want [160 160 7 1]"},
		"not finite": {change("layers.conv.beta", func(a *tensor.Named) {
			*a = tensor.F32Tensor(a.Name, append(make([]float32, 31), float32(math.NaN())), 32)
		}), "layers.conv.beta: element 31 of 32 is not finite"},
		"another": {[]tensor.Named{tensor.F32Tensor("features.0.weight", make([]float32, 27), 1, 3, 3, 3)}, "not the weights of the 2015-12-05 Inception"},
	} {
		path := filepath.Join(t.TempDir(), "weights.safetensors")
		if err := tensor.WriteSafeTensors(path, nil, c.arrays); err != nil {
			t.Fatal(err)
		}
		_, err := judge.LoadInception(tensor.CPU(0), path)
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want the file's name and %q", what, err, c.says)
		}
	}
	script := filepath.Join(t.TempDir(), "script.pt")
	if err := os.WriteFile(script, zipped(t, "script/data.pkl", "\x80\x02c__torch__.Inception\nInceptionV3\n)\x81.", "script/constants.pkl", "\x80\x02)."), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := judge.LoadInception(tensor.CPU(0), script); err == nil || !strings.Contains(err.Error(), "script.pt: a TorchScript program") {
		t.Errorf("TorchScript: %v", err)
	}
	path := filepath.Join(t.TempDir(), "none.pth")
	if _, err := judge.LoadInception(tensor.CPU(0), path); err == nil || !os.IsNotExist(err) && !strings.Contains(err.Error(), path) {
		t.Errorf("no file: %v", err)
	}
}
