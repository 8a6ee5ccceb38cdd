package pid_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/nn"
	"onestep/nn/golden"
	"onestep/nn/optim"
	"onestep/pid"
	"onestep/tensor"
)

// unet builds the network of a golden file from a class and a configuration in its metadata, with hash weights.
func unet(t *testing.T, g *golden.File, d *tensor.Device, class, config, prefix string) *nn.UNet {
	t.Helper()
	modelType, text := golden.UNetJSON(t, class, config)
	c := nn.SongDefaults()
	if modelType == "DhariwalUNet" {
		c = nn.DhariwalDefaults()
	}
	c, err := nn.ParseUNetConfig(string(text), c)
	if err != nil {
		t.Fatalf("%s: %v", g.Path, err)
	}
	c.Dropout = 0
	u, err := nn.NewUNet(d, c)
	if err != nil {
		t.Fatalf("%s: %v", g.Path, err)
	}
	for _, p := range u.List {
		if p.Var != nil {
			p.Set(golden.UNet.Weight(g.Salt()+prefix, p.Name, p.Shape))
		}
	}
	return u
}

// pair builds the student and the frozen teacher of a PID file.
func pair(t *testing.T, g *golden.File, d *tensor.Device, levels int) *pid.Loss {
	t.Helper()
	class, config := g.Metadata["net"], g.Metadata["config"]
	teacher := unet(t, g, d, class, config, "teacher/")
	teacher.Freeze()
	return &pid.Loss{
		Student:   &pid.Student{Net: unet(t, g, d, class, config, "student/"), SigmaData: 0.5, SigmaMax: 80},
		Teacher:   &nn.Precond{Net: teacher, SigmaData: 0.5},
		Levels:    pid.EDMLevels(levels),
		Distance:  pid.L2,
		Weighting: pid.Uniform,
	}
}

func number(t *testing.T, g *golden.File, key string) int {
	t.Helper()
	n, err := strconv.Atoi(g.Metadata[key])
	if err != nil {
		t.Fatalf("%s: metadata %s: %v", g.Path, key, err)
	}
	return n
}

// published is an image tensor in the files' layout.
func published(x *tensor.Tensor) []float32 {
	return golden.NCHW(x.Float32s(), x.Shape())
}

// targetBound is the suggested bound of the target at a grid index: float32 loses digits near the noise.
func targetBound(t float64) float64 {
	switch {
	case t > 70:
		return 3e-3
	case t > 0.1:
		return 1e-3
	}
	return 2e-4
}

