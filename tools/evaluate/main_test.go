package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"onestep/nn"
	"onestep/nn/golden"
	"onestep/nn/golden/nets"
	"onestep/pid/judge"
	"onestep/tensor"
	"onestep/tools/internal/cli/clitest"
)

// command is the program, built once: the tests use it as a user does.
var command string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "evaluate")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		command = filepath.Join(dir, "evaluate.exe")
		if out, err := exec.Command("go", "build", "-o", command, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// call runs the command and returns its output, its messages and its status.
func call(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, messages bytes.Buffer
	c := exec.CommandContext(t.Context(), command, args...)
	c.Stdout, c.Stderr = &out, &messages
	err := c.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if strings.Contains(messages.String(), "goroutine ") {
		t.Fatalf("%v ended with\n%s", args, messages.String())
	}
	return out.String(), messages.String(), c.ProcessState.ExitCode()
}

// fails says that a call ends with a status and words.
func fails(t *testing.T, code int, says string, args ...string) {
	t.Helper()
	_, messages, got := call(t, args...)
	if got != code || !strings.Contains(messages, says) {
		t.Errorf("%v: status %d, want %d and %q:\n%s", args, got, code, says, messages)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pixels are bytes that look random.
func pixels(name string, n int) []byte {
	x := make([]byte, n)
	for i, k := range golden.Perceptual.Indices("input:"+name, n, 256) {
		x[i] = byte(k)
	}
	return x
}

// samples writes n images of 8×8 pixels as sample does.
func samples(t *testing.T, path string, n int) {
	t.Helper()
	head := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 8, 8, 3), }\n", n)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("arr_0.npy")
	must(t, err)
	_, err = w.Write(append(append(binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(head))), head...), pixels("samples", n*192)...))
	must(t, err)
	must(t, z.Close())
	must(t, os.WriteFile(path, b.Bytes(), 0o666))
}

// folder writes n images of 8×8 pixels as PNG files.
func folder(t *testing.T, dir string, n int) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o777))
	for i := range n {
		im := image.NewRGBA(image.Rect(0, 0, 8, 8))
		for p, u := range pixels(fmt.Sprint("ref", i), 192) {
			im.Pix[p/3*4+p%3], im.Pix[p/3*4+3] = u, 255
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%03d.png", i)))
		must(t, err)
		must(t, errors.Join(png.Encode(f, im), f.Close()))
	}
}

// inception writes a network of hashes in a layout.
func inception(t *testing.T, path string, layout nn.InceptionLayout) {
	t.Helper()
	n := nn.NewInception(tensor.CPU(0), layout)
	nets.SetWeights(n.Params, golden.Perceptual, "")
	var arrays []tensor.Named
	for _, p := range n.Tensors() {
		arrays = append(arrays, tensor.F32Tensor(p.Name, p.Get(), p.Shape...))
	}
	n.Release()
	must(t, tensor.WriteSafeTensors(path, nil, arrays))
}

func TestHelp(t *testing.T) {
	help, _, code := call(t, "-h")
	clitest.Golden(t, filepath.Join("testdata", "help.txt"), help)
	if code != 0 {
		t.Errorf("-h: status %d", code)
	}
}

func TestFlagsPage(t *testing.T) { clitest.FlagsPage(t, "evaluate", defaults().options()) }

func TestWrongFlags(t *testing.T) {
	all := []string{"--samples", "s.npz", "--ref", "r.npz", "--inception", "i.pth"}
	for says, args := range map[string][]string{
		"--samples is missing":           {"--ref", "r.npz", "--inception", "i.pth"},
		"--inception is missing":         {"--samples", "s.npz", "--ref", "r.npz"},
		"--ref is missing":               {"--samples", "s.npz", "--inception", "i.pth"},
		"--resize \"x\"":                 append(all, "--resize", "x"),
		"for --metrics: want some of":    append(all, "--metrics", "fid,fid"),
		"--batch -1":                     append(all, "--batch", "-1"),
		"--save-ref x.json: want a .npz": append(all, "--save-ref", "x.json"),
		"--json: without --ref":          {"--samples", "s.npz", "--inception", "i.pth", "--save-ref", "r.npz", "--json", "x"},
		"unknown flag --fid":             append(all, "--fid"),
	} {
		fails(t, 2, says, args...)
	}
	fails(t, 1, "--samples: ", all...)
}

// numbers reads what --json wrote.
func numbers(t *testing.T, path string) (r judge.Result) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, json.Unmarshal(text, &r))
	return r
}

