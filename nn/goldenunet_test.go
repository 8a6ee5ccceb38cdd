package nn_test

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/kernels/kernelstest"
	"onestep/nn"
	"onestep/nn/golden"
	"onestep/nn/golden/nets"
	"onestep/tensor"
)

// The bounds of testdata's README: some times the distance of the reference in float32 from the same in float64.
const (
	boundOp       = 5e-6
	boundOpGrad   = 1e-5
	boundNet      = 1e-5 // outputs and the gradient at the image
	boundNetGrad  = 5e-5 // at each parameter
	boundFull     = 2e-5
	boundFullGrad = 5e-5 // length of the gradient at each parameter
	boundFullDot  = 1e-4 // its product with a hash tensor, in units of its length
	boundD        = 1e-5
)

// tinyNetwork is the form of files with the output and gradients of a whole tiny network.
const tinyNetwork = "in.noise_labels out.y"

// TestGoldenUNet compares whole tiny networks: output, every entry's output, the gradient at the image and at every parameter.
func TestGoldenUNet(t *testing.T) {
	golden.Each(t, tinyNetwork, func(t *testing.T, g *golden.File) {
		golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
			golden.SkipEmulated(t, d)
			u := nets.UNet(t, d, g, "")
			checkStateDict(t, g, u.Params)
			checkUNet(t, d, g, u)
		})
	})
}

// checkUNet compares a network with what the reference made of the same inputs.
func checkUNet(t *testing.T, d *tensor.Device, g *golden.File, u *nn.UNet) {
	t.Helper()
	c := golden.NewCheck(t)
	u.Trace(traceAgainst(c, g, u))
	x := autograd.Param(g.Tensor(d, "in.x"))
	y := u.Forward(x, unetInputs(g, d))
	out := nchw(y.Value)
	golden.Rel(c, "out", "y", out, g.F32("out.y"), boundNet)
	if g.Has("out.y_f64") {
		golden.Rel(c, "out", "y_f64", out, g.F64("out.y_f64"), boundNet)
	}
	if !g.Has("in.r") {
		return
	}
	r := g.F32("in.r")
	if g.Has("loss") {
		// The loss is a sum of products: it may be off by the output's error times the length of r.
		bound := boundNet * golden.L2(out) * golden.L2(r)
		golden.Abs(c, "loss", "loss", []float64{golden.Dot(out, r)}, g.F64("loss"), bound)
	}
	autograd.Backward(y, g.Tensor(d, "in.r"))
	golden.Rel(c, "grad.x", "grad.x", nchw(x.Grad), g.F32("grad.x"), boundNet)
	checkGradients(t, c, g, u.Params, boundNetGrad)
}

// TestGoldenAugmentedUNet compares networks that are told classes and augmentations; the files in testdata are our own, see the README there.
func TestGoldenAugmentedUNet(t *testing.T) {
	paths, err := filepath.Glob("testdata/*_augment.safetensors")
	if err != nil || len(paths) != 2 {
		t.Fatalf("%v: %v", paths, err)
	}
	for _, path := range paths {
		g := golden.Open(t, path)
		t.Run(g.Name, func(t *testing.T) {
			golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
				golden.SkipEmulated(t, d)
				checkUNet(t, d, g, nets.UNet(t, d, g, ""))
			})
		})
	}
}

// TestGoldenFullUNet compares the published networks at full size: raw and preconditioned output, moments of every entry's output, and
// moments of the gradients.
func TestGoldenFullUNet(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the full-size networks are left out")
	}
	golden.Each(t, "out.F", func(t *testing.T, g *golden.File) {
		golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
			if golden.TooSlow(d) {
				t.Skip("it takes minutes or an hour here; ONESTEP_CPU=generic runs it on plain Go")
			}
			u := nets.UNet(t, d, g, "")
			defer u.Release()
			checkShapes(t, g, u.Params)
			c := golden.NewCheck(t)
			u.Trace(func(name string, y *autograd.Var) {
				if g.Has("actstat." + name) {
					checkMoments(c, "actstat", name, nchw(y.Value), g.F64("actstat."+name), nil)
				}
			})
			x := autograd.Const(g.Tensor(d, "in.x"))
			if g.Has("grad.x") {
				x = autograd.Param(x.Value)
			} else {
				u.Freeze()
			}
			y := u.Forward(x, unetInputs(g, d))
			out := nchw(y.Value)
			golden.Rel(c, "out", "F", out, g.F32("out.F"), boundFull)
			golden.Rel(c, "out", "F_f64", out, g.F64("out.F_f64"), boundFull)
			if g.Has("grad.x") {
				autograd.Backward(y, g.Tensor(d, "in.r"))
				golden.Rel(c, "grad.x", "grad.x", nchw(x.Grad), g.F32("grad.x"), boundFull)
				checkGradients(t, c, g, u.Params, boundFullGrad)
				u.Freeze()
			}
			if !kernelstest.All() {
				return // the preconditioning of tiny networks is compared by TestGoldenPrecond
			}
			u.Trace(nil)
			p := nn.Precond{Net: u, SigmaData: 0.5}
			D := p.Denoise(autograd.Const(g.Tensor(d, "in.D_x")), g.F64("in.D_sigma"), classLabels(g, d, u.LabelDim))
			golden.Rel(c, "out", "D", nchw(D.Value), g.F32("out.D"), boundFull)
		})
	})
}

