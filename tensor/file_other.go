//go:build !unix

package tensor

import (
	"io"
	"os"
)

// mapFile reads size bytes of f: a memory map is not worth a second way of doing it here.
func mapFile(f *os.File, size int) (data []byte, unmap func() error, err error) {
	data = make([]byte, size)
	_, err = io.ReadFull(f, data)
	return data, func() error { return nil }, err
}

// syncDir does nothing: folders cannot be flushed here.
func syncDir(string) error { return nil }
