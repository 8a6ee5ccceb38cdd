package format

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"onestep/tensor"
)

// OpenArrays opens NumPy's archive for some of its arrays: those of the names that are there. The others (images, say, beside statistics)
// are not read. all has the names of every array.
func OpenArrays(path string, names ...string) (f *File, all []string, err error) {
	data, unmap, err := tensor.MapFile(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, unmap()) }() // arrays are copied out of the archive
	if !bytes.HasPrefix(data, []byte("PK")) {
		return nil, nil, fmt.Errorf("%s: not NumPy's archive (.npz)", path)
	}
	a, err := openArchive(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	entries, err := a.npz(func(name string) bool { return slices.Contains(names, name) })
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range a.names {
		all = append(all, strings.TrimSuffix(name, ".npy"))
	}
	return arrays(path, "npz", entries, nil), all, nil
}