// TestGoldenPrecond compares the preconditioned denoiser, sample by sample since each has its own noise level.
func TestGoldenPrecond(t *testing.T) {
	golden.Each(t, "sigma_data out.D", func(t *testing.T, g *golden.File) {
		golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
			golden.SkipEmulated(t, d)
			c := golden.NewCheck(t)
			u := nets.UNet(t, d, g, "")
			sigmaData, err := strconv.ParseFloat(g.Metadata["sigma_data"], 64)
			if err != nil {
				t.Fatal(err)
			}
			p := nn.Precond{Net: u, SigmaData: sigmaData}
			sigma := g.F64("in.sigma")
			x := autograd.Param(g.Tensor(d, "in.x"))
			y := p.Denoise(x, sigma, classLabels(g, d, u.LabelDim))
			perSample := func(name string, got, want []float64) {
				n := len(got) / len(sigma)
				for i, s := range sigma {
					golden.Rel(c, name, "sigma="+strconv.FormatFloat(s, 'g', 4, 64), got[i*n:(i+1)*n], want[i*n:(i+1)*n], boundD)
				}
			}
			perSample("out.D", wide(nchw(y.Value)), g.F64("out.D"))
			if g.Has("out.D_f64") {
				perSample("out.D_f64", wide(nchw(y.Value)), g.F64("out.D_f64"))
			}
			if g.Has("out.D_nolabel") {
				perSample("out.D_nolabel", wide(nchw(p.Denoise(x, sigma, nil).Value)), g.F64("out.D_nolabel"))
			}
			autograd.Backward(y, g.Tensor(d, "in.r"))
			perSample("grad.x", wide(nchw(x.Grad)), g.F64("grad.x"))
		})
	})
}

// unetInputs are the noise labels and class labels of a file.
func unetInputs(g *golden.File, d *tensor.Device) nn.Inputs {
	in := nn.Inputs{Noise: autograd.Const(g.Tensor(d, "in.noise_labels"))}
	var c struct {
		LabelDim int `json:"label_dim"`
	}
	g.JSON("config", &c)
	in.Labels = classLabels(g, d, c.LabelDim)
	if g.Has("in.augment_labels") {
		in.Augment = autograd.Const(g.Tensor(d, "in.augment_labels"))
	}
	return in
}

// classLabels are one-hot labels, given as such or by number; nil if there are none.
func classLabels(g *golden.File, d *tensor.Device, classes int) *autograd.Var {
	switch {
	case g.Has("in.class_labels"):
		return autograd.Const(g.Tensor(d, "in.class_labels"))
	case g.Has("in.class_index"):
		index := g.Ints("in.class_index")
		x := make([]float32, len(index)*classes)
		for i, k := range index {
			x[i*classes+k] = 1
		}
		return autograd.Const(d.FromFloat32(x, len(index), classes))
	}
	return nil
}

// traceAgainst compares the output of every entry, of which the file has the first sample.
func traceAgainst(c *golden.Check, g *golden.File, u *nn.UNet) func(name string, y *autograd.Var) {
	return func(name string, y *autograd.Var) {
		if !g.Has("act." + name) {
			return
		}
		got := nchw(y.Value)
		got = got[:len(got)/y.Dim(0)]
		if name == "map_noise" && u.ModelType == "SongUNet" { // the file has it before the halves are swapped
			h := len(got) / 2
			got = append(append([]float32{}, got[h:]...), got[:h]...)
		}
		golden.Rel(c, "act", name, got, g.F32("act."+name), boundNet)
	}
}