// TestEvaluate judges a sample file against a folder, and against the folder's statistics saved before; in either layout, and with other batches, threads
// and devices of the same bits.
func TestEvaluate(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	t.Chdir(t.TempDir())
	samples(t, "samples.npz", 5)
	folder(t, "ref", 6)
	for name, layout := range map[string]nn.InceptionLayout{"pytorch-fid": nn.InceptionPyTorch, "tensorflow": nn.InceptionTensorFlow} {
		weights := name + ".safetensors"
		inception(t, weights, layout)
		base := []string{"--samples", "samples.npz", "--inception", weights, "--device", "cpu", "--batch", "6"}
		table, messages, code := call(t, append(base, "--ref", "ref", "--metrics", "fid,is,pr", "--json", name+".json", "--save-ref", name+"-samples.npz")...)
		if code != 0 || !strings.Contains(table, "FID") || !strings.Contains(table, "5 images cannot span 2048 features") {
			t.Fatalf("status %d: %s%s", code, table, messages)
		}
		r := numbers(t, name+".json")
		if r.Samples.Layout != name || r.Samples.Count != 5 || r.Reference.Count != 6 || r.Precision == nil || r.IS.Value < 1 || r.FID.Value <= 0 {
			t.Errorf("%+v, samples %+v, reference %+v", r, r.Samples, r.Reference)
		}

		if _, messages, code = call(t, "--samples", "ref", "--inception", weights, "--device", "cpu", "--batch", "2", "--metrics", "fid,pr", "--save-ref", name+"-ref.npz"); code != 0 {
			t.Fatalf("status %d: %s", code, messages)
		}
		again := append(base, "--ref", name+"-ref.npz", "--batch", "3", "--threads", "3", "--metrics", "fid,is,pr", "--json", name+".json")
		fails(t, 1, name+".json is there already (--force replaces it)", again...)
		if _, messages, code = call(t, append(again, "--force")...); code != 0 {
			t.Fatalf("status %d: %s", code, messages)
		}
		s := numbers(t, name+".json")
		if *s.FID != *r.FID || *s.IS != *r.IS || *s.Precision != *r.Precision || *s.Recall != *r.Recall || s.Reference.Pixels != r.Reference.Pixels {
			t.Errorf("saved statistics give %+v, images %+v", s, r)
		}
	}
	mixed := []string{"--samples", "samples.npz", "--inception", "tensorflow.safetensors", "--ref", "pytorch-fid-ref.npz", "--metrics", "fid", "--batch", "5"}
	fails(t, 1, "not comparable:\n", mixed...)
	fails(t, 1, "--force compares nevertheless", mixed...)
	if table, messages, code := call(t, append(mixed, "--force")...); code != 0 || !strings.Contains(table, "NOT COMPARABLE") {
		t.Errorf("by force: status %d: %s%s", code, table, messages)
	}
	network(t, "student", "student")
	drawn := []string{"--student", "student", "-n", "2", "--inception", "tensorflow.safetensors", "--device", "cpu", "--metrics", "is", "--json", "drawn.json"}
	if _, messages, code := call(t, drawn...); code != 0 {
		t.Fatalf("status %d: %s", code, messages)
	}
	if s := numbers(t, "drawn.json").Samples; s.Count != 2 || s.Images.Kind != "student" || s.Images.Seeds != "0-1" || s.Pixels == "" {
		t.Errorf("%+v", s)
	}
	fails(t, 1, "samples.npz: 5 images, 6 are wanted", "--samples", "samples.npz", "--num", "6", "--inception", "tensorflow.safetensors", "--metrics", "is")
	fails(t, 1, "sfid needs statistics of spatial features", "--samples", "samples.npz", "--inception", "tensorflow.safetensors", "--ref", "tensorflow-ref.npz", "--metrics", "sfid")
}

// Ctrl-C ends the work, and nothing is written.
func TestInterrupt(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such signal")
	}
	t.Chdir(t.TempDir())
	samples(t, "samples.npz", 3000)
	inception(t, "i.safetensors", nn.InceptionPyTorch)
	c := exec.CommandContext(t.Context(), command, "--samples", "samples.npz", "--inception", "i.safetensors", "--metrics", "is", "--json", "out.json", "--device", "cpu")
	pipe, err := c.StderrPipe()
	must(t, err)
	must(t, c.Start())
	messages := bufio.NewReader(pipe)
	if begun, err := messages.ReadString('\n'); err != nil || begun != "samples.npz\n" { // what the first images are read from
		t.Fatalf("%q, %v", begun, err)
	}
	must(t, c.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(messages)
	must(t, err)
	c.Wait()
	if _, err := os.Stat("out.json"); c.ProcessState.ExitCode() != 130 || !strings.Contains(string(rest), "interrupted") || err == nil {
		t.Errorf("status %d, %v: %s", c.ProcessState.ExitCode(), err, rest)
	}
}
