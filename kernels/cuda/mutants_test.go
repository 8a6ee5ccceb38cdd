package cuda

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"onestep/kernels/cuda/simt"
)

const (
	// mutantsEnv says how many mutants [TestMutants] tries: a number, or all.
	mutantsEnv = "ONESTEP_MUTANTS"
	// mutantsSeedEnv draws those that are tried from the list; without it they are the first.
	mutantsSeedEnv = "ONESTEP_MUTANTS_SEED"
	// mutantEnv plants a mutant in the tests: "conv2d_f32_64x64:1234:bar.sync 1;", or nothing after the second colon.
	mutantEnv = "ONESTEP_MUTANT"

	mutantSeed  = 1
	mutantCount = 240
	mutantTime  = 6 * time.Minute // that its tests may take
)

// sharedTests are the tests that run the kernels of families without a test file of their own; see [testsOf].
var sharedTests = map[string]string{
	"conv2d_input_grad":  "TestConv2DInputGrad|TestConv2DManyTaps",
	"conv2d_weight_grad": "TestConv2DWeightGrad",
	"product":            "TestConv2D|TestConv2DInputGrad|TestConv2DWeightGrad|TestConv2DManyTaps|TestConv2DNotFinite|TestGEMM|TestProductTilesRun|TestProductRows",
}

// testsOf are the tests that run the kernels of a family x: those of the files x_test.go and x_*_test.go, and one of several families.
func testsOf(t *testing.T, family string) string {
	t.Helper()
	if tests := sharedTests[family]; tests != "" {
		return tests
	}
	tests := "TestWholeVectors"
	files, err := filepath.Glob(family + "_*test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of %s: %v", family, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testName.FindAllStringSubmatch(string(text), -1) {
			tests += "|" + m[1]
		}
	}
	return tests
}

var testName = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// tiled says whether a family's kernels have a subtest each.
func tiled(family string) bool {
	for _, c := range productCases {
		if c.op.of.name == family {
			return true
		}
	}
	return false
}

// PlantGiven plants a mutant if the environment has one.
func PlantGiven() {
	if text, is := os.LookupEnv(mutantEnv); is {
		if err := plantMutant(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(exitNoMutant)
		}
	}
}

// launched are the kernels that were launched on devices of tests.
var launched = struct {
	sync.Mutex
	kernels map[*Kernel]*loaded
}{kernels: map[*Kernel]*loaded{}}

// Unlaunched lists the kernels that no device of a test has launched.
func Unlaunched() (list []string) {
	for _, k := range Kernels() {
		if launched.kernels[k] == nil {
			list = append(list, k.Name)
		}
	}
	return list
}

// exitNoMutant is what the tests end with that cannot plant the mutant they are given.
const exitNoMutant = 9

func plantMutant(text string) error {
	const stepsWithoutEnd = 1 << 20
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 {
		return fmt.Errorf("%s=%q: want kernel:line:instruction", mutantEnv, text)
	}
	i := slices.IndexFunc(Kernels(), func(k *Kernel) bool { return k.Name == parts[0] })
	line, err := strconv.Atoi(parts[1])
	if i < 0 || err != nil {
		return fmt.Errorf("%s=%q: no such kernel or line", mutantEnv, text)
	}
	k := Kernels()[i]
	ptx := k.PTX()
	if line < 1 || line > strings.Count(ptx.Text, "\n") {
		return fmt.Errorf("%s=%q: no such line", mutantEnv, text)
	}
	ptx.Text = mutant{line: line, after: parts[2]}.plant(ptx.Text)
	k.ptx = func() PTX { return ptx }
	simt.Strict.MaxSteps = stepsWithoutEnd
	return nil
}

