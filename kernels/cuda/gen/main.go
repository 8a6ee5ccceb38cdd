// Command gen writes the PTX files of kernels/cuda that the builder makes: one Go file here per op. Run it in that folder's parent by
// go generate, or in this folder with go run . ; a test compares the committed files with what it would write.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"onestep/kernels/cuda/ptx/build"
)

// files are the generators by the name of the file that each makes, filled by init functions.
var files = map[string]func() *build.File{}

func main() {
	dir := ".."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(files[name]().Text()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}
