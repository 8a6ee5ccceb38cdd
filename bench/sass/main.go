package main

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onestep/kernels/cuda"
)

const tablePath = "bench/sass/kernels.tsv"

type paths []string

func (p *paths) String() string     { return strings.Join(*p, " ") }
func (p *paths) Set(s string) error { *p = append(*p, s); return nil }

func main() {
	ptxas := flag.String("ptxas", "ptxas", "NVIDIA's assembler `FILE`")
	nvdisasm := flag.String("nvdisasm", "nvdisasm", "NVIDIA's disassembler `FILE`")
	write := flag.Bool("write", false, "replace the committed table")
	var cubins paths
	flag.Var(&cubins, "cubin", "also show the main loops of this machine code `FILE`")
	flag.Parse()
	if err := run(*ptxas, *nvdisasm, *write, cubins); err != nil {
		fmt.Fprintln(os.Stderr, "sass:", err)
		os.Exit(1)
	}
}

func run(ptxas, nvdisasm string, write bool, cubins []string) error {
	dir, err := os.MkdirTemp("", "sass")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	a := assembler{ptxas: ptxas, nvdisasm: nvdisasm, dir: dir}
	var rows []row
	kernels := map[string][]*cuda.Kernel{}
	for _, k := range cuda.Kernels() {
		kernels[k.Family] = append(kernels[k.Family], k)
	}
	for _, family := range slices.Sorted(maps.Keys(kernels)) {
		rs, err := a.rows(kernels[family])
		if err != nil {
			return err
		}
		rows = append(rows, rs...)
	}
	for _, r := range rows {
		if r.spills() {
			return fmt.Errorf("%s uses local memory: %d bytes of stack, %d stored and %d loaded by spills on sm_80; %d, %d, %d on sm_90",
				r.kernel, r.sm80.stack, r.sm80.stores, r.sm80.loads, r.sm90.stack, r.sm90.stores, r.sm90.loads)
		}
	}
	var table bytes.Buffer
	table.WriteString(header)
	for _, r := range rows {
		table.WriteString(r.String())
	}
	for _, cubin := range cubins {
		loops, err := a.loops(cubin)
		if err != nil {
			return err
		}
		for _, kernel := range slices.Sorted(maps.Keys(loops)) {
			fmt.Printf("%s: %s: %s\n", filepath.Base(cubin), kernel, loops[kernel].describe())
		}
	}
	if write {
		return os.WriteFile(tablePath, table.Bytes(), 0o644)
	}
	return compare(table.String())
}

// compare fails with the first lines in which the table differs from the committed one.
func compare(got string) error {
	committed, err := os.ReadFile(tablePath)
	if err != nil {
		return err
	}
	if got == string(committed) {
		fmt.Printf("%d kernels, as in %s\n", strings.Count(got, "\n")-1, tablePath)
		return nil
	}
	known := map[string]bool{}
	for _, line := range strings.Split(string(committed), "\n") {
		known[line] = true
	}
	for _, line := range strings.Split(got, "\n") {
		if !known[line] {
			fmt.Println("+", line)
		}
		delete(known, line)
	}
	for _, line := range slices.Sorted(maps.Keys(known)) {
		fmt.Println("-", line)
	}
	return fmt.Errorf("%s is not what the assembler says now; if the change is meant, run with --write", tablePath)
}
