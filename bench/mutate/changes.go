package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// source is a Go file that changes are made to.
type source struct {
	path string // absolute
	name string // as reports have it
	text string
}

// change replaces one passage in a function.
type change struct {
	id         int
	file       *source
	line       int
	function   *function
	kind       string
	start, end int // of the passage, bytes from the file's beginning
	after      string
}

// function is one whose faulty copies may be planted.
type function struct {
	body       *ast.BlockStmt
	start, end int    // of the body, with its braces
	results    string // "(n int, err error)", with a space before; or ""
	apart      bool   // results have names, or there are labels: a copy of the body is a function of its own
}

func (c *change) before() string { return c.file.text[c.start:c.end] }

// String is the fault's place and what is done there.
func (c *change) String() string {
	text := fmt.Sprintf("%s:%d: %s: %s", c.file.name, c.line, c.kind, short(c.before()))
	if c.after == "" {
		return text
	}
	return text + " → " + short(c.after)
}

// key is what the list of equivalent changes knows a fault by: its file, the line of code, the passage and what takes its place.
func (c *change) key() string {
	first := strings.LastIndexByte(c.file.text[:c.start], '\n') + 1
	line, _, _ := strings.Cut(c.file.text[first:], "\n")
	return strings.Join([]string{c.file.name, strings.TrimSpace(line), short(c.before()), short(c.after)}, "\t")
}

var spaces = regexp.MustCompile(`\s+`)

// short is a passage in one line.
func short(text string) string {
	text = spaces.ReplaceAllString(text, " ")
	if r := []rune(text); len(r) > 70 {
		return string(r[:70]) + "…"
	}
	return text
}

// changesIn lists all changes to the files of a package, in the order of the text.
func changesIn(p *pkg) (list []*change, err error) {
	for _, name := range p.GoFiles {
		path := filepath.Join(p.Dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		cs, err := changesOf(&source{path: path, name: p.name(name), text: string(b)})
		if err != nil {
			return nil, err
		}
		list = append(list, cs...)
	}
	return list, nil
}

func changesOf(src *source) ([]*change, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, src.path, src.text, parser.SkipObjectResolution|parser.ParseComments)
	if err != nil || ast.IsGenerated(file) {
		return nil, err
	}
	f := finder{src: src, files: files}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil && d.Name.Name != "String" && d.Name.Name != "Error" {
				f.function(d.Type, d.Body)
			}
		case *ast.GenDecl: // a variable may hold a function
			ast.Inspect(d, func(n ast.Node) bool {
				lit, is := n.(*ast.FuncLit)
				if is {
					f.function(lit.Type, lit.Body)
				}
				return !is
			})
		}
	}
	return f.list, nil
}

type finder struct {
	src    *source
	files  *token.FileSet
	within *function
	types  []*ast.FuncType // of the functions around, the innermost last
	list   []*change

	failing *ast.ReturnStmt // of the error that was just looked at
}

func (f *finder) offset(p token.Pos) int { return f.files.Position(p).Offset }

func (f *finder) text(n ast.Node) string { return f.src.text[f.offset(n.Pos()):f.offset(n.End())] }

func (f *finder) add(kind string, start, end token.Pos, after string) {
	f.list = append(f.list, &change{file: f.src, line: f.files.Position(start).Line, function: f.within, kind: kind,
		start: f.offset(start), end: f.offset(end), after: after})
}

func (f *finder) replace(kind string, n ast.Node, after string) { f.add(kind, n.Pos(), n.End(), after) }

func (f *finder) function(t *ast.FuncType, body *ast.BlockStmt) {
	f.within = &function{body: body, start: f.offset(body.Pos()), end: f.offset(body.End())}
	if t.Results != nil {
		f.within.results = " " + f.text(t.Results)
		f.within.apart = len(t.Results.List) > 0 && t.Results.List[0].Names != nil
	}
	ast.Inspect(body, func(n ast.Node) bool {
		_, label := n.(*ast.LabeledStmt)
		f.within.apart = f.within.apart || label
		return true
	})
	f.walk(t, body)
}

func (f *finder) walk(t *ast.FuncType, body ast.Node) {
	f.types = append(f.types, t)
	ast.Inspect(body, f.visit)
	f.types = f.types[:len(f.types)-1]
}

var (
	negated  = map[token.Token]string{token.EQL: "!=", token.NEQ: "==", token.LSS: ">=", token.LEQ: ">", token.GTR: "<=", token.GEQ: "<"}
	boundary = map[token.Token]string{token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">"}
	swapped  = map[token.Token]string{token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*", token.REM: "*", token.AND: "|", token.OR: "&",
		token.SHL: ">>", token.SHR: "<<", token.LAND: "||", token.LOR: "&&", token.ADD_ASSIGN: "-=", token.SUB_ASSIGN: "+=", token.MUL_ASSIGN: "/=",
		token.QUO_ASSIGN: "*=", token.OR_ASSIGN: "&=", token.AND_ASSIGN: "|=", token.INC: "--", token.DEC: "++"}
	// messages are functions whose arguments only people read, and which may be left out.
	messages = regexp.MustCompile(`^(panic|check|fmt\.(Errorf|F?[pP]rint(f|ln)?)|errors\.New|log\..*)$`)
	// failures are variables that hold errors, of the package's own.
	failures = regexp.MustCompile(`^(\w+\.)?[eE]rr[A-Z]\w*$`)
	zeros    = regexp.MustCompile(`^(0|nil|""|.*\{\})$`)
)

