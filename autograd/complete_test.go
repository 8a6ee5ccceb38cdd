package autograd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

// constants are the exported functions whose result passes no gradient to the image x, a parameter: the test holds them to that.
var constants = map[string]func(x *Var) *Var{
	"Const":    func(x *Var) *Var { return autograd.Const(x.Value) },
	"StopGrad": autograd.StopGrad,
	"Normal": func(x *Var) *Var {
		return autograd.Normal(x.Device(), tensor.Random{}, tensor.Noise, new(int), 0, 1, x.Shape()...)
	},
	"FirstChannels": func(x *Var) *Var { return autograd.FirstChannels(x, 2) },
}

// TestGradientsComplete finds the exported functions and methods of the package that return a *Var in its source. Each must have run in a case
// of TestGradients that a gradient passed through, unless it is among the constants.
func TestGradientsComplete(t *testing.T) {
	passed := map[string]bool{}
	for _, c := range gradients {
		c.passes(t, passed)
	}
	found := slices.DeleteFunc(exported(t), func(name string) bool { return name == "Param" }) // which makes what gathers a gradient
	for _, name := range found {
		if constants[name] == nil && !passed[name] {
			t.Errorf("no case of TestGradients has a gradient that passes through %s: add one to the test file of the operation", name)
		}
	}
	d := device(t, kernels.Generic)
	for name, f := range constants {
		if !slices.Contains(found, name) {
			t.Errorf("there is no exported function %s", name)
		}
		if f(autograd.Param(d.FromFloat32(make([]float32, 24), 1, 2, 4, 3))).NeedsGrad() {
			t.Errorf("a gradient passes through %s: it needs a case of TestGradients", name)
		}
	}
}

// passes adds the functions of package autograd, exported or not, that made a result in the case whose gradient arrived.
func (c gradient) passes(t *testing.T, passed map[string]bool) {
	const prefix = "onestep/autograd."
	made := map[*tensor.Tensor][]string{}
	see := func(o tensor.Operation) {
		switch o.At {
		case nil: // forward: the operation, and those that called it, are running
			var pcs [64]uintptr
			frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
			for more := true; more; {
				var f runtime.Frame
				if f, more = frames.Next(); strings.HasPrefix(f.Function, prefix) {
					made[o.Result] = append(made[o.Result], strings.TrimPrefix(f.Function, prefix))
				}
			}
		case o.Result:
			for _, name := range made[o.Result] {
				passed[name] = true
			}
		}
	}
	d := device(t, kernels.Generic)
	xs := c.draw(rand.New(rand.NewPCG(1, 2)))
	d.Observe(see, func() {
		y := c.f(c.vars(d, xs, autograd.Param))
		autograd.Backward(y, d.FromFloat32(make([]float32, y.Len()), y.Shape()...))
	})
}

// exported lists the exported functions and methods of exported types that return a *Var, as the runtime calls them.
func exported(t *testing.T) (names []string) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range source.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.IsExported() && returnsVar(f) {
				names = append(names, receiver(f)+f.Name.Name)
			}
		}
	}
	if len(names) < 20 {
		t.Fatalf("found only %v", names)
	}
	return names
}

// returnsVar tells whether a function has a *Var among its results.
func returnsVar(f *ast.FuncDecl) bool {
	return f.Type.Results != nil && slices.ContainsFunc(f.Type.Results.List, func(r *ast.Field) bool {
		p, ok := r.Type.(*ast.StarExpr)
		if !ok {
			return false
		}
		id, ok := p.X.(*ast.Ident)
		return ok && id.Name == "Var"
	})
}

// receiver is "(*T)." or "T." of a method, and empty of a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	switch r := f.Recv.List[0].Type.(type) {
	case *ast.StarExpr:
		return "(*" + r.X.(*ast.Ident).Name + ")."
	case *ast.Ident:
		return r.Name + "."
	}
	return ""
}
