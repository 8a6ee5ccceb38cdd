package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"onestep/tensor/format"
)

const shortHash = 16 // digits of a tensor's SHA-256 that are shown

// list prints what a file holds. The hash at the end is of lines like those of the tensors, sorted, with single spaces and whole hashes: the same for
// the same tensors in any order and format.
func list(out io.Writer, f *format.File) error {
	w := bufio.NewWriter(out)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	numbers, size := 0, 0
	var lines []string
	for _, name := range f.Order {
		e, _ := f.Entry(name)
		hash := fmt.Sprintf("%x", sha256.Sum256(e.Data))
		shape := strings.Join(strings.Fields(strings.Trim(fmt.Sprint(e.Shape), "[]")), "x")
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", plain(name), e.DType, shape, hash[:shortHash])
		lines = append(lines, fmt.Sprintf("%s %s %s %s\n", name, e.DType, shape, hash))
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
	slices.Sort(lines)
	fmt.Fprintf(w, "%s: %s, %d tensors, %d numbers, %d bytes, SHA-256 %x\n", f.Path, f.Format, len(lines), numbers, size,
		sha256.Sum256([]byte(strings.Join(lines, ""))))
	return w.Flush()
}

// plain is a text of a file, quoted if it has what a terminal would not show as letters.
func plain(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
