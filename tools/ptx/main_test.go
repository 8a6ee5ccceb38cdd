package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onestep/tools/internal/cli"
	"onestep/tools/internal/cli/clitest"
)

// call runs the command, and returns what it prints.
func call(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	f, err := parse(args, &out)
	if err == nil {
		err = f.command.run(context.Background(), f, &out)
	}
	return out.String(), err
}

func TestCases(t *testing.T) {
	files := []string{"testdata/saxpy.json", "testdata/softmax.json", "testdata/transpose.json"}
	for _, seed := range []string{"0", "1", "7"} {
		out, err := call(t, append([]string{"case", "--seed", seed}, files...)...)
		if err != nil || out != "ok saxpy\nok softmax\nok transpose\n" {
			t.Errorf("seed %s: %v\n%s", seed, err, out)
		}
	}
	out, err := call(t, "case", files[0], "--counters")
	if err != nil || !strings.Contains(out, "FLOPs 2000,") || !strings.Contains(out, "unique bytes read 8000, written 4000") {
		t.Errorf("counters: %v\n%s", err, out)
	}
}

// TestCompiled runs kernels that compilers made: integers, floats, branches, calls, recursion, local memory, structs of LLVM; those, calls
// through registers, groups of lanes, pipelines, packed halves and printf of NVRTC; tensor cores, scans and atomics of Triton.
func TestCompiled(t *testing.T) {
	for compiler, n := range map[string]int{"llvm": 9, "nvrtc": 16, "triton": 11} {
		files, err := filepath.Glob("testdata/" + compiler + "/*.json")
		if err != nil || len(files) != n {
			t.Fatalf("%s: %d files, %v", compiler, len(files), err)
		}
		for _, seed := range []string{"0", "1"} {
			out, err := call(t, append([]string{"case", "--seed", seed}, files...)...)
			if err != nil || strings.Count(out, "ok "+compiler+"_") != n {
				t.Errorf("%s, seed %s: %v\n%s", compiler, seed, err, out)
			}
			if compiler == "nvrtc" && !strings.Contains(out, "x[29]=2.000008 big 31885837205504\n") {
				t.Errorf("what the kernel prints is missing:\n%s", out)
			}
		}
	}
}

// TestPrint lists all kernels, prints one, and writes some to files, which check takes.
func TestPrint(t *testing.T) {
	list, err := call(t, "print", "-l")
	if want := "silu_ptx.go: silu_f16_any: 24 instructions, 20 bytes of 3 parameters"; err != nil || !strings.Contains(list, want) || strings.Count(list, "\n") < 200 {
		t.Errorf("the list has no %q: %v", want, err)
	}
	text, err := call(t, "print", "silu_f16_any")
	if err != nil || !strings.HasPrefix(text, "// silu: y = x*s") || !strings.Contains(text, ".visible .entry silu_f16_any(") {
		t.Errorf("%v\n%s", err, text)
	}
	dir := t.TempDir()
	if out, err := call(t, "print", "--dir", dir, "silu_f16_any", "adam_f32"); err != nil || out != "" {
		t.Errorf("%v\n%s", err, out)
	}
	if file, err := os.ReadFile(filepath.Join(dir, "silu_f16_any.ptx")); err != nil || string(file) != text {
		t.Errorf("the file is not what is printed: %v", err)
	}
	if out, err := call(t, "check", filepath.Join(dir, "silu_f16_any.ptx"), filepath.Join(dir, "adam_f32.ptx")); err != nil || strings.Count(out, "\n") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := call(t, "print", "silu_f64"); err == nil || !strings.Contains(err.Error(), "no kernel silu_f64") {
		t.Error(err)
	}
}

