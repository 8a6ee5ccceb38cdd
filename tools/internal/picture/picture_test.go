package picture

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/plotter"

	"onestep/pid/data"
)

func open(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestGrid: every pixel of a small sheet.
func TestGrid(t *testing.T) {
	a := &data.Images{N: 3, H: 1, W: 2, C: 1, Pixels: []uint8{1, 2, 3, 4, 5, 6}}
	b := &data.Images{N: 1, H: 1, W: 2, C: 1, Pixels: []uint8{7, 8}}
	path := filepath.Join(t.TempDir(), "grid.png")
	if err := (Grid{Columns: 2, Scale: 2, Margin: 1}).Write(path, a, b); err != nil {
		t.Fatal(err)
	}
	const want = `
...........
.1122.3344.
.1122.3344.
...........
.5566......
.5566......
...........
...........
-----------
...........
...........
.7788......
.7788......
...........`
	m := open(t, path)
	var got strings.Builder
	for y := range m.Bounds().Dy() {
		got.WriteByte('\n')
		for x := range m.Bounds().Dx() {
			switch p := m.(*image.Gray).GrayAt(x, y).Y; p {
			case paper:
				got.WriteByte('.')
			case ink:
				got.WriteByte('-')
			default:
				fmt.Fprint(&got, p)
			}
		}
	}
	if got.String() != want {
		t.Errorf("got%s\nwant%s", &got, want)
	}
}

func TestGridColor(t *testing.T) {
	a := &data.Images{N: 1, H: 1, W: 2, C: 3, Pixels: []uint8{10, 20, 30, 40, 50, 60}}
	path := filepath.Join(t.TempDir(), "grid.png")
	if err := (Grid{}).Write(path, a, a); err != nil {
		t.Fatal(err)
	}
	m := open(t, path)
	if r := m.Bounds(); r.Dx() != 2+64+2 || r.Dy() != 2+32+2+8+32+2 {
		t.Errorf("sheet of %v", r)
	}
	for _, test := range []struct {
		x, y int
		want color.NRGBA
	}{
		{2, 2, color.NRGBA{10, 20, 30, 255}}, {65, 33, color.NRGBA{40, 50, 60, 255}}, {66, 33, color.NRGBA{255, 255, 255, 255}},
		{0, 38, color.NRGBA{ink, ink, ink, 255}}, {2, 44, color.NRGBA{10, 20, 30, 255}},
	} {
		if got := color.NRGBAModel.Convert(m.At(test.x, test.y)); got != test.want {
			t.Errorf("(%d,%d): %v, want %v", test.x, test.y, got, test.want)
		}
	}
}

func TestGridErrors(t *testing.T) {
	grey := &data.Images{N: 1, H: 1, W: 1, C: 1, Pixels: []uint8{1}}
	wide := &data.Images{N: 1, H: 1, W: 2, C: 1, Pixels: []uint8{1, 2}}
	two := &data.Images{N: 1, H: 1, W: 1, C: 2, Pixels: []uint8{1, 2}}
	path := filepath.Join(t.TempDir(), "grid.png")
	for _, test := range []struct {
		blocks []*data.Images
		err    string
	}{
		{nil, "no images"},
		{[]*data.Images{grey, wide}, "images of (1,1,1) and (1,2,1) on one sheet"},
		{[]*data.Images{two}, "images of 2 channels, want 1 or 3"},
	} {
		if err := (Grid{}).Write(path, test.blocks...); err == nil || err.Error() != path+": "+test.err {
			t.Errorf("error %v, want %s", err, test.err)
		}
	}
}

func TestWriteFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for _, c := range []int{1, 3} {
		m := &data.Images{N: 2, H: 2, W: 3, C: c, Pixels: make([]uint8, 12*c)}
		for i := range m.Pixels {
			m.Pixels[i] = uint8(7 * i)
		}
		if err := WriteFolder(dir, m.Subset([]int{0}), 0); err != nil {
			t.Fatal(err)
		}
		if err := WriteFolder(dir, m.Subset([]int{1}), 1); err != nil {
			t.Fatal(err)
		}
		back, err := data.ReadFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if back.N != 2 || back.H != 2 || back.W != 3 || back.C != c || !bytes.Equal(back.Pixels, m.Pixels) {
			t.Errorf("%+v, want %+v", back, m)
		}
		if _, err := os.Stat(filepath.Join(dir, "000001.png")); err != nil {
			t.Error(err)
		}
	}
}

