// Package tools holds the commands, the test of who may import whom, and this table of what runs where.
//
//	                                          -short   go test ./...   ONESTEP_TESTS=all   .ci/run
//	every package's own tests                 most     all             all                 all; of the host's kernels on each instruction set, too
//	golden files, best instruction set        small    each            each                each, of ../shared/golden
//	golden files, plain Go and lower levels   -        one in three    each                each
//	golden networks on the interpreted GPU    -        -               each                one of a kind
//	single golden operations there            -        one in three    each                -
//	whole steps there, f32 and f16            -        one of two      both                both
//	GPU kernels on the interpreter            few      each, in part   each                each
//	a whole run on the interpreted GPU        -        -               yes                 yes
//	runs judged by the Inception network      -        one layout      all                 all
//	memory of real processes                  -        one of four     four, full size     four, full size
//	runs that are killed at random            2        2               2                   24, seed printed
//	generated assembly is what gen writes     -        -               yes                 yes
//	mutants of GPU kernels                    -        -               -                   24 at random
//	fuzzing                                   seeds    seeds           seeds               15 s a target, or $ONESTEP_FUZZ
//	race detector, arm64, NVIDIA's assembler  -        -               -                   yes
//
// What takes turns ("one in three") does so by the day, or by the number in ONESTEP_TURN, which the log of a test says. ONESTEP_CPU=generic|avx2|avx512
// lowers the instruction set, and ONESTEP_DEVICE=cpu|emulated|cuda keeps golden tests to a kind of device.
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
kernels/cuda               kernels kernels/cuda/driver kernels/cuda/emulated
kernels/cuda/driver        github.com/ebitengine/purego golang.org/x/sys/windows
kernels/cuda/emulated      kernels/cuda/driver kernels/cuda/ptx kernels/cuda/simt
kernels/cuda/driver/stub   github.com/ebitengine/purego
kernels/cuda/chip
kernels/cuda/ptx
kernels/cuda/ptx/build
kernels/cuda/conformance   kernels/cuda/driver kernels/cuda/ptx
kernels/cuda/ledger        kernels/cuda/chip kernels/cuda/emulated kernels/cuda/ptx kernels/cuda/simt
kernels/cuda/gen           kernels/cuda/ptx/build
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

pid                        tensor autograd nn nn/optim pid/data pid/judge/metrics gonum.org/v1/gonum/mat
pid/data
pid/embedded               tensor
pid/judge                  tensor tensor/format nn pid/data pid/judge/metrics gonum.org/v1/gonum/mat
pid/judge/metrics          tensor autograd gonum.org/v1/gonum/blas gonum.org/v1/gonum/lapack/gonum gonum.org/v1/gonum/lapack/lapack64 gonum.org/v1/gonum/mat
pid/pidtest                tensor nn pid
pid/ranks                  kernels tensor github.com/ebitengine/purego
pid/ranks/mpitest
pid/runs                   tensor tensor/format nn nn/optim nn/weights pid golang.org/x/sys/unix golang.org/x/sys/windows

tools/internal/board       tensor pid pid/runs tools/internal/tfevents
tools/internal/cli
tools/internal/device      kernels kernels/cuda kernels/cuda/driver tensor
tools/internal/draw        tensor nn nn/weights pid pid/data tools/internal/cli tools/internal/picture tools/internal/teacher
tools/internal/judge       tensor nn nn/weights pid pid/judge pid/runs pid/embedded tools/internal/picture
tools/internal/picture     tensor tensor/format pid/data gonum.org/v1/plot
tools/internal/plan        kernels kernels/cuda kernels/cuda/chip kernels/cuda/emulated tensor autograd nn pid tools/internal/judge
tools/internal/progress    golang.org/x/term
tools/internal/report      tensor pid pid/runs tools/internal/board tools/internal/picture
tools/internal/teacher     tensor nn nn/weights pid/embedded
tools/internal/tfevents
tools/convert              kernels tensor tensor/format pid/runs tools/internal/cli
tools/distill              tensor nn nn/weights pid pid/ranks pid/runs tensor/format tools/internal/board tools/internal/cli tools/internal/device tools/internal/judge tools/internal/plan tools/internal/progress tools/internal/report tools/internal/teacher
tools/evaluate             tensor nn nn/weights pid pid/judge tools/internal/cli tools/internal/device tools/internal/draw tools/internal/progress
tools/plan                 nn nn/weights pid tools/internal/cli tools/internal/device tools/internal/plan tools/internal/teacher
tools/ptx                  kernels/cuda kernels/cuda/chip kernels/cuda/conformance kernels/cuda/driver kernels/cuda/emulated kernels/cuda/ledger kernels/cuda/ptx kernels/cuda/simt tensor nn bench tools/internal/cli
tools/sample               tensor nn nn/weights pid/data tools/internal/cli tools/internal/device tools/internal/draw tools/internal/picture tools/internal/progress
tools/train                tensor nn nn/optim nn/weights pid pid/data pid/judge/metrics pid/runs tools/internal/cli tools/internal/device tools/internal/plan tools/internal/progress
tools

bench                      kernels tensor nn nn/optim pid
bench/sass                 kernels/cuda/chip
bench/gpu                  kernels kernels/cuda kernels/cuda/chip tensor nn bench
bench/peer                 kernels kernels/kernelstest tensor nn bench github.com/klauspost/cpuid/v2
bench/peer/checkpoint      tensor tensor/format autograd nn nn/weights pid pid/runs
`

// testHelpers are what tests may import besides their package and what it may import.
var testHelpers = []string{"kernels", "tensor", "kernels/kernelstest", "kernels/cuda/driver/stub", "kernels/cuda/ptx", "kernels/cuda/simt", "nn/golden", "nn/golden/nets", "pid/pidtest", "pid/ranks/mpitest", "tools/internal/tfevents"}

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
