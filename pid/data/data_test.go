package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// idx is an IDX file of these dimensions and bytes.
func idx(data []byte, dims ...uint32) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, data...)
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func count(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// write makes files in a new folder.
func write(t *testing.T, files map[string][]byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadIDX(t *testing.T) {
	images, labels := idx(count(24), 4, 2, 3), idx([]byte{3, 0, 255, 1}, 4)
	dir := write(t, map[string][]byte{
		"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels,
		"t10k-images-idx3-ubyte.gz": gzipped(images), "t10k-labels-idx1-ubyte.gz": gzipped(labels),
		"other": images,
	})
	for _, test := range []struct {
		file   string
		labels []int
	}{
		{"train-images-idx3-ubyte", []int{3, 0, 255, 1}}, {"t10k-images-idx3-ubyte.gz", []int{3, 0, 255, 1}}, {"other", nil},
	} {
		m, err := Read(filepath.Join(dir, test.file))
		if err != nil {
			t.Fatal(err)
		}
		if m.N != 4 || m.H != 2 || m.W != 3 || m.C != 1 || !bytes.Equal(m.Pixels, count(24)) || !slices.Equal(m.Labels, test.labels) {
			t.Errorf("%s: %+v", test.file, m)
		}
	}
}

func TestReadIDXErrors(t *testing.T) {
	good := idx(count(24), 4, 2, 3)
	for _, test := range []struct {
		images, labels []byte
		err            string
	}{
		{nil, nil, "images: no IDX header: EOF"},
		{[]byte("PNG file"), nil, "images: starts with 50 4e 47 20: no IDX file"},
		{[]byte{0, 0, 13, 3}, nil, "images: IDX elements of type 0x0d, want bytes"},
		{idx(nil, 4), nil, "images: IDX array of rank 1, want 3"},
		{good[:13], nil, "images: no IDX dimensions: unexpected EOF"},
		{good[:20], nil, "images: 4 bytes for shape [4 2 3]: unexpected EOF"},
		{append(slices.Clone(good), 0), nil, "images: bytes after the 24 of shape [4 2 3]"},
		{idx(nil, 0, 28, 28), nil, "images: no images"},
		{idx(nil, 1<<32-1, 1<<14, 1<<14), nil, "images: shape [4294967295 16384 16384] is too large"},
		{idx(nil, 1, 1<<14+1, 1), nil, "images: images with a side of 16385 pixels"},
		{idx(nil, 1<<28, 16, 16), nil, "images: 0 bytes for shape [268435456 16 16]"}, // without allocating 64 GiB
		{gzipped(good)[:30], nil, "images: "},
		{good, idx(count(3), 3), "labels: 3 labels for the 4 images of "},
		{good, idx(count(2), 4), "labels: 2 bytes for shape [4]"},
	} {
		dir := write(t, map[string][]byte{"images": test.images, "labels": test.labels})
		labels := filepath.Join(dir, "labels")
		if test.labels == nil {
			labels = ""
		}
		_, err := ReadIDX(filepath.Join(dir, "images"), labels)
		if err == nil || !strings.HasPrefix(err.Error(), filepath.Join(dir, test.err[:6])+":") || !strings.Contains(err.Error(), test.err) {
			t.Errorf("error %v, want %s", err, test.err)
		}
	}
	if _, err := Read("missing"); err == nil || !strings.HasPrefix(err.Error(), "missing: ") || strings.Count(err.Error(), "missing") > 1 {
		t.Errorf("error %v", err)
	}
}

// FuzzIDX: no input panics, and what is accepted is as long as its shape says.
func FuzzIDX(f *testing.F) {
	f.Add(idx(count(24), 4, 2, 3))
	f.Add(gzipped(idx(count(24), 4, 2, 3)))
	f.Add(idx(nil, 1<<32-1, 1<<32-1, 1<<32-1))
	f.Add(idx(nil, 0, 0, 0))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, file []byte) {
		dims, data, err := readIDX(bytes.NewReader(file), 3)
		if err == nil && (len(dims) != 3 || len(data) != dims[0]*dims[1]*dims[2]) {
			t.Fatalf("%d bytes for shape %v", len(data), dims)
		}
	})
}