func TestGoldenPIDLoss(t *testing.T) {
	golden.Each(t, "loss_norm f64.target", func(t *testing.T, g *golden.File) {
		golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
			golden.SkipSlow(t, d)
			c := golden.NewCheck(t)
			loss := pair(t, g, d, number(t, g, "num_scales"))
			switch g.Metadata["loss_norm"] {
			case "l1":
				loss.Distance = pid.L1
			case "l2":
			default:
				t.Fatalf("loss_norm %q", g.Metadata["loss_norm"])
			}
			w, err := pid.WeightingNamed(g.Metadata["weight_schedule"])
			if err != nil {
				t.Fatal(err)
			}
			loss.Weighting = w
			indices := g.Ints("in.indices")
			n := len(indices)
			z := autograd.Const(g.Tensor(d, "in.noise"))
			var labels *autograd.Var
			if g.Has("in.class_labels") {
				labels = pid.OneHot(d, g.Ints("in.class_labels"), loss.Student.Net.LabelDim)
			}

			r := loss.Residual(z, indices, labels)
			dt := loss.Student.At(z, r.S, labels)
			golden.Rel(c, "t", "t", r.T, g.F64("f64.t"), 1e-12)
			golden.Rel(c, "t", "t2", r.S, g.F64("f64.t2"), 1e-12)
			golden.Rel(c, "image", "y_hat", published(r.X.Value), g.F64("f64.y_hat"), 1e-5)
			golden.Rel(c, "image", "y_hat_dt", published(dt.Value), g.F64("f64.y_hat_dt"), 1e-5)
			golden.Rel(c, "image", "teacher_pred", published(r.Teacher.Value), g.F64("f64.teacher_pred"), 1e-5)
			golden.Rel(c, "image", "y_hat out", published(r.X.Value), g.F32("out.y_hat"), 1e-5)

			target, exact, reference := published(r.Student.Value), g.F64("f64.target"), g.F32("out.target")
			per := len(target) / n
			for k, index := range indices {
				lo, hi := k*per, (k+1)*per
				name := fmt.Sprintf("index %d", index)
				golden.Rel(c, "target out", name, target[lo:hi], reference[lo:hi], targetBound(r.T[k]))
				golden.Rel(c, "target", name, target[lo:hi], exact[lo:hi], targetRounding(g, loss.Student.SigmaMax, r.T[k], r.S[k], lo, hi))
				t.Logf("target at %s: the reference's own error to float64 is %.2g", name, golden.RelError(reference[lo:hi], exact[lo:hi]))
			}

			// gradients at the two images: ∂target/∂ŷ = 1−a, ∂target/∂ŷ₂ = a
			leaf := autograd.Param(r.Student.Value)
			seed := make([]float32, n)
			for k := range seed {
				seed[k] = float32(loss.Weighting(r.T[k]) / float64(n))
			}
			autograd.Backward(loss.Distance(leaf, r.Teacher), d.FromFloat32(seed, n))
			at, as := published(leaf.Grad), published(leaf.Grad)
			for k := range n {
				a := r.T[k] / (r.T[k] - r.S[k])
				for i := k * per; i < (k+1)*per; i++ {
					at[i] *= float32(1 - a)
					as[i] *= float32(a)
				}
			}
			golden.Rel(c, "grad image", "y_hat", at, g.F64("f64.grad.y_hat"), 1e-3)
			golden.Rel(c, "grad image", "y_hat_dt", as, g.F64("f64.grad.y_hat_dt"), 1e-3)

			losses := loss.At(z, indices, labels)
			var mean float64
			for k, l := range losses.Value.Float32s() {
				golden.Rel(c, "loss", fmt.Sprintf("index %d", indices[k]), []float32{l}, g.F64("f64.loss")[k:k+1], 1e-3)
				golden.Rel(c, "loss out", fmt.Sprintf("index %d", indices[k]), []float32{l}, g.F32("out.loss")[k:k+1], 1e-3)
				mean += float64(l) / float64(n)
			}
			golden.Rel(c, "loss mean", "mean", []float64{mean}, g.F32("out.loss_mean"), 2e-4)

			for k := range seed {
				seed[k] = 1 / float32(n)
			}
			autograd.Backward(losses, d.FromFloat32(seed, n))
			var all, want []float32
			for _, p := range loss.Student.Net.Trained() {
				got := p.Publish(p.Var.Grad)
				if g.Has("grad." + p.Name) {
					w := g.F32("grad." + p.Name)
					golden.Rel(c, "grad", p.Name, got, w, 3e-3)
					all, want = append(all, got...), append(want, w...)
				}
				for _, kind := range []string{"gradstat.", "f64.gradstat."} {
					if !g.Has(kind + p.Name) {
						continue
					}
					stat := g.F64(kind + p.Name)
					norm, dot := golden.L2(got), 0.0
					for i, v := range golden.UNet.V(g.Salt()+"proj/"+p.Name, 1, len(got)) {
						dot += float64(v) * float64(got[i])
					}
					golden.Rel(c, kind+"L2", p.Name, []float64{norm}, stat[:1], 3e-3)
					golden.Abs(c, kind+"dot", p.Name, []float64{dot / stat[0]}, []float64{stat[1] / stat[0]}, 3e-3)
				}
			}
			if len(all) > 0 {
				golden.Rel(c, "grad all", "all", all, want, 1e-3)
			}
		})
	})
}

// targetRounding bounds the target's error to float64 by what the network's rounding makes of it, and nothing else: with a = t/(t−s) the target is the
// sum of (1−a)·(1−t/T)·F(z,t) and a·(1−s/T)·F(z,s), and each F is off by some 1e-6 of its length, three times which is allowed.
//
// The reference subtracts two images literally, which adds a·√2·2⁻²⁴ of their length. Near t = T, where they are noise of deviation 80, that is a hundred
// times as much as this bound, so that only a target whose noise cancels exactly keeps it. In the middle of the grid and below, both are the
// rounding of the network, and which of two implementations comes nearer is chance.
func targetRounding(g *golden.File, sigmaMax, t, s float64, lo, hi int) float64 {
	const network = 3e-6
	x, y, z := g.F64("f64.y_hat")[lo:hi], g.F64("f64.y_hat_dt")[lo:hi], g.F64("in.noise")[lo:hi]
	a := t / (t - s)
	var sum float64
	for i := range z {
		first, second := (1-a)*(x[i]-t/sigmaMax*z[i]), a*(y[i]-s/sigmaMax*z[i])
		sum += first*first + second*second
	}
	return network * math.Sqrt(sum) / golden.L2(g.F64("f64.target")[lo:hi])
}