func TestWriteNPZ(t *testing.T) {
	m := &data.Images{N: 2, H: 1, W: 2, C: 3, Pixels: []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, Labels: []int{3, -1}}
	dir := t.TempDir()
	for range 2 { // over itself
		if err := WriteNPZ(filepath.Join(dir, "a.npz"), m); err != nil {
			t.Fatal(err)
		}
	}
	labels := binary.LittleEndian.AppendUint64(nil, 3)
	labels = append(labels, bytes.Repeat([]byte{255}, 8)...)
	z, err := zip.OpenReader(filepath.Join(dir, "a.npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for i, want := range []struct {
		name, dict string
		data       []byte
	}{
		{"arr_0.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 2, 3), }", m.Pixels},
		{"arr_1.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", labels},
	} {
		f := z.File[i]
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name != want.name || f.Method != zip.Store || string(b[:8]) != "\x93NUMPY\x01\x00" {
			t.Errorf("%s, method %d, starts with %q", f.Name, f.Method, b[:8])
		}
		end := 10 + int(binary.LittleEndian.Uint16(b[8:]))
		if end%64 != 0 || b[end-1] != '\n' || strings.TrimSpace(string(b[10:end])) != want.dict || !bytes.Equal(b[end:], want.data) {
			t.Errorf("%s: %q, want %s %v", f.Name, b, want.dict, want.data)
		}
	}
	first, _ := os.ReadFile(filepath.Join(dir, "a.npz"))
	m.Labels = nil
	if err := WriteNPZ(filepath.Join(dir, "b.npz"), m); err != nil {
		t.Fatal(err)
	}
	if second, _ := os.ReadFile(filepath.Join(dir, "b.npz")); bytes.Contains(second, []byte("arr_1")) || !bytes.Contains(first, []byte("arr_1")) {
		t.Error("labels out of nothing, or none")
	}
}

// TestPlot: hostile values give a picture or an error, never a panic.
func TestPlot(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	long := make([]float64, 5000)
	for i := range long {
		long[i] = float64(i)
	}
	for _, test := range []struct {
		name  string
		y     []float64
		log   bool
		empty bool
	}{
		{"nothing", nil, false, true},
		{"nan", []float64{nan, inf, -inf}, false, true},
		{"negative log", []float64{0, -1, -2}, true, true},
		{"one", []float64{3}, false, false},
		{"one log", []float64{3}, true, false},
		{"zeros", []float64{0, 0}, false, false},
		{"gaps", []float64{1, nan, 2, 3, inf, 0, -1, 5}, true, false},
		{"huge", []float64{-1e30, 1e30, 1e300}, false, false},
		{"tiny", []float64{0, 5e-324}, false, false},
		{"wide log", []float64{1e-30, 1e30, 5e-324}, true, false},
		{"tiny log", []float64{5e-324}, true, true},
		{"narrow log", []float64{1.01, 1.02}, true, false},
		{"long", long, true, false},
	} {
		x := make([]float64, len(test.y))
		for i := range x {
			x[i] = float64(i)
		}
		b, err := Plot(8, 5, Axes{Title: test.name, X: "step", Y: "loss", LogY: test.log},
			Series{Name: "raw", X: x, Y: test.y}, Series{Name: "smooth", X: x, Y: test.y, Smooth: 3})
		switch {
		case test.empty && (err == nil || err.Error() != "nothing to plot"):
			t.Errorf("%s: error %v", test.name, err)
		case !test.empty && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case !test.empty:
			if c, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || c.Width != 960 || c.Height != 600 {
				t.Errorf("%s: %dx%d, %v", test.name, c.Width, c.Height, err)
			}
		}
	}
	if _, err := Plot(8, 5, Axes{}, Series{Name: "a", X: []float64{1}}); err == nil || err.Error() != "a: 1 positions for 0 values" {
		t.Errorf("error %v", err)
	}
}

// TestPlotLonePoint looks for a point alone, which is a disc, beside a line of another colour, and in the legend.
func TestPlotLonePoint(t *testing.T) {
	nan := math.NaN()
	b, err := Plot(8, 5, Axes{}, Series{Name: "line", X: []float64{0, 1, 2}, Y: []float64{1, 2, 3}}, Series{Name: "point", X: []float64{0, 1, 2}, Y: []float64{nan, nan, 1}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	pixels := 0
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			if color.NRGBAModel.Convert(m.At(x, y)) == plotColors[1] {
				pixels++
			}
		}
	}
	if pixels < 60 {
		t.Errorf("a point alone has %d pixels", pixels)
	}
}

func TestSmooth(t *testing.T) {
	if got := smooth([]float64{2, 2, math.Inf(1), 2}, 10); got[0] != 2 || math.Abs(got[3]-2) > 1e-15 || !math.IsInf(got[2], 1) {
		t.Errorf("%v: a constant is its own average", got)
	}
	if got := smooth([]float64{1, 3}, 2); math.Abs(got[1]-(0.25*1+0.5*3)/0.75) > 1e-15 {
		t.Errorf("%v", got)
	}
	if y := []float64{5, 1, 4}; !slices.Equal(smooth(y, 1), y) {
		t.Error("an average over one point changes it")
	}
}

func TestThin(t *testing.T) {
	points := make(plotter.XYs, 10*plotPoints+7)
	for i := range points {
		points[i] = plotter.XY{X: float64(i), Y: math.Sin(float64(i) / 50)}
	}
	points[777].Y = 9
	got := thin(points)
	if len(got) > plotPoints || !slices.Contains(got, points[777]) {
		t.Errorf("%d points, or the peak is lost", len(got))
	}
	if !slices.IsSortedFunc(got, func(a, b plotter.XY) int { return int(a.X - b.X) }) {
		t.Error("out of order")
	}
}

func TestLogTicks(t *testing.T) {
	for _, test := range []struct {
		lo, hi float64
		want   string
	}{
		{0.009, 1.1, "0.01 0.02 0.05 0.1 0.2 0.5 1"},
		{0.5, 5000, "1 10 100 1000"},
		{1e-12, 1e12, "1e-12 1e-09 1e-06 0.001 1 1000 1e+06 1e+09 1e+12"},
		{0.31, 0.42, "0.32 0.36 0.4"},
	} {
		var got []string
		for _, tick := range logTicks(test.lo, test.hi) {
			if tick.Label != "" {
				got = append(got, tick.Label)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%g to %g: %q, want %s", test.lo, test.hi, got, test.want)
		}
	}
}
