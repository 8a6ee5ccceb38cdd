package driver

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// libraries is the driver's name; it is a part of the system.
var libraries = []string{"nvcuda.dll"}

// openLibrary opens a library of the system and returns how to look functions up in it.
func openLibrary(path string) (lookup func(name string) (uintptr, error), err error) {
	dll := windows.NewLazySystemDLL(path)
	if err := dll.Load(); err != nil {
		return nil, err
	}
	return func(name string) (uintptr, error) {
		p := dll.NewProc(name)
		if err := p.Find(); err != nil {
			return 0, err
		}
		return p.Addr(), nil
	}, nil
}

// syscallN calls a C function of integers and pointers.
func syscallN(fn uintptr, args []uintptr) uintptr {
	r, _, _ := syscall.SyscallN(fn, args...)
	return r
}
