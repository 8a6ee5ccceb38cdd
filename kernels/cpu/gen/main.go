//go:generate go run . -dir ../..

// Command gen writes the assembly of onestep/kernels/cpu and onestep/kernels/kernelstest.
//
//	go run . -dir ../..    writes below the kernels directory
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
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

func main() {
	dir := flag.String("dir", "../..", "the kernels directory")
	flag.Parse()
	for name, f := range files {
		asm, stubs := f.generate()
		for ext, text := range map[string][]byte{"_amd64.s": asm, "_amd64.go": stubs} {
			if err := os.WriteFile(filepath.Join(*dir, name+ext), text, 0o666); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
}

// file is one pair of generated files.
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
	"kernelstest/zpeak":   {"kernelstest", peakHeader, peaks},
}

func (f file) generate() (asmText, stubText []byte) {
	a := &asm{Context: build.NewContext()}
	a.ConstraintExpr("amd64,!purego")
	f.write(a)
	parsed, err := a.Result()
	check(err)
	check(pass.Compile.Execute(parsed))
	cfg := printer.Config{Name: "kernels/cpu/gen with avo", Pkg: f.pkg}
	asmText, err = printer.NewGoAsm(cfg).Print(parsed)
	check(err)
	stubText, err = printer.NewStubs(cfg).Print(parsed)
	check(err)
	stubText, err = format.Source(stubText)
	check(err)
	first, rest, _ := bytes.Cut(asmText, []byte("\n"))
	return bytes.Join([][]byte{first, []byte(strings.TrimRight(f.header, "\n")), rest}, []byte("\n")), stubText
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// asm is avo's context with what all the functions share.
type asm struct {
	*build.Context
	labels int
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