// TestMutants changes single instructions of the shipped kernels, one at a time, and runs the tests that run the kernel: they must fail, but for
// mutants that testdata/mutants.tsv excuses. It takes them from a list drawn by a seed, as many as the environment says: all are a matter of many
// minutes.
func TestMutants(t *testing.T) {
	count := 0
	switch s := os.Getenv(mutantsEnv); {
	case s == "":
		t.Skipf("%s says how many to try", mutantsEnv)
	case s == "all":
		count = mutantCount
	default:
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > mutantCount {
			t.Fatalf("%s=%s: want a number up to %d, or all", mutantsEnv, s, mutantCount)
		}
		count = n
	}
	if testing.Short() || os.Getenv("ONESTEP_DEVICE") == "cuda" {
		t.Skip("part of the longer tests, on the interpreter")
	}
	g := newMutantMaker(mutantSeed)
	mutants := make([]mutant, mutantCount)
	for i := range mutants {
		mutants[i] = g.draw(i)
	}
	if s := os.Getenv(mutantsSeedEnv); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%s=%s: want a number", mutantsSeedEnv, s)
		}
		r := rand.New(rand.NewPCG(seed, 0))
		r.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
	}
	mutants = mutants[:count]
	excused := readExcuses(t)
	if most := mutantCount / 20; len(excused) > most {
		t.Errorf("%d mutants are excused, at most %d of %d may be", len(excused), most, mutantCount)
	}
	for i, survives := range tryMutants(t, mutants) {
		reason := excused[mutants[i].key()]
		switch {
		case survives && reason == "":
			t.Errorf("no test notices this mutant; make one, or say in testdata/mutants.tsv why there can be none:\n%s\n%s", mutants[i], mutants[i].key())
		case !survives && reason != "":
			t.Errorf("a test notices this mutant, which testdata/mutants.tsv excuses:\n%s", mutants[i])
		}
		delete(excused, mutants[i].key())
	}
	if count == mutantCount {
		for _, key := range slices.Sorted(maps.Keys(excused)) {
			t.Errorf("testdata/mutants.tsv excuses a mutant that is not drawn:\n%s", key)
		}
	}
}

// readExcuses reads why mutants survive, by their keys.
func readExcuses(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "mutants.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	excused := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndexByte(line, '\t')
		if at < 0 || strings.TrimSpace(line[at:]) == "" || excused[line[:at]] != "" {
			t.Fatalf("testdata/mutants.tsv: %q", line)
		}
		excused[line[:at]] = strings.TrimSpace(line[at:])
	}
	return excused
}

// tryMutants says which survive, running several at a time.
func tryMutants(t *testing.T, mutants []mutant) []bool {
	t.Helper()
	survives, errs := make([]bool, len(mutants)), make([]error, len(mutants))
	next := make(chan int)
	var crew sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		crew.Go(func() {
			for i := range next {
				survives[i], errs[i] = tryMutant(t, mutants[i])
			}
		})
	}
	for i := range mutants {
		next <- i
	}
	close(next)
	crew.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("%v: %v", mutants[i], err)
		}
	}
	return survives
}

// tryMutant runs the tests of the mutant's kernel in a process of their own: the short ones, and all where these notice nothing.
func tryMutant(t *testing.T, m mutant) (survives bool, err error) {
	survives, err = runMutant(t, m, true)
	if survives && err == nil {
		survives, err = runMutant(t, m, false)
	}
	return survives, err
}

func runMutant(t *testing.T, m mutant, short bool) (survives bool, err error) {
	run := "^(" + testsOf(t, m.family) + ")$"
	if tiled(m.family) {
		run += "|^(TestProductTilesRun|TestProductRows|TestProductMemory)$/^" + tileTest(m.entry) + "$"
	}
	ctx, cancel := context.WithTimeout(t.Context(), mutantTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run="+run, "-test.failfast", "-test.short="+strconv.FormatBool(short))
	cmd.Env = append(os.Environ(), "ONESTEP_TESTS=all", fmt.Sprintf("%s=%s:%d:%s", mutantEnv, m.entry, m.line, m.after))
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start).Round(10 * time.Millisecond)
	switch {
	case err == nil && bytes.Contains(out, []byte("no tests to run")):
		return true, fmt.Errorf("no tests: %s", run)
	case err == nil:
		if !short {
			t.Logf("survives (%v): %v", took, m)
		}
		return true, nil
	case bytes.Contains(out, []byte("--- FAIL")) && !bytes.Contains(out, []byte("runtime error")) &&
		(cmd.ProcessState.ExitCode() == 1 || bytes.Contains(out, []byte("panic: emulated: "))): // the interpreter's finding, outside of AgreeOn
		t.Logf("caught (%v): %v\n%s", took, m, out[:min(len(out), 400)])
		return false, nil
	}
	return false, fmt.Errorf("the tests end with %v:\n%s", err, out)
}

// tileTest is the subtest that runs a kernel of products: "gemm_nn_f16_tc_64x64" for gemm_f16_tc_nn_64x64.
func tileTest(entry string) string {
	for _, form := range []string{"_nn", "_nt", "_tn"} {
		if head, tail, is := strings.Cut(entry, form+"_"); is {
			return strings.Replace(head, "gemm", "gemm"+form, 1) + "_" + tail
		}
	}
	return entry
}
