package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"onestep/tensor"
	"onestep/tensor/format"
)

const shortHash = 16 // digits of a tensor's SHA-256 that are shown

// list prints what a file holds. The hash at the end is a [tensor.Listing]: the same for the same tensors in any order and format.
func list(out io.Writer, f *format.File) error {
	w := bufio.NewWriter(out)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	numbers, size := 0, 0
	digest := tensor.NewDigest(tensor.Listing)
	for _, name := range f.Order {
		e, _ := f.Entry(name)
		hash := digest.Add(tensor.Named{Name: name, DType: e.DType, Shape: e.Shape, Data: e.Data})
		shape := strings.ReplaceAll(strings.Trim(fmt.Sprint(e.Shape), "[]"), " ", "x")
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", plain(name), e.DType, shape, hash[:shortHash])
		numbers, size = numbers+e.Len(), size+len(e.Data)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(f.Scalars)) {
		fmt.Fprintf(w, "%s = %s\n", plain(path), plain(fmt.Sprint(f.Scalars[path])))
	}
	for _, key := range slices.Sorted(maps.Keys(f.Metadata)) {
		fmt.Fprintf(w, "metadata %s: %s\n", plain(key), plain(f.Metadata[key]))
	}
	fmt.Fprintf(w, "%s: %s, %d tensors, %d numbers, %d bytes, SHA-256 %s\n", f.Path, f.Format, len(f.Order), numbers, size, digest.Sum())
	return w.Flush()
}

// plain is a text of a file, quoted if it has what a terminal would not show as letters.
func plain(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
