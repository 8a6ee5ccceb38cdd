package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"onestep/kernels/cuda/chip"
)

// assembler runs ptxas and nvdisasm; intermediate files go to dir.
type assembler struct{ ptxas, nvdisasm, dir string }

// usage is what ptxas -v says of a kernel.
type usage struct {
	registers, shared    int // static shared memory
	stack, stores, loads int // bytes of local memory
}

// row is one kernel.
type row struct {
	file, kernel     string
	threads, dynamic int // .maxntid, and the bytes of dynamic shared memory that the file says it is launched with
	sm80, sm90       usage
	loop             loop
}

const header = "kernel\tthreads\tshared\tregisters.sm_80\tblocks.A100\twarps.A100\tlimit.A100\tregisters.sm_90\tblocks.H100\twarps.H100\tlimit.H100\tmain loop on sm_80\n"

func (r row) String() string {
	shared := r.sm80.shared + r.dynamic
	a := chip.A100.Occupancy(r.threads, r.sm80.registers, shared)
	h := chip.H100.Occupancy(r.threads, r.sm90.registers, r.sm90.shared+r.dynamic)
	return fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d\t%s\t%d\t%d\t%d\t%s\t%s\n", r.kernel, r.threads, shared,
		r.sm80.registers, a.Blocks, a.Warps, a.Limit, r.sm90.registers, h.Blocks, h.Warps, h.Limit, r.loop.describe())
}

func (r row) spills() bool {
	local := func(u usage) bool { return u.stack+u.stores+u.loads > 0 }
	return local(r.sm80) || local(r.sm90) || r.loop.local > 0
}

// rows assembles one file for both architectures.
func (a assembler) rows(file string) ([]row, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	cubin := filepath.Join(a.dir, "k.cubin")
	sm90, err := a.assemble(file, "sm_90", cubin)
	if err != nil {
		return nil, err
	}
	sm80, err := a.assemble(file, "sm_80", cubin)
	if err != nil {
		return nil, err
	}
	loops, err := a.loops(cubin)
	if err != nil {
		return nil, err
	}
	var rows []row
	for name, u := range sm80 {
		r := row{file: file, kernel: name, sm80: u, sm90: sm90[name], loop: loops[name]}
		if r.threads, r.dynamic, err = declared(string(text), name); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.kernel, b.kernel) })
	return rows, nil
}

// declared finds a kernel's .maxntid, and its dynamic shared memory in the comment that stands before it.
func declared(text, kernel string) (threads, dynamic int, err error) {
	m := regexp.MustCompile(`(?s)(// dynamic shared memory: (\d+) bytes\n)?\.visible \.entry ` + regexp.QuoteMeta(kernel) + `\(.*?\)\n\.maxntid (\d+), 1, 1`).FindStringSubmatch(text)
	if m == nil {
		return 0, 0, fmt.Errorf("%s has no .maxntid of one dimension", kernel)
	}
	dynamic, _ = strconv.Atoi(m[2])
	threads, _ = strconv.Atoi(m[3])
	return threads, dynamic, nil
}

var (
	entryLine = regexp.MustCompile(`Compiling entry function '(\w+)'`)
	frameLine = regexp.MustCompile(`(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads`)
	usedLine  = regexp.MustCompile(`Used (\d+) registers`)
	smemLine  = regexp.MustCompile(`(\d+) bytes smem`)
)

func (a assembler) assemble(file, arch, cubin string) (map[string]usage, error) {
	out, err := exec.Command(a.ptxas, "-arch="+arch, "-v", file, "-o", cubin).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", a.ptxas, file, err, out)
	}
	kernels := map[string]usage{}
	name := ""
	for _, line := range strings.Split(string(out), "\n") {
		if m := entryLine.FindStringSubmatch(line); m != nil {
			name = m[1]
		}
		u := kernels[name]
		if m := frameLine.FindStringSubmatch(line); m != nil {
			u.stack, u.stores, u.loads = number(m[1]), number(m[2]), number(m[3])
		}
		if m := usedLine.FindStringSubmatch(line); m != nil {
			u.registers = number(m[1])
		}
		if m := smemLine.FindStringSubmatch(line); m != nil {
			u.shared = number(m[1])
		}
		if name != "" {
			kernels[name] = u
		}
	}
	if len(kernels) == 0 {
		return nil, fmt.Errorf("%s said of no kernel in %s what it uses", a.ptxas, file)
	}
	return kernels, nil
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
