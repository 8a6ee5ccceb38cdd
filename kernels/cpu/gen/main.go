//go:generate go run . -dir ../..

// Command gen writes the assembly of onestep/kernels/cpu and onestep/kernels/kernelstest.
//
//	go run . -dir ../..    writes below the kernels directory
//
// Every instruction is a method of [asm], avo's context, and registers and operands are avo's by their bare names, so that a line reads as
// assembly does. The matrix kernels (tile, copy, transpose, epilogue, taps) name their registers, since their plan of registers is what
// makes them fast; the kernels of zvec (flat, columns, pixels), many and simple, are written once for both widths of vectors with [vec], and
// avo finds them registers.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	dir := flag.String("dir", "../..", "the kernels directory")
	flag.Parse()
	for name, f := range files {
		for ext, text := range f.generate() {
			if err := os.WriteFile(filepath.Join(*dir, name+ext), text, 0o666); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
}

// file is one assembly file and the Go files that go with it.
type file struct {
	pkg    string
	header string // the hand-written comment
	write  func(*asm)
}

var files = map[string]file{
	"cpu/zgemm_tile":      {"cpu", tileHeader, tiles},
	"cpu/zpack_copy":      {"cpu", copyHeader, copies},
	"cpu/zpack_transpose": {"cpu", transposeHeader, transposes},
	"cpu/zgemm_epilogue":  {"cpu", epilogueHeader, epilogues},
	"cpu/zconv2d_taps":    {"cpu", tapsHeader, taps},
	"cpu/zvec":            {"cpu", vecHeader, vectors},
	"kernelstest/zpeak":   {"kernelstest", peakHeader, peaks},
}

// generatedBy opens every file.
const generatedBy = "kernels/cpu/gen with avo"

// generate makes the texts of the files, by what their names end with.
func (f file) generate() map[string][]byte {
	a := &asm{Context: build.NewContext(), tables: map[string]Mem{}}
	a.ConstraintExpr("amd64,!purego")
	f.write(a)
	parsed, err := a.Result()
	check(err)
	check(pass.Compile.Execute(parsed))
	cfg := printer.Config{Name: generatedBy, Pkg: f.pkg}
	asmText, err := printer.NewGoAsm(cfg).Print(parsed)
	check(err)
	stubText, err := printer.NewStubs(cfg).Print(parsed)
	check(err)
	first, rest, _ := bytes.Cut(asmText, []byte("\n"))
	texts := map[string][]byte{
		"_amd64.s":  bytes.Join([][]byte{first, []byte(strings.TrimRight(f.header, "\n")), rest}, []byte("\n")),
		"_amd64.go": formatted(stubText),
	}
	if a.wrappers.Len() > 0 {
		texts["_width_amd64.go"] = formatted([]byte(wrapperHead + a.wrappers.String()))
	}
	return texts
}

func formatted(source []byte) []byte {
	text, err := format.Source(source)
	check(err)
	return text
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// asm is avo's context with what all the functions share.
type asm struct {
	*build.Context
	labels   int
	tables   map[string]Mem
	wrappers strings.Builder // Go functions that choose between the widths of vectors
}

// function starts an assembly function.
func (a *asm) function(name, signature string, doc ...string) {
	a.Function(name)
	a.Attributes(attr.NOSPLIT)
	a.Pragma("noescape")
	a.SignatureExpr(signature)
	a.Doc(doc...)
}

// label makes a name for a jump target that is unique in the file.
func (a *asm) label(name string) string {
	a.labels++
	return fmt.Sprintf("%s%d", name, a.labels)
}

// table is 16 words in read-only memory, made when it is first asked for.
func (a *asm) table(name string, word func(i int) uint32) Mem {
	m, ok := a.tables[name]
	if !ok {
		m = a.StaticGlobal(name)
		a.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range 16 {
			a.AddDatum(4*i, U32(word(i)))
		}
		a.tables[name] = m
	}
	return m
}