// picture is a PNG or JPEG file; every pixel is made by f.
func picture(t testing.TB, format string, im interface {
	image.Image
	Set(x, y int, c color.Color)
}, f func(x, y int) color.Color) []byte {
	t.Helper()
	r := im.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			im.Set(x, y, f(x, y))
		}
	}
	var b bytes.Buffer
	var err error
	if format == "png" {
		err = png.Encode(&b, im)
	} else {
		err = jpeg.Encode(&b, im, &jpeg.Options{Quality: 100})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var (
	size  = image.Rect(0, 0, 3, 2)
	shade = func(x, y int) color.Color { return color.Gray{uint8(40*x + 20*y)} }
	red   = func(x, y int) color.Color { return color.NRGBA{200, 100, uint8(10 * x), 255} }
	faint = func(x, y int) color.Color { return color.NRGBA{200, 100, uint8(10 * x), 128} }
	deep  = func(x, y int) color.Color { return color.NRGBA64{200<<8 + 7, 100<<8 + 3, uint16(10*x) << 8, 1<<16 - 1} }
	glass = func(x, y int) color.Color { return color.NRGBA64{200<<8 + 7, 100<<8 + 3, uint16(10*x) << 8, uint16(x)} }

	greyPixels = []uint8{0, 40, 80, 20, 60, 100}
	redPixels  = []uint8{200, 100, 0, 200, 100, 10, 200, 100, 20, 200, 100, 0, 200, 100, 10, 200, 100, 20}
)

func TestReadFolder(t *testing.T) {
	grey := picture(t, "png", image.NewGray(size), shade)
	rgb := picture(t, "png", image.NewNRGBA(size), red)
	triple := make([]uint8, 0, 18) // greyPixels as RGB
	for _, p := range greyPixels {
		triple = append(triple, p, p, p)
	}
	paletted := image.NewPaletted(size, color.Palette{red(0, 0), red(1, 0), red(2, 0)})
	for _, test := range []struct {
		name    string
		files   map[string][]byte
		c       int
		pixels  [][]uint8
		labels  []int
		classes []string
	}{
		{"grey", map[string][]byte{"b.png": grey, "a.PNG": grey, "notes.txt": nil, ".c.png": nil}, 1, [][]uint8{greyPixels, greyPixels}, nil, nil},
		{"mixed", map[string][]byte{"a.png": grey, "b.png": rgb}, 3, [][]uint8{triple, redPixels}, nil, nil},
		{"kinds", map[string][]byte{
			"a.png": picture(t, "png", image.NewNRGBA(size), faint),
			"b.png": picture(t, "png", image.NewNRGBA64(size), deep),
			"c.png": picture(t, "png", paletted, red),
			"d.png": picture(t, "png", image.NewNRGBA64(size), glass),
		}, 3, [][]uint8{redPixels, redPixels, redPixels, redPixels}, nil, nil},
		{"grey 16", map[string][]byte{"a.png": picture(t, "png", image.NewGray16(size), shade)}, 1, [][]uint8{greyPixels}, nil, nil},
		{"names", map[string][]byte{"dog/1.png": rgb, "cat/x/2.png": grey, "cat/1.png": grey}, 3,
			[][]uint8{triple, triple, redPixels}, []int{0, 0, 1}, []string{"cat", "dog"}},
		{"numbers", map[string][]byte{"10/1.png": grey, "2/1.png": grey, "007/1.png": grey}, 1,
			[][]uint8{greyPixels, greyPixels, greyPixels}, []int{7, 10, 2}, nil},
	} {
		m, err := Read(write(t, test.files))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if m.N != len(test.pixels) || m.H != 2 || m.W != 3 || m.C != test.c || !bytes.Equal(m.Pixels, slices.Concat(test.pixels...)) {
			t.Errorf("%s: (%d,%d,%d,%d) %v, want %v", test.name, m.N, m.H, m.W, m.C, m.Pixels, test.pixels)
		}
		if !slices.Equal(m.Labels, test.labels) || !slices.Equal(m.Classes, test.classes) {
			t.Errorf("%s: labels %v %v, want %v %v", test.name, m.Labels, m.Classes, test.labels, test.classes)
		}
	}
}

func TestReadFolderJPEG(t *testing.T) {
	flat := func(x, y int) color.Color { return color.NRGBA{200, 100, 50, 255} }
	m, err := ReadFolder(write(t, map[string][]byte{"a.jpg": picture(t, "jpeg", image.NewNRGBA(size), flat)}))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Pixels {
		if want := []int{200, 100, 50}[i%3]; int(p)-want > 2 || want-int(p) > 2 {
			t.Fatalf("%v", m.Pixels)
		}
	}
}

func TestReadFolderErrors(t *testing.T) {
	grey := picture(t, "png", image.NewGray(size), shade)
	wide := picture(t, "png", image.NewGray(image.Rect(0, 0, 4, 2)), shade)
	for _, test := range []struct {
		files map[string][]byte
		err   string // after the folder
	}{
		{map[string][]byte{"a.txt": nil}, ": no PNG or JPEG files"},
		{map[string][]byte{"a.png": grey, "b.png": wide}, "/b.png: image of (2,4), want (2,3) as the first"},
		{map[string][]byte{"a.png": grey, "b.png": []byte("text")}, "/b.png: image: unknown format"},
		{map[string][]byte{"a.png": grey, "b.png": grey[:50]}, "/b.png: "},
		{map[string][]byte{"a.png": grey, "b/b.png": grey}, ": images lie both in the folder and in its subfolders"},
	} {
		dir := write(t, test.files)
		_, err := ReadFolder(dir)
		if err == nil || !strings.HasPrefix(filepath.ToSlash(err.Error()), filepath.ToSlash(dir)+test.err) {
			t.Errorf("error %v, want %s", err, test.err)
		}
	}
	if _, err := ReadFolder("missing"); err == nil || !strings.HasPrefix(err.Error(), "missing: ") || strings.Count(err.Error(), "missing") > 1 {
		t.Errorf("error %v", err)
	}
}

func TestPadTo(t *testing.T) {
	m := &Images{N: 2, H: 1, W: 2, C: 3, Pixels: []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, Labels: []int{4, 5}}
	p := m.PadTo(3)
	zero := make([]uint8, 9)
	want := slices.Concat(zero, []uint8{1, 2, 3, 4, 5, 6, 0, 0, 0}, zero, zero, []uint8{7, 8, 9, 10, 11, 12, 0, 0, 0}, zero)
	if p.N != 2 || p.H != 3 || p.W != 3 || p.C != 3 || !bytes.Equal(p.Pixels, want) || !slices.Equal(p.Labels, m.Labels) {
		t.Errorf("%+v", p)
	}
}

func TestHalve(t *testing.T) {
	m := &Images{N: 1, H: 2, W: 4, C: 2, Pixels: []uint8{
		0, 255, 0, 255, 1, 10, 2, 20,
		1, 255, 1, 254, 1, 30, 1, 41,
	}}
	h := m.Halve()
	if want := []uint8{1, 255, 1, 25}; h.H != 1 || h.W != 2 || h.C != 2 || !bytes.Equal(h.Pixels, want) { // means ½ 254.75 1¼ 25¼
		t.Errorf("%+v, want %v", h, want)
	}
}

func TestSubset(t *testing.T) {
	m := &Images{N: 3, H: 1, W: 2, C: 1, Pixels: count(6), Labels: []int{7, 8, 9}}
	s := m.Subset([]int{2, 0, 2})
	if s.N != 3 || !bytes.Equal(s.Pixels, []uint8{4, 5, 0, 1, 4, 5}) || !slices.Equal(s.Labels, []int{9, 7, 9}) {
		t.Errorf("%+v", s)
	}
	m.Labels = nil
	if m.Subset([]int{1}).Labels != nil {
		t.Error("labels out of nothing")
	}
}

func TestFloat(t *testing.T) {
	m := &Images{N: 2, H: 1, W: 3, C: 1, Pixels: []uint8{9, 9, 9, 0, 51, 255}}
	got := make([]float32, 3)
	m.Float(got, 1)
	if want := []float32{-1, float32(51)/127.5 - 1, 1}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestImagesPanics(t *testing.T) {
	m := &Images{N: 1, H: 1, W: 2, C: 1, Pixels: []uint8{1, 2}}
	for name, f := range map[string]func(){
		"PadTo": func() { m.PadTo(1) }, "Halve": func() { m.Halve() }, "Float": func() { m.Float(nil, 0) },
	} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || !strings.HasPrefix(err.Error(), fmt.Sprintf("data: %s: ", name)) {
					t.Errorf("%s: %v", name, err)
				}
			}()
			f()
		}()
	}
}
