package evaluation

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onestep/checkpoint"
	"onestep/tensor"
)

// A folder and an archive of the same images give the same bytes; JPEG files are remarked on.
func TestOpenImages(t *testing.T) {
	dir, pixels := t.TempDir(), []byte(nil)
	for _, name := range []string{"a.png", "b.png"} {
		im := image.NewRGBA(image.Rect(0, 0, 3, 2))
		for p := range 6 {
			for c := range 3 {
				u := byte(40*p + c + len(pixels))
				im.Pix[4*p+c] = u
			}
			im.Pix[4*p+3] = 255
		}
		for p := range 6 {
			pixels = append(pixels, im.Pix[4*p:4*p+3]...)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, im); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	npz := filepath.Join(t.TempDir(), "s.npz")
	if err := checkpoint.WriteNPZ(npz, []tensor.Named{{Name: "arr_0", DType: "U8", Shape: []int{2, 2, 3, 3}, Data: pixels}}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, npz} {
		m, err := OpenImages(path)
		if err != nil {
			t.Fatal(err)
		}
		n, h, w, c := m.Shape()
		x, err := m.Read(1, 1)
		if err != nil || n != 2 || h != 2 || w != 3 || c != 3 || !slices.Equal(x, pixels[18:]) || m.Source().Path != path || m.Source().Notes != nil {
			t.Errorf("%s: %d×(%d,%d,%d), second image %v, %+v (%v)", path, n, h, w, c, x, m.Source(), err)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2)), nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "c.JPG"), b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	m, err := OpenImages(dir)
	if err != nil || len(m.Source().Notes) != 1 || !strings.Contains(m.Source().Notes[0], "JPEG") {
		t.Errorf("with a JPEG file: %+v, %v", m, err)
	}
	for _, path := range []string{t.TempDir(), filepath.Join(dir, "a.png"), filepath.Join(dir, "none")} {
		if _, err := OpenImages(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