// operator changes what stands between or after operands.
func (f *finder) operator(kind string, at token.Pos, op token.Token, to map[token.Token]string) {
	if s, is := to[op]; is {
		f.add(kind, at, at+token.Pos(len(op.String())), s)
	}
}

// visit adds the changes to a node, and says whether to go into it.
func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.FuncLit:
		f.walk(n.Type, n.Body)
		return false
	case *ast.CallExpr:
		if fun := f.text(n.Fun); fun == "make" && len(n.Args) == 3 { // its capacity changes nothing
			ast.Inspect(n.Args[1], f.visit)
			return false
		} else if messages.MatchString(fun) {
			return false
		}
	case *ast.BinaryExpr:
		f.operator("comparison negated", n.OpPos, n.Op, negated)
		f.operator("boundary moved", n.OpPos, n.Op, boundary)
		f.operator("operator swapped", n.OpPos, n.Op, swapped)
	case *ast.UnaryExpr:
		if n.Op == token.NOT || n.Op == token.SUB {
			f.add("operator left out", n.OpPos, n.X.Pos(), "")
		}
	case *ast.IfStmt:
		f.condition(n.Cond)
		if last := n.Body.List; len(last) > 0 && f.text(n.Cond) == "err != nil" {
			if r, is := last[len(last)-1].(*ast.ReturnStmt); is {
				f.failing = r
			}
		}
	case *ast.BasicLit:
		f.number(n)
	case *ast.Ident:
		if n.Name == "true" || n.Name == "false" {
			f.replace("boolean changed", n, strconv.FormatBool(n.Name == "false"))
		}
	case *ast.BranchStmt:
		if n.Tok == token.CONTINUE || n.Tok == token.BREAK {
			f.replace("branch left out", n, "{}")
		}
	case *ast.ReturnStmt:
		return f.results(n)
	case *ast.IncDecStmt:
		f.operator("operator swapped", n.TokPos, n.Tok, swapped)
		f.replace("statement left out", n, "")
	case *ast.AssignStmt:
		f.operator("operator swapped", n.TokPos, n.Tok, swapped)
		if n.Tok == token.ASSIGN && f.text(n.Lhs[0]) != "_" {
			f.add("assignment left out", n.Pos(), n.Lhs[len(n.Lhs)-1].End(), strings.TrimSuffix(strings.Repeat("_, ", len(n.Lhs)), ", "))
		} else if n.Tok != token.ASSIGN && n.Tok != token.DEFINE {
			f.replace("statement left out", n, "")
		}
	case *ast.ExprStmt:
		if call, is := n.X.(*ast.CallExpr); is && (!messages.MatchString(f.text(call.Fun)) || f.text(call.Fun) == "check") {
			f.replace("statement left out", n, "")
		}
	case *ast.DeferStmt, *ast.SendStmt:
		f.replace("statement left out", n, "")
	}
	return true
}

// condition changes that of an if. A comparison is negated by its operator; where an error is looked at, it may not be.
func (f *finder) condition(cond ast.Expr) {
	b, binary := cond.(*ast.BinaryExpr)
	switch {
	case binary && b.Op == token.NEQ && f.text(b.Y) == "nil":
		f.replace("check left out", cond, "false && "+f.text(cond))
	case !binary:
		f.replace("condition negated", cond, "!("+f.text(cond)+")")
	}
}

// number makes a literal one more or less; modes of files are octal and stay.
func (f *finder) number(n *ast.BasicLit) {
	if n.Kind != token.INT && n.Kind != token.FLOAT || strings.HasPrefix(n.Value, "0o") {
		return
	}
	f.replace("number changed", n, "("+n.Value+" + 1)")
	f.replace("number changed", n, "("+n.Value+" - 1)")
}

// results changes each result of a return to the zero of its type, and the truth of a boolean, and says whether to go into them: beside an error the
// others mean nothing.
func (f *finder) results(r *ast.ReturnStmt) bool {
	var types []ast.Expr
	if list := f.types[len(f.types)-1].Results; list != nil {
		for _, field := range list.List {
			for range max(1, len(field.Names)) {
				types = append(types, field.Type)
			}
		}
	}
	if len(types) != len(r.Results) || len(types) == 0 {
		return true
	}
	last := r.Results[len(types)-1]
	call, calls := last.(*ast.CallExpr)
	fails := r == f.failing || calls && messages.MatchString(f.text(call.Fun)) || failures.MatchString(f.text(last))
	for i, x := range r.Results {
		switch t := f.text(types[i]); {
		case fails && x != last:
		case t == "bool" && f.text(x) != "true" && f.text(x) != "false":
			f.replace("result changed", x, "!("+f.text(x)+")")
		case t != "bool" && !zeros.MatchString(f.text(x)):
			f.replace("result zeroed", x, "*new("+t+")")
		}
	}
	return !fails
}
