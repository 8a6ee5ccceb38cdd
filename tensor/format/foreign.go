package format

import (
	"bytes"
	"fmt"
)

// foreign is the error for a file that is of no known format: it says what the file seems to be.
func foreign(data []byte) error {
	lower := bytes.ToLower(data[:min(len(data), 64)])
	for _, f := range []struct{ start, what string }{
		{"version https://git-lfs", "a Git LFS pointer: the file itself was not fetched"},
		{"<!doctype html", "a web page: the download went wrong"},
		{"<html", "a web page: the download went wrong"},
		{"\x1f\x8b", "compressed by gzip: unpack it first"},
		{"\x89HDF", "an HDF5 file, which is not read"},
		{"GGUF", "a GGUF file, which is not read"},
	} {
		if bytes.HasPrefix(data, []byte(f.start)) || bytes.HasPrefix(lower, []byte(f.start)) {
			return fmt.Errorf("%s", f.what)
		}
	}
	if data[0] == '{' && bytes.Contains(data, []byte(`"weight_map"`)) {
		return fmt.Errorf("the index of weights that lie in several files: only single files are read")
	}
	return fmt.Errorf("no known format: it starts with the bytes % x", data[:min(len(data), 8)])
}
