//go:build !linux && !darwin

package ranks

import (
	"fmt"
	"runtime"
	"strings"
)

// library is a shared library that was opened at run time: none on this system.
type library struct{ name string }

func openLibrary(names ...string) (*library, error) {
	return nil, fmt.Errorf("%s: runs of several processes are not written for %s", strings.Join(names, ", "), runtime.GOOS)
}

func (l *library) symbol(name string) (uintptr, error) {
	return 0, fmt.Errorf("%s: no %s", l.name, name)
}

func (l *library) bind(name string, _ any) error {
	_, err := l.symbol(name)
	return err
}
