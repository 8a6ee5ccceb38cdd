package pid

import (
	"onestep/autograd"
	"onestep/nn"
)

// Loss is the PID objective [tee24]: the student's path must solve the teacher's ODE, x − t·dx/dt = D(x,t).
//
//	L(θ) = E_{z,t} w(t)·d( x_θ(z,t) − t·∂x_θ(z,t)/∂t ,  sg D_φ(x_θ(z,t), t) )
//
// The derivative is the difference to the neighbouring level s. With a = t/(t−s) the left side is (1−a)·x_θ(z,t) + a·x_θ(z,s), in which
// the noise cancels, (1−a)·t/T + a·s/T = 0, so that only the network's outputs F are left:
//
//	x − t·(x_t − x_s)/(t−s) = (1−a)·(1−t/T)·F(z,t) + a·(1−s/T)·F(z,s)
//
// Deviation: the reference subtracts the images literally, in float32, and loses three digits near t = T, where they have standard
// deviation 80 and a = 46. TestGoldenPIDLoss holds this form to the rounding of the network alone.
type Loss struct {
	Student   *Student
	Teacher   *nn.Precond // D_φ, frozen: neither its weights nor its input receives a gradient (sg)
	Levels    Levels
	Distance  Distance
	Weighting Weighting
}

// Residual is both sides of the ODE for a batch, and the image they are taken at.
type Residual struct {
	T, S    []float64     // levels t and s
	X       *autograd.Var // x_θ(z,t), (N,H,W,C), constant
	Student *autograd.Var // x − t·∂x/∂t, (N,H,W,C), with gradient: where the tangent of the student's path arrives at level 0
	Teacher *autograd.Var // D_φ(x,t), (N,H,W,C), constant: where the teacher's would
}

// Residual evaluates both sides at noise z (N,H,W,C) of standard deviation σ_max and grid indices i (N); labels (N,LabelDim) or nil. The
// indices are read again, and T and S set, whenever a [tensor.Program] is replayed.
func (l *Loss) Residual(z *autograd.Var, i []int, labels *autograd.Var) Residual {
	d, n, st := z.Device(), len(i), l.Student
	levels, at, as := make([]float64, 2*n), make([]float64, n), make([]float64, n)
	r := Residual{T: levels[:n], S: levels[n:]}
	d.Prepare(func() {
		for k, index := range i {
			t, s := l.Levels.Pair(index)
			a := t / (t - s)
			r.T[k], r.S[k] = t, s
			at[k], as[k] = (1-a)*st.netWeight(t), a*st.netWeight(s)
		}
	})
	both := labels
	if labels != nil {
		both = autograd.Repeat(labels)
	}
	f := st.raw(autograd.Repeat(z), levels, both) // (2N,H,W,C): F(z,t), then F(z,s)
	r.Student = autograd.PairAxpby(nn.Coefficients(d, at, identity), nn.Coefficients(d, as, identity), f)

	first := autograd.Const(f.Value.Part(0, n)) // F(z,t) without gradient
	r.X = autograd.SampleAxpby(nn.Coefficients(d, r.T, st.noiseWeight), z, nn.Coefficients(d, r.T, st.netWeight), first)
	r.Teacher = l.Teacher.Denoise(r.X, r.T, labels)
	return r
}

func identity(x float64) float64 { return x }

// At is the weighted loss of each sample, (N).
func (l *Loss) At(z *autograd.Var, i []int, labels *autograd.Var) *autograd.Var {
	d := z.Device()
	return autograd.Scope(d, func() *autograd.Var {
		r := l.Residual(z, i, labels)
		return autograd.SampleAxpby(nn.Coefficients(d, r.T, l.Weighting), l.Distance(r.Student, r.Teacher), nil, nil)
	})
}
