package bench

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed sass/kernels.tsv
var sassTable string

// Registers is how many registers a thread of each kernel has, as NVIDIA's assembler says (bench/sass), by architecture ("sm_80") and kernel.
func Registers() (map[string]map[string]int, error) {
	lines := strings.Split(strings.TrimSpace(sassTable), "\n")
	by := map[string]map[string]int{}
	for column, name := range strings.Split(lines[0], "\t") {
		arch, is := strings.CutPrefix(name, "registers.")
		if !is {
			continue
		}
		by[arch] = map[string]int{}
		for i, line := range lines[1:] {
			cells := strings.Split(line, "\t")
			if column >= len(cells) {
				return nil, fmt.Errorf("sass/kernels.tsv:%d: %d columns", i+2, len(cells))
			}
			n, err := strconv.Atoi(cells[column])
			if err != nil {
				return nil, fmt.Errorf("sass/kernels.tsv:%d: %w", i+2, err)
			}
			by[arch][cells[0]] = n
		}
	}
	return by, nil
}
