//go:build linux || darwin

package ranks

import (
	"fmt"
	"strings"

	"github.com/ebitengine/purego"
)

// library is a shared library that was opened at run time.
type library struct {
	name   string
	handle uintptr
}

// openLibrary opens the first of some names that there is. Its symbols are for all, since MPI's plug-ins look for them there.
func openLibrary(names ...string) (*library, error) {
	var first error
	for _, name := range names {
		h, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
		if err == nil {
			return &library{name, h}, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, fmt.Errorf("%s: %w", strings.Join(names, ", "), first)
}

// symbol is the address of a symbol.
func (l *library) symbol(name string) (uintptr, error) {
	p, err := purego.Dlsym(l.handle, name)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", l.name, err)
	}
	return p, nil
}

// bind makes fn, a pointer to a variable of function type, call a C function.
func (l *library) bind(name string, fn any) error {
	p, err := l.symbol(name)
	if err == nil {
		purego.RegisterFunc(fn, p)
	}
	return err
}
