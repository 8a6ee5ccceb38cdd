package kernels

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestOperations finds every operation that this package declares: it is on the list, its name is its own, and kernelstest draws arguments for it.
func TestOperations(t *testing.T) {
	listed := map[string]bool{}
	for _, op := range Operations() {
		if listed[op.String()] {
			t.Errorf("two operations are called %v", op)
		}
		listed[op.String()] = true
	}
	drawn := map[string]bool{}
	eachDecl(t, "kernelstest/*.go", func(d ast.Decl) {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
			drawn[f.Name.Name] = true
		}
	})
	declared := 0
	eachDecl(t, "*.go", func(d ast.Decl) {
		vars, ok := d.(*ast.GenDecl)
		if !ok || vars.Tok != token.VAR {
			return
		}
		for _, spec := range vars.Specs {
			v := spec.(*ast.ValueSpec)
			for i, value := range v.Values {
				name := opName(value)
				if name == "" {
					continue
				}
				declared++
				if !listed[name] {
					t.Errorf("%s is not on the list of operations: is it made by define?", v.Names[i].Name)
				}
				if !drawn[v.Names[i].Name] {
					t.Errorf("kernelstest has no %s, to draw its arguments", v.Names[i].Name)
				}
			}
		}
	})
	if declared != len(listed) {
		t.Errorf("%d operations are declared, the list has %d", declared, len(listed))
	}
}

// opName is the Name in Op[…]{Name: …}, whatever is made of it, or "".
func opName(value ast.Expr) (name string) {
	ast.Inspect(value, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		generic, ok := literal.Type.(*ast.IndexExpr)
		if !ok {
			return true
		}
		if id, ok := generic.X.(*ast.Ident); !ok || id.Name != "Op" {
			return true
		}
		for _, e := range literal.Elts {
			field := e.(*ast.KeyValueExpr)
			if key := field.Key.(*ast.Ident); key.Name == "Name" {
				name = strings.Trim(field.Value.(*ast.BasicLit).Value, `"`)
			}
		}
		return false
	})
	return name
}

// eachDecl parses files, tests left out, and calls f for all declarations.
func eachDecl(t *testing.T, pattern string, f func(ast.Decl)) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f(d)
		}
	}
}
