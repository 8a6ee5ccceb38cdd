//go:build !windows && !(linux && (amd64 || arm64))

package driver

import (
	"fmt"
	"runtime"
)

var libraries = []string{"libcuda.so.1"}

func openLibrary(string) (lookup func(name string) (uintptr, error), err error) {
	return nil, fmt.Errorf("there is no CUDA for %s/%s", runtime.GOOS, runtime.GOARCH)
}

func syscallN(uintptr, []uintptr) uintptr { panic("kernels/cuda/driver: no library is open") }