// checkGradients compares the gradient at every parameter, whole or by its moments, and looks for ones that the network does not have.
func checkGradients(t *testing.T, c *golden.Check, g *golden.File, ps *nn.Params, bound float64) {
	t.Helper()
	seen := 0
	for _, p := range ps.Trained() {
		whole, moments := "grad."+p.Name, "gradstat."+p.Name
		if !g.Has(whole) && !g.Has(moments) {
			if p.Var.Grad != nil {
				t.Errorf("%s: a gradient that the reference has not", p.Name)
			}
			continue
		}
		seen++
		if p.Var.Grad == nil {
			t.Errorf("%s: no gradient", p.Name)
			continue
		}
		got := p.Publish(p.Var.Grad)
		if g.Has(whole) {
			golden.Rel(c, "grad", p.Name, got, g.F32(whole), bound)
		} else {
			checkMoments(c, "gradstat", p.Name, got, g.F64(moments), golden.UNet.V(g.Salt()+"proj/"+p.Name, 1, len(got)))
		}
	}
	for _, name := range g.Names() {
		if strings.HasPrefix(name, "grad.") || strings.HasPrefix(name, "gradstat.") {
			seen--
		}
	}
	if g.Has("grad.x") {
		seen++
	}
	if seen != 0 {
		t.Errorf("%d gradients of the file belong to no parameter", -seen)
	}
}

// checkMoments compares length and product with a direction (nil: the sum). For a gradient the pair is (length, product), for an
// activation (sum, length).
func checkMoments(c *golden.Check, kind, name string, got []float32, want []float64, direction []float32) {
	if direction == nil {
		golden.Rel(c, kind+" length", name, []float64{golden.L2(got)}, want[1:], boundFull)
		golden.Abs(c, kind+" sum", name, []float64{golden.Sum(got) / want[1]}, []float64{want[0] / want[1]}, boundFullDot)
		return
	}
	golden.Rel(c, kind+" length", name, []float64{golden.L2(got)}, want[:1], boundFullGrad)
	golden.Abs(c, kind+" dot", name, []float64{golden.Dot(got, direction) / want[0]}, []float64{want[1] / want[0]}, boundFullDot)
}

// checkStateDict compares names, order, shapes and contents with the list beside the file, if there is one.
func checkStateDict(t *testing.T, g *golden.File, ps *nn.Params) {
	t.Helper()
	rows := table(strings.TrimSuffix(g.Path, ".safetensors") + ".weights.tsv")
	if rows == nil {
		return
	}
	if len(rows) != len(ps.List) {
		t.Errorf("%d tensors, want %d", len(ps.List), len(rows))
		return
	}
	for i, p := range ps.List {
		row := rows[i]
		if p.Name != row[0] || dims(p.Shape) != row[1] {
			t.Errorf("tensor %d is %s %s, want %s %s", i, p.Name, dims(p.Shape), row[0], row[1])
			continue
		}
		x := p.Get()
		for k, got := range []float64{golden.Sum(x), golden.L2(x), float64(x[0])} {
			want, err := strconv.ParseFloat(row[2+k], 64)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got-want) > 1e-8*(golden.L2(x)+math.Abs(got)) {
				t.Errorf("%s: moment %d is %v, want %v", p.Name, k, got, want)
			}
		}
	}
}

// checkShapes compares names and shapes with the list of the published network, if the folder has it.
func checkShapes(t *testing.T, g *golden.File, ps *nn.Params) {
	t.Helper()
	for _, path := range golden.Tables(t, "key", "shape", "dtype", "kind", "numel") {
		if strings.Contains(filepath.Base(path), g.Metadata["net"]) {
			checkRows(t, table(path), ps)
		}
	}
}

// checkRows compares names, order, shapes and kinds with such a list.
func checkRows(t *testing.T, rows [][]string, ps *nn.Params) {
	t.Helper()
	if len(rows) != len(ps.List) {
		t.Errorf("%d tensors, want %d", len(ps.List), len(rows))
		return
	}
	for i, p := range ps.List {
		kind := "param"
		if p.Buffer {
			kind = "buffer"
		}
		if row := rows[i]; p.Name != strings.TrimPrefix(row[0], "model.") || dims(p.Shape) != row[1] || kind != row[3] {
			t.Errorf("tensor %d is %s %s %s, want %v", i, p.Name, dims(p.Shape), kind, row)
		}
	}
}

// table reads a tab-separated file without its first line; nil if there is no such file.
func table(path string) (rows [][]string) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows
}

func dims(shape []int) string {
	var s []string
	for _, d := range shape {
		s = append(s, strconv.Itoa(d))
	}
	return strings.Join(s, "x")
}

// nchw is a tensor in published order.
func nchw(x *tensor.Tensor) []float32 {
	if len(x.Shape()) == 4 {
		return golden.NCHW(x.Float32s(), x.Shape())
	}
	return x.Float32s()
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
