package kernelstest

const scalarTurn = 16

var scalarSink float32

// scalarFMA does 8 independent multiply-adds per turn in plain Go.
func scalarFMA(turns int) {
	var a, b, c, d, e, f, g, h float32
	x, y := scalarSink, scalarSink
	for range turns {
		a, b, c, d = a+x*y, b+x*y, c+x*y, d+x*y
		e, f, g, h = e+x*y, f+x*y, g+x*y, h+x*y
	}
	scalarSink = a + b + c + d + e + f + g + h
}