// trace is the objective of a golden training trace: its noise and indices come from the hash.
type trace struct {
	loss   *pid.Loss
	g      *golden.File
	levels int
	last   *tensor.Tensor // losses of the last step, (batch)
}

func (o *trace) Losses(step *int, first, n int) *autograd.Var {
	net := o.loss.Student.Net
	d, shape := net.Device, []int{n, net.InChannels, net.Resolution, net.Resolution}
	per := net.InChannels * net.Resolution * net.Resolution
	indices := make([]int, n)
	key := func() string {
		key := fmt.Sprintf("trace:%d:", *step)
		salted := o.g.Salt() + key
		if slices.Equal(golden.UNet.Indices(salted+"idx", first+n, o.levels)[first:], o.g.Ints("in.indices")[*step*n:][first:first+n]) {
			return salted // the indices in the file show whether noise is salted as weights are
		}
		return key
	}
	d.Prepare(func() { copy(indices, golden.UNet.Indices(key()+"idx", first+n, o.levels)[first:]) })
	x := autograd.Const(d.Input(func(dst []float32) {
		z := golden.UNet.Input(key()+"z", (first+n)*per)[first*per:]
		for i := range z {
			z[i] *= 80
		}
		copy(dst, golden.NHWC(z, shape))
	}, n, net.Resolution, net.Resolution, net.InChannels))
	l := o.loss.At(x, indices, nil)
	o.last.Copy(l.Value)
	return l
}

func (o *trace) Level(int, int) float64 { return 0 }

func TestGoldenTrainingTrace(t *testing.T) {
	golden.Each(t, "optimizer out.losses_f64", func(t *testing.T, g *golden.File) {
		golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
			golden.SkipSlow(t, d)
			c := golden.NewCheck(t)
			n := number(t, g, "num_scales")
			steps, batch := number(t, g, "steps"), number(t, g, "batch")
			name, rate, _ := strings.Cut(g.Metadata["optimizer"], " lr ")
			lr, err := strconv.ParseFloat(rate, 64)
			if err != nil || name != "RAdam" {
				t.Fatalf("optimizer %q", g.Metadata["optimizer"])
			}
			ema, err := strconv.ParseFloat(strings.Fields(g.Metadata["ema"])[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			if g.Metadata["net"] == "" {
				g.Metadata["net"] = "PID SongUNet"
			}
			loss := pair(t, g, d, n)
			objective := &trace{loss: loss, g: g, levels: n, last: d.New(kernels.F32, batch)}
			params := loss.Student.Net.Params
			tr := &pid.Trainer{
				Objective: objective, Params: params, Opt: optim.New(optim.RAdam, params.Vars(), []float64{ema}),
				Batch: batch, Steps: steps, Schedule: pid.Schedule{LR: lr, AnnealFrom: 1},
			}
			var grads, losses []float64
			for range steps {
				m, err := tr.Update()
				if err != nil {
					t.Fatal(err)
				}
				grads = append(grads, m.GradNorm)
				for _, v := range objective.last.Float32s() {
					losses = append(losses, float64(v))
				}
			}
			bound, biasBound := 2e-6, 2e-6
			if lr > 1e-3 {
				bound, biasBound = 1e-5, 1e-4
			}
			golden.Rel(c, "losses", "all", losses, g.F64("out.losses_f64"), 2e-4)
			golden.Rel(c, "losses out", "all", losses, g.F64("out.losses"), 2e-4)
			golden.Rel(c, "grad_l2", "all", grads, g.F64("out.grad_l2"), 2e-4)
			for i, p := range params.Trained() {
				b := bound
				if strings.HasSuffix(p.Name, "qkv.bias") {
					b = biasBound
				}
				for kind, x := range map[string][]float32{"final.": p.Get(), "ema.": p.Publish(tr.Opt.EMA[0][i])} {
					stat := g.F64(kind + "sum_l2." + p.Name)
					var sum float64
					for _, v := range x {
						sum += float64(v)
					}
					l2 := golden.L2(x)
					golden.Rel(c, kind+"L2", p.Name, []float64{l2}, stat[1:], b)
					// a sum of n elements moves by at most √n times the distance
					golden.Abs(c, kind+"sum", p.Name, []float64{sum}, stat[:1], b*l2*math.Sqrt(float64(len(x))))
					if g.Has(kind + p.Name) {
						golden.Rel(c, kind+"tensor", p.Name, x, g.F32(kind+p.Name), b)
					}
				}
			}
		})
	})
}

