package pid

// vector is the state of a sampler, or its slope, in float64. Its methods return new ones.
type vector []float64

func vectorOf(x []float32) vector {
	return each(len(x), func(i int) float64 { return float64(x[i]) })
}

func (x vector) float32s() []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// plus is x + a·y.
func (x vector) plus(a float64, y vector) vector {
	return each(len(x), func(i int) float64 { return x[i] + a*y[i] })
}

func (x vector) minus(y vector) vector {
	return each(len(x), func(i int) float64 { return x[i] - y[i] })
}
func (x vector) times(a float64) vector { return each(len(x), func(i int) float64 { return x[i] * a }) }
func (x vector) over(a float64) vector  { return each(len(x), func(i int) float64 { return x[i] / a }) }

// mean is ½·x + ½·y.
func mean(x, y vector) vector {
	return each(len(x), func(i int) float64 { return 0.5*x[i] + 0.5*y[i] })
}

func each(n int, f func(i int) float64) vector {
	y := make(vector, n)
	for i := range y {
		y[i] = f(i)
	}
	return y
}