// TestCaseFails changes the kernel, the case and the expected data, each of which must be seen and named.
func TestCaseFails(t *testing.T) {
	for _, c := range []struct{ name, file, old, new, want string }{
		{"result", "saxpy.ptx", "fma.rn.f32 \t%f4, %f1, %f2, %f3", "add.rn.f32 \t%f4, %f2, %f3", "FAIL saxpy: y, 0, "},
		{"bounds", "saxpy.ptx", "setp.ge.s32 \t%p1, %r5, %r1", "setp.gt.s32 \t%p1, %r5, %r1", "out of bounds"},
		{"opcode", "saxpy.ptx", "fma.rn.f32", "fmx.rn.f32", "FAIL saxpy: saxpy.ptx:42: unknown instruction fmx"},
		{"written", "saxpy.ptx", "st.global.f32 \t[%rd2], %f4", "st.global.f32 \t[%rd1], %f4", "FAIL saxpy: x, 0, "},
		{"race", "transpose.ptx", "bar.sync \t0;", "", "but nothing wrote it"},
		{"hash", "saxpy.json", "9308198e", "9308198f", "has sha256"},
		{"entry", "saxpy.json", `"entry": "saxpy"`, `"entry": "other"`, "no kernel other"},
		{"buffer", "saxpy.json", `"buffer": "x"`, `"buffer": "z"`, `there is no buffer "z"`},
		{"mode", "saxpy.json", `"mode": "exact"`, `"mode": "almost"`, `not "almost"`},
		{"missing", "saxpy.json", `"name": "saxpy"`, `"title": "saxpy"`, "name is missing"},
	} {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, c.file)
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte(c.old)) {
			t.Fatalf("%s: %v, or without %s", path, err, c.old)
		}
		if err := os.WriteFile(path, bytes.Replace(text, []byte(c.old), []byte(c.new), 1), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := call(t, "case", filepath.Join(dir, strings.TrimSuffix(c.file, filepath.Ext(c.file))+".json"))
		if err == nil || !strings.HasPrefix(out, "FAIL ") || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v\n%swant %s", c.name, err, out, c.want)
		}
	}
}

// TestSameStores lets all threads store one value to one place, as compilers do with values that all have, and none store different ones.
func TestSameStores(t *testing.T) {
	const text = `.version 7.0
.target sm_80
.address_size 64
.entry k(.param .u64 out) {
	.reg .b32 %r<3>; .reg .b64 %rd; .shared .align 4 .b32 s;
	mov.u32 %r0, %tid.x;
	shr.u32 %r1, %r0, SHIFT;
	st.shared.u32 [s], %r1;
	bar.sync 0;
	ld.shared.u32 %r2, [s];
	ld.param.u64 %rd, [out];
	st.global.u32 [%rd], %r2;
}
`
	dir := t.TempDir()
	one := `{"name": "same", "ptx": "k.ptx", "entry": "k", "grid": [2,1,1], "block": [64,1,1], "dynamic_shared": 0,
		"params": [{"type": "ptr", "buffer": "o"}], "buffers": {"o": {"dtype": "u32", "count": 1, "init": {"kind": "zero"}}}}`
	for shift, want := range map[string]string{"6": "ok same", "5": "race: writes shared memory's byte 0, written by thread", "0": "race: writes shared"} {
		for name, s := range map[string]string{"k.ptx": strings.Replace(text, "SHIFT", shift, 1), "k.json": one} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(s), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if out, _ := call(t, "case", filepath.Join(dir, "k.json")); !strings.Contains(out, want) {
			t.Errorf("tid >> %s: %swant %s", shift, out, want)
		}
	}
}

func TestCheck(t *testing.T) {
	out, err := call(t, "check", "testdata/transpose.ptx")
	want := "testdata/transpose.ptx: transpose: 103 instructions, 24 bytes of 4 parameters, registers 15 .pred 34 .b32 31 .b64 9 .f32, 4224 bytes of .shared\n"
	if err != nil || out != want {
		t.Errorf("%v\n%swant\n%s", err, out, want)
	}
	bad := filepath.Join(t.TempDir(), "bad.ptx")
	if err := os.WriteFile(bad, []byte(".version 7.0\n.target sm_80\n.address_size 64\n.entry k() { add.q32 1; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := call(t, "check", bad, "testdata/saxpy.ptx"); err == nil || !strings.HasPrefix(out, bad+":4: add.q32: unknown modifier .q32") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		{"", "a command is missing"}, {"cheque x", "unknown command"}, {"check", "want FILE.ptx"}, {"print", "want KERNEL"}, {"print -l adam_f32", "want KERNEL"}, {"case --seed 3", "want FILE.json"},
		{"case x --device gpu", "want emulated, cuda"}, {"check x --seed 3", "unknown flag --seed"}, {"case x --seed y", "y"},
	} {
		if _, err := parse(strings.Fields(c.args), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.args, err, c.want)
		}
	}
	var out bytes.Buffer
	if _, err := parse([]string{"case", "-h"}, &out); !errors.Is(err, cli.ErrHelp) || !strings.Contains(out.String(), "--counters") {
		t.Errorf("help: %v\n%s", err, out.String())
	}
}

func TestFlagsPage(t *testing.T) {
	var options []cli.Option
	f := defaults()
	for _, c := range commands {
		options = append(options, c.options(f)...)
	}
	clitest.FlagsPage(t, "ptx", options)
}
