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

	"onestep/kernels/cuda"
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
	kernel           string
	threads, dynamic int // of a block: the most, and the bytes of dynamic shared memory that it is launched with
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

// rows assembles kernels for both architectures.
func (a assembler) rows(kernels []*cuda.Kernel) ([]row, error) {
	var files []string
	for _, k := range kernels {
		file := filepath.Join(a.dir, k.Name+".ptx")
		if err := os.WriteFile(file, []byte(k.PTX().Text), 0o644); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	cubin := filepath.Join(a.dir, "k.cubin")
	sm90, err := a.assemble(files, "sm_90", cubin)
	if err != nil {
		return nil, err
	}
	sm80, err := a.assemble(files, "sm_80", cubin)
	if err != nil {
		return nil, err
	}
	loops, err := a.loops(cubin)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, k := range kernels {
		for arch, used := range map[string]map[string]usage{"sm_80": sm80, "sm_90": sm90} {
			if _, is := used[k.Name]; !is {
				return nil, fmt.Errorf("%s says nothing of %s for %s", a.ptxas, k.Name, arch)
			}
		}
		ptx := k.PTX()
		rows = append(rows, row{kernel: k.Name, threads: ptx.Threads, dynamic: ptx.Dynamic, sm80: sm80[k.Name], sm90: sm90[k.Name], loop: loops[k.Name]})
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.kernel, b.kernel) })
	return rows, nil
}

var (
	entryLine = regexp.MustCompile(`Compiling entry function '(\w+)'`)
	frameLine = regexp.MustCompile(`(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads`)
	usedLine  = regexp.MustCompile(`Used (\d+) registers`)
	smemLine  = regexp.MustCompile(`(\d+) bytes smem`)
)

// assemble makes one file of machine code of files of PTX.
func (a assembler) assemble(files []string, arch, cubin string) (map[string]usage, error) {
	out, err := exec.Command(a.ptxas, append([]string{"-arch=" + arch, "-v", "-o", cubin}, files...)...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", a.ptxas, err, out)
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
	return kernels, nil
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