func TestGoldenSchedules(t *testing.T) {
	golden.Each(t, "sigma_min sigma_max rho", func(t *testing.T, g *golden.File) {
		c := golden.NewCheck(t)
		value := func(key string) float64 {
			v, err := strconv.ParseFloat(g.Metadata[key], 64)
			if err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			return v
		}
		for _, name := range g.Names() {
			kind, count, _ := strings.Cut(name, ".")
			n, err := strconv.Atoi(count)
			if err != nil {
				t.Fatalf("array %q: %v", name, err)
			}
			l := pid.Levels{N: n, SigmaMin: value("sigma_min"), SigmaMax: value("sigma_max"), Rho: value("rho")}
			var grid []float64
			for i := range n {
				grid = append(grid, l.At(i))
			}
			switch kind {
			case "idx2sigmas":
				golden.Rel(c, kind, name, grid, g.F64(name), 5e-6)
			case "idx2sigmas_f64":
				golden.Rel(c, kind, name, grid, g.F64(name), 1e-12)
			case "edm_t_steps":
				golden.Rel(c, kind, name, l.Steps(n), g.F64(name), 1e-12)
			case "karras_sigmas_pid":
				golden.Rel(c, kind, name, l.Steps(n), g.F64(name), 5e-6)
			default:
				t.Errorf("unknown schedule %q", name)
			}
		}
	})
}

func TestGoldenSampler(t *testing.T) {
	golden.Each(t, "teacher student in.latents", func(t *testing.T, g *golden.File) {
		golden.OnEachDevice(t, func(t *testing.T, d *tensor.Device) {
			golden.SkipSlow(t, d)
			c := golden.NewCheck(t)
			teacher := unet(t, g, d, "SongUNet", g.Metadata["teacher"], "teacher/")
			student := unet(t, g, d, "SongUNet", g.Metadata["student"], "student/")
			teacher.Freeze()
			student.Freeze()
			net := &nn.Precond{Net: teacher, SigmaData: 0.5}
			latents := g.Tensor(d, "in.latents")
			for _, name := range g.Names() {
				kind, rest, _ := strings.Cut(name, ".")
				count, what, _ := strings.Cut(rest, ".")
				steps, err := strconv.Atoi(count)
				if err != nil || what != "final" && what != "final_clip" {
					continue
				}
				s := pid.Sampler{Levels: pid.EDMLevels(0), Steps: steps, Clip: what == "final_clip"}
				spy := &calls{Denoiser: net}
				x := golden.NCHW(s.Draw(spy, latents, nil, tensor.Random{}, make([]uint64, latents.Dim(0))), latents.Shape())
				if s.Clip {
					for i, v := range x {
						x[i] = min(max(v, -1), 1)
					}
				}
				golden.Rel(c, kind, name, x, g.F64(name), 1e-5)
				if kind == "edm" {
					prefix := kind + "." + count
					if len(spy.sigma) != s.NFE() {
						t.Errorf("%d evaluations, NFE says %d", len(spy.sigma), s.NFE())
					}
					golden.Rel(c, "sigma", name, spy.sigma, g.F64(prefix+".sigma"), 1e-12)
					golden.Rel(c, "x_in", name, spy.in, g.F64(prefix+".x_in"), 1e-5)
					golden.Rel(c, "denoised", name, spy.out, g.F64(prefix+".denoised"), 1e-5)
				}
			}
			st := &pid.Student{Net: student, SigmaData: 0.5, SigmaMax: 80}
			x := st.Sample(autograd.Const(latents).Scale(80), 0.002, nil)
			image := published(x.Value)
			golden.Rel(c, "oneshot", "final", image, g.F32("oneshot.final"), 1e-5)
			var off int
			for i, u := range g.Ints("oneshot.final_u8") {
				got := int(math.Trunc(min(max((min(max(float64(image[i]), -1), 1)+1)*127.5, 0), 255)))
				if got != u {
					off++
					if got < u-1 || got > u+1 {
						t.Errorf("pixel %d is %d, want %d", i, got, u)
					}
				}
			}
			if off > 5 {
				t.Errorf("%d pixels differ by 1, want few", off)
			}
		})
	})
}

// calls notes what a denoiser was asked, in published layout.
type calls struct {
	pid.Denoiser
	sigma   []float64
	in, out []float32
}

func (s *calls) Denoise(x *autograd.Var, sigma []float64, labels *autograd.Var) *autograd.Var {
	y := s.Denoiser.Denoise(x, sigma, labels)
	s.sigma = append(s.sigma, sigma[0])
	s.in = append(s.in, published(x.Value)...)
	s.out = append(s.out, published(y.Value)...)
	return y
}
