package tools

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "onestep"

// layers is the diagram in README.md: a package, and all that its files may import of ours and of others; tests may import testHelpers besides.
// Imports go down only. Do not widen a line to mend a build.
const layers = `
kernels                    github.com/klauspost/cpuid/v2
kernels/cpu                kernels
kernels/kernelstest        kernels
kernels/cuda               kernels kernels/cuda/asm kernels/cuda/driver kernels/cuda/emulated
kernels/cuda/asm
kernels/cuda/driver        github.com/ebitengine/purego golang.org/x/sys/windows
kernels/cuda/emulated      kernels/cuda/driver kernels/cuda/ptx kernels/cuda/simt
kernels/cuda/driver/stub   github.com/ebitengine/purego
kernels/cuda/chip
kernels/cuda/ptx
kernels/cuda/conformance   kernels/cuda/driver kernels/cuda/ptx
kernels/cuda/ledger        kernels/cuda kernels/cuda/chip kernels/cuda/emulated kernels/cuda/ptx kernels/cuda/simt
kernels/cuda/simt          kernels/cuda/ptx

tensor                     kernels kernels/cpu golang.org/x/sys/unix
tensor/format              tensor tensor/format/pickle
tensor/format/pickle
autograd                   kernels tensor
nn                         kernels tensor autograd
nn/optim                   kernels tensor autograd
nn/weights                 tensor tensor/format autograd nn
nn/golden                  kernels kernels/cuda kernels/kernelstest tensor
nn/golden/nets             tensor nn nn/golden
nn/golden/reduce           tensor nn/golden

pid                        tensor autograd nn nn/optim pid/data
pid/data
pid/embedded               tensor nn nn/weights
pid/judge                  tensor tensor/format autograd nn pid/data pid/judge/metrics gonum.org/v1/gonum/mat
pid/judge/metrics          tensor autograd gonum.org/v1/gonum/blas gonum.org/v1/gonum/lapack/gonum gonum.org/v1/gonum/lapack/lapack64 gonum.org/v1/gonum/mat
pid/pidtest                tensor nn pid
pid/ranks                  kernels tensor github.com/ebitengine/purego
pid/ranks/mpitest
pid/runs                   tensor tensor/format nn nn/optim nn/weights pid golang.org/x/sys/unix golang.org/x/sys/windows

tools/internal/board       tensor pid pid/runs tools/internal/tfevents
tools/internal/cli         tools/internal/device
tools/internal/cli/clitest tools/internal/cli
tools/internal/device      kernels kernels/cuda kernels/cuda/driver tensor
tools/internal/draw        tensor nn nn/weights pid pid/data tools/internal/cli tools/internal/teacher
tools/internal/picture     tensor tensor/format pid/data gonum.org/v1/plot
tools/internal/plan        kernels kernels/cuda kernels/cuda/chip kernels/cuda/emulated tensor autograd nn pid pid/embedded tools/internal/results
tools/internal/progress    golang.org/x/term
tools/internal/report      tensor pid pid/runs tools/internal/board tools/internal/picture
tools/internal/results     tensor nn pid pid/data pid/embedded pid/judge pid/judge/metrics pid/runs tools/internal/picture
tools/internal/teacher     tensor nn nn/weights pid/embedded
tools/internal/tfevents
tools/convert              kernels tensor tensor/format pid/runs tools/internal/cli
tools/distill              tensor nn nn/weights pid pid/embedded pid/ranks pid/runs tensor/format tools/internal/board tools/internal/cli tools/internal/device tools/internal/plan tools/internal/progress tools/internal/report tools/internal/results tools/internal/teacher
tools/evaluate             tensor nn nn/weights pid/judge tools/internal/cli tools/internal/device tools/internal/draw tools/internal/progress
tools/plan                 nn nn/weights pid tools/internal/cli tools/internal/device tools/internal/plan tools/internal/teacher
tools/ptx                  kernels/cuda kernels/cuda/chip kernels/cuda/conformance kernels/cuda/driver kernels/cuda/emulated kernels/cuda/ledger kernels/cuda/ptx kernels/cuda/simt tensor nn bench tools/internal/cli
tools/sample               tensor nn nn/weights pid/data tools/internal/cli tools/internal/device tools/internal/draw tools/internal/picture tools/internal/progress
tools/train                tensor nn nn/optim nn/weights pid pid/data pid/judge pid/runs tools/internal/cli tools/internal/device tools/internal/plan tools/internal/progress
tools

bench                      kernels tensor nn nn/optim pid
bench/mutate
bench/sass                 kernels/cuda kernels/cuda/chip
bench/gpu                  kernels kernels/cuda kernels/cuda/chip tensor nn bench
bench/peer                 kernels kernels/kernelstest tensor nn bench github.com/klauspost/cpuid/v2
bench/peer/checkpoint      tensor tensor/format autograd nn nn/weights pid pid/runs
`

// testHelpers are what tests may import besides their package and what it may import.
var testHelpers = []string{"kernels", "tensor", "kernels/kernelstest", "kernels/cuda/driver/stub", "kernels/cuda/ptx", "kernels/cuda/simt", "nn/golden", "nn/golden/nets", "pid/pidtest", "pid/ranks/mpitest", "tools/internal/cli/clitest", "tools/internal/tfevents"}

func TestLayers(t *testing.T) {
	allowed := map[string][]string{}
	for line := range strings.Lines(layers) {
		if f := strings.Fields(line); len(f) > 0 {
			allowed[f[0]] = f[1:]
		}
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	seen, used := map[string]bool{}, map[[2]string]bool{}
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && (hidden(e.Name()) || nested(path) || path == filepath.Join(root, "runs")): // where distill leaves its runs
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		seen[pkg] = true
		may, listed := allowed[pkg]
		if !listed {
			t.Errorf("%s: package %s is not in the table", path, pkg)
			return nil
		}
		if strings.HasSuffix(path, "_test.go") {
			may = append(append(slices.Clone(may), testHelpers...), pkg)
		}
		for _, name := range imports(t, path) {
			by, ok := permitted(name, may)
			if !ok {
				t.Errorf("%s: %s must not import %s", path, pkg, name)
			}
			used[[2]string{pkg, by}] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg, may := range allowed {
		if !seen[pkg] {
			t.Errorf("package %s is in the table, but has no files", pkg)
		}
		for _, name := range may {
			if !used[[2]string{pkg, name}] {
				t.Errorf("%s may import %s, which neither it nor its tests do", pkg, name)
			}
		}
	}
}

func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata"
}

// nested says whether a folder is the root of another module.
func nested(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// imports lists what a file imports besides the standard library, packages of ours without the module's name.
func imports(t *testing.T, path string) (names []string) {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return nil
	}
	for _, s := range f.Imports {
		name, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			t.Error(err)
		}
		first, _, _ := strings.Cut(name, "/")
		if own, ok := strings.CutPrefix(name, module+"/"); ok {
			names = append(names, own)
		} else if strings.Contains(first, ".") {
			names = append(names, name)
		}
	}
	return names
}

// permitted says which entry of a list an import is; a package of another module brings its subpackages.
func permitted(name string, may []string) (entry string, ok bool) {
	for _, m := range may {
		first, _, _ := strings.Cut(m, "/")
		if name == m || strings.Contains(first, ".") && strings.HasPrefix(name, m+"/") {
			return m, true
		}
	}
	return "", false
}
