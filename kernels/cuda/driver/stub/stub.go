//go:build linux && (amd64 || arm64)

// Package stub compiles a libcuda for tests from C, with the system's compiler: testdata/libcuda.c says what it does and what it checks.
package stub

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ebitengine/purego"
)

//go:embed testdata/libcuda.c
var source []byte

// Library is a compiled stub. Tests that use it do not run in parallel, since a library has one state.
type Library struct {
	Path string

	Count    func(call string) int32                   // how often a function was called
	Contexts func() int32                              // that are retained
	Memory   func() uint64                             // bytes that are allocated
	Limit    func(bytes uint64)                        // memory of the device
	Device   func(devices, major, version int32)       // number of devices, compute capability and the driver's version
	Inject   func(call string, after int32, code Code) // makes a call fail, after so many others of its name
	Late     func(after int32)                         // makes a launch fail when it is done, after so many others

	faults func() string
	reset  func()
}

// Code is a CUresult.
type Code = int32

// compiled makes both libraries and opens them; they stay open under their paths when the files are gone.
var compiled = sync.OnceValues(func() (handles map[string]uintptr, err error) {
	if _, err := exec.LookPath("gcc"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "stub")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "libcuda.c")
	if err := os.WriteFile(file, source, 0o666); err != nil {
		return nil, err
	}
	handles = map[string]uintptr{}
	for _, define := range []string{"FULL", "WITHOUT_GRAPHS"} {
		path := filepath.Join(dir, define+".so")
		out, err := exec.Command("gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-D"+define, "-o", path, file).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("gcc: %w\n%s", err, out)
		}
		if handles[path], err = purego.Dlopen(path, purego.RTLD_NOW); err != nil {
			return nil, err
		}
	}
	return handles, nil
})

// New is the stub in its first state: two devices of compute capability 8.0 with 80 GiB, driver 12.5. The test fails if it ends with a fault. It is
// skipped if there is no compiler.
func New(t testing.TB) *Library { return open(t, "FULL.so") }

// NewWithoutGraphs is a stub that lacks cuGraphInstantiateWithFlags.
func NewWithoutGraphs(t testing.TB) *Library { return open(t, "WITHOUT_GRAPHS.so") }

func open(t testing.TB, name string) *Library {
	t.Helper()
	handles, err := compiled()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skipf("no compiler for the stub of libcuda: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &Library{}
	for s.Path = range handles {
		if filepath.Base(s.Path) == name {
			break
		}
	}
	handle := handles[s.Path]
	for name, f := range map[string]any{
		"stub_count": &s.Count, "stub_contexts": &s.Contexts, "stub_memory": &s.Memory, "stub_limit": &s.Limit, "stub_device": &s.Device,
		"stub_inject": &s.Inject, "stub_late": &s.Late, "stub_faults": &s.faults, "stub_reset": &s.reset,
	} {
		purego.RegisterLibFunc(f, handle, name)
	}
	s.reset()
	t.Cleanup(func() {
		if f := s.faults(); f != "" {
			t.Errorf("the stub of libcuda found faults:\n%s", f)
		}
	})
	return s
}
