package optim_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/nn/golden"
	"onestep/nn/optim"
	"onestep/tensor"
)

func TestGoldenOptim(t *testing.T) {
	golden.Each(t, "ema_rates", func(t *testing.T, g *golden.File) {
		number := func(key string) float64 {
			t.Helper()
			v, err := strconv.ParseFloat(g.Metadata[key], 64)
			if err != nil {
				t.Fatalf("%s: metadata %s: %v", g.Path, key, err)
			}
			return v
		}
		list := func(key string) (vs []float64) {
			t.Helper()
			for _, s := range strings.Split(g.Metadata[key], ",") {
				v, err := strconv.ParseFloat(s, 64)
				if err != nil {
					t.Fatalf("%s: metadata %s: %v", g.Path, key, err)
				}
				vs = append(vs, v)
			}
			return vs
		}
		var names []string
		for _, name := range g.Names() {
			if p, ok := strings.CutPrefix(name, "in.p"); ok {
				names = append(names, "p"+p)
			}
		}
		rates, betas := list("ema_rates"), list("betas")
		golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
			c := golden.NewCheck(t)
			for kind, rectified := range map[string]bool{"radam": true, "adam": false} {
				rule := optim.Rule{Rectified: rectified, Beta1: betas[0], Beta2: betas[1], Eps: number("eps"), WeightDecay: number("weight_decay")}
				var vars []*autograd.Var
				for _, name := range names {
					vars = append(vars, autograd.Param(g.Tensor(d, "in."+name)))
				}
				o := optim.New(rule, vars, rates)
				report := d.FromFloat32(make([]float32, optim.ReportWords+1), optim.ReportWords+1)
				for step := range int(number("steps")) {
					for i, x := range vars {
						grads, n := g.F32("in.grads."+names[i]), x.Len()
						x.ZeroGrad()
						x.Grad = d.FromFloat32(grads[step*n:(step+1)*n], x.Shape()...)
					}
					o.Step(func() float64 { return number("lr") }, report)
					for i, x := range vars {
						n := x.Len()
						at := func(name string) []float32 { return g.F32("out." + kind + "." + name + names[i])[step*n : (step+1)*n] }
						name := fmt.Sprintf("%s step %d %s", kind, step+1, names[i])
						golden.Abs(c, "parameter", name, x.Value.Float32s(), at(""), 2e-6)
						for k, rate := range strings.Split(g.Metadata["ema_rates"], ",") {
							golden.Abs(c, "ema", name+" "+rate, o.EMA[k][i].Float32s(), at("ema"+rate+"."), 2e-6)
						}
					}
				}
				for i, name := range names {
					golden.Abs(c, "exp_avg", kind+" "+name, o.M[i].Float32s(), g.F32("out."+kind+".exp_avg."+name), 2e-6)
					golden.Abs(c, "exp_avg_sq", kind+" "+name, o.V[i].Float32s(), g.F32("out."+kind+".exp_avg_sq."+name), 2e-6)
				}
			}
		})
	})
}
