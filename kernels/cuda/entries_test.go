package cuda

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"onestep/kernels/cuda/asm"
	"onestep/kernels/cuda/ptx"
)

var update = flag.Bool("update", false, "write testdata/entries.tsv")

const entriesFile = "testdata/entries.tsv"

// counted are the instructions that the table of kernels counts, by what their names begin with.
var counted = []string{"mma", "fma.rn.f32", "ldmatrix", "ld.shared", "st.shared", "ld.global", "st.global", "cp.async.c", "bar", "bra"}

// entryLine is a kernel in the table: its name, the SHA-256 of its text without comments and empty lines, its instructions and those that are counted.
func entryLine(k *Kernel) string {
	sum := sha256.New()
	for line := range strings.Lines(k.PTX().Text) {
		if text := strings.TrimSpace(line); text != "" && !strings.HasPrefix(text, "//") {
			sum.Write([]byte(line))
		}
	}
	read := readKernel(k)
	line := fmt.Sprintf("%s\t%x\t%d", k.Name, sum.Sum(nil), len(read.code))
	for _, name := range counted {
		n := 0
		for _, in := range read.code {
			if strings.HasPrefix(in.opcode, name) {
				n++
			}
		}
		line += fmt.Sprintf("\t%d", n)
	}
	return line
}

// TestEntries holds every kernel's text to testdata/entries.tsv. After a change that is meant: go test ./kernels/cuda -run TestEntries -update.
func TestEntries(t *testing.T) {
	got := []string{"kernel\tsha256\tinstructions\t" + strings.Join(counted, "\t")}
	for _, k := range Kernels() {
		got = append(got, entryLine(k))
	}
	if *update {
		if err := os.WriteFile(entriesFile, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(entriesFile)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if slices.Equal(got, want) {
		return
	}
	known := map[string]string{}
	for _, line := range want {
		name, _, _ := strings.Cut(line, "\t")
		known[name] = line
	}
	for _, line := range got {
		name, _, _ := strings.Cut(line, "\t")
		if known[name] != line {
			t.Errorf("%s is not what %s says; go run ./tools/ptx print shows it, -update writes the table\n  now %s\n  not %s", name, entriesFile, line, known[name])
		}
		delete(known, name)
	}
	t.Errorf("gone from the kernels, or in another order: %q", slices.Sorted(maps.Keys(known)))
}

// TestNames has no two kernels of one name.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kernels() {
		if seen[k.Name] {
			t.Errorf("there are two kernels %s", k.Name)
		}
		seen[k.Name] = true
	}
}

// TestPrinted prints every kernel as the parser understood it, and parses that: it is the same but for lines.
func TestPrinted(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it takes seconds")
	}
	for _, k := range Kernels() {
		m, err := ptx.Parse(k.Name, k.PTX().Text)
		if err != nil {
			t.Error(err)
			continue
		}
		again, err := ptx.Parse(k.Name, m.String())
		if err != nil {
			t.Errorf("%v\n%s", err, m)
			continue
		}
		for _, m := range []*ptx.Module{m, again} {
			f := m.Functions[0]
			f.Line = 0
			for _, v := range slices.Concat(m.Variables, f.Params, f.Variables) {
				v.Line = 0
			}
			for i := range f.Body {
				f.Body[i].Line = 0
			}
		}
		if len(m.Functions) != 1 || !reflect.DeepEqual(m, again) {
			t.Errorf("%s: printed and parsed, it differs:\n%s", k.Name, again)
		}
	}
}

// Unlisted lists the kernels that were launched though their family does not list them.
func Unlisted() (list []string) {
	for _, f := range families {
		for name, k := range f.known {
			if !slices.Contains(f.kernels(), k) {
				list = append(list, name)
			}
		}
	}
	return list
}

// probes are kernels of tests.
var probes = &family{name: "probe", about: "a test's"}

// Probe is a kernel of a test.
func Probe(name string, threads int, write func(k *asm.Kernel)) *Kernel {
	return probes.kernel(name, threads, write)
}

// TestKernelOnce writes a kernel when it is first asked for, once, whoever asks.
func TestKernelOnce(t *testing.T) {
	f, written := &family{name: "once"}, 0
	kernel := func() *Kernel {
		return f.kernel("k", 32, func(k *asm.Kernel) { written++; k.Ptr("x"); k.I32("n"); k.DynamicBytes(64) })
	}
	first := kernel()
	if written != 0 {
		t.Error("it is written before it is asked for")
	}
	ptx := kernel().PTX()
	if first.PTX().Text != ptx.Text || written != 1 || kernel() != first {
		t.Errorf("it was written %d times", written)
	}
	if !slices.Equal(ptx.Params, []int{8, 4}) || ptx.Threads != 32 || ptx.Dynamic != 64 {
		t.Errorf("parameters of %v bytes, %d threads, %d bytes of shared memory", ptx.Params, ptx.Threads, ptx.Dynamic)
	}
}
