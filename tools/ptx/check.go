package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"onestep/kernels/cuda/ptx"
)

// check parses files, and prints a line for each of their kernels.
func check(_ context.Context, f *flags, out io.Writer) error {
	wrong := 0
	for _, name := range f.files {
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		m, err := ptx.Parse(name, string(src))
		if err != nil {
			fmt.Fprintln(out, err)
			wrong++
			continue
		}
		for _, k := range m.Functions {
			if k.Kernel {
				fmt.Fprintf(out, "%s: %s\n", name, describe(m, k))
			}
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d files are refused", wrong, len(f.files))
	}
	return nil
}

// describe is what a kernel declares. Registers are virtual: the assembler has its own.
func describe(m *ptx.Module, k *ptx.Function) string {
	registers := map[ptx.Type]int{}
	for _, r := range k.Registers {
		registers[r.Type]++
	}
	text := fmt.Sprintf("%s: %d instructions, %d bytes of %d parameters, registers", k.Name, len(k.Body), k.ParamSize, len(k.Params))
	for _, t := range sorted(registers) {
		text += fmt.Sprintf(" %d %v", registers[t], t)
	}
	bytes := map[ptx.Space]int{}
	for _, v := range slices.Concat(m.Variables, k.Variables) {
		bytes[v.Space] += v.Size
	}
	for _, s := range []ptx.Space{ptx.Shared, ptx.Local, ptx.Const, ptx.Global} {
		if bytes[s] > 0 {
			text += fmt.Sprintf(", %d bytes of %v", bytes[s], s)
		}
	}
	return text
}

func sorted(m map[ptx.Type]int) (types []ptx.Type) {
	for t := range m {
		types = append(types, t)
	}
	slices.Sort(types)
	return types
}
