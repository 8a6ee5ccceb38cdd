//go:build linux && (amd64 || arm64)

package driver

import (
	"fmt"

	"github.com/ebitengine/purego"
)

// libraries are where the driver may be, besides the loader's path.
var libraries = []string{
	"libcuda.so.1",
	"/usr/lib/wsl/lib/libcuda.so.1", // Windows Subsystem for Linux
	"/usr/lib/x86_64-linux-gnu/libcuda.so.1",
	"/usr/lib/aarch64-linux-gnu/libcuda.so.1",
	"/usr/lib64/libcuda.so.1",
	"/usr/local/nvidia/lib64/libcuda.so.1", // containers
	"/run/opengl-driver/lib/libcuda.so.1",  // NixOS
}

// openLibrary opens a library and returns how to look functions up in it.
func openLibrary(path string) (lookup func(name string) (uintptr, error), err error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("%w", err)
	}
	return func(name string) (uintptr, error) { return purego.Dlsym(handle, name) }, nil
}

// syscallN calls a C function of integers and pointers. A slice that is passed on allocates nothing.
func syscallN(fn uintptr, args []uintptr) uintptr {
	r, _, _ := purego.SyscallN(fn, args...)
	return r
}
