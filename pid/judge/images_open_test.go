package judge

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// encoded is an image of 4×5 pixels (H,W,3) as a file.
func encoded(t *testing.T, pixels []byte, encode func(io.Writer, image.Image) error) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 5, 4))
	for i := range 4 * 5 {
		copy(m.Pix[4*i:], pixels[3*i:3*i+3])
		m.Pix[4*i+3] = 255
	}
	var b bytes.Buffer
	if err := encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) }

// array is arr_0 as NumPy writes it.
func array(pixels []byte) []byte {
	head := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 4, 5, 3), }\n", len(pixels)/60)
	return append(append(binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(head))), head...), pixels...)
}

// archive writes a zip file.
func archive(t *testing.T, path string, method uint16, names []string, contents ...[]byte) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err == nil {
			_, err = w.Write(contents[i])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), os.WriteFile(path, b.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path string) Images {
	t.Helper()
	m, err := OpenImages(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// TestContainers: the same images have the same digest in whatever they are, read as many at a time as one likes.
func TestContainers(t *testing.T) {
	t.Chdir(t.TempDir())
	const n = 7
	pixels, _ := someImages(n, 5, 20).Read(0, n)
	names, contents := []string{"dataset.json"}, [][]byte{[]byte("{}")}
	for i := n - 1; i >= 0; i-- { // files are sorted by path, not by their place in the archive
		name := fmt.Sprintf("0000%d/img%d.png", i/4, i)
		file := encoded(t, pixels[60*i:60*i+60], png.Encode)
		names, contents = append(names, name), append(contents, file)
		path := filepath.Join("folder", filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, file, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	archive(t, "stored.zip", zip.Store, names, contents...)
	archive(t, "deflated.zip", zip.Deflate, names, contents...)
	archive(t, "stored.npz", zip.Store, []string{"arr_0.npy"}, array(pixels))
	archive(t, "deflated.npz", zip.Deflate, []string{"arr_1.npy", "arr_0.npy"}, []byte("no array, which nobody reads"), array(pixels))

	want := fmt.Sprintf("%x", sha256.Sum256(pixels))
	for path, kind := range map[string]string{"folder": "folder", "stored.zip": "zip", "deflated.zip": "zip", "stored.npz": "npz", "deflated.npz": "npz"} {
		m := open(t, path)
		if s := m.Source(); s.Kind != kind || s.Path != path || s.Notes != nil {
			t.Errorf("%s: %+v", path, s)
		}
		if count, h, w, c := m.Shape(); count != n || h != 4 || w != 5 || c != 3 {
			t.Errorf("%s: (%d,%d,%d,%d)", path, count, h, w, c)
		}
		for _, batch := range []int{1, 3, 8} {
			g := mustGather(t, m, Metrics{FID}, batch)
			if got := fmt.Sprintf("%x", g.pixels.Sum(nil)); got != want {
				t.Errorf("%s, %d at a time: SHA-256 %s, want %s", path, batch, got, want)
			}
			for _, first := range []int{0, 2, 2, 1, 6} { // any order
				count := min(batch, n-first)
				if got, err := m.Read(first, count); err != nil || !bytes.Equal(got, pixels[60*first:60*(first+count)]) {
					t.Errorf("%s: images %d to %d: %v", path, first, first+count, err)
				}
			}
		}
	}
}

// TestJPEG: JPEG files are read with a note.
func TestJPEG(t *testing.T) {
	t.Chdir(t.TempDir())
	pixels, _ := someImages(2, 5, 20).Read(0, 2)
	archive(t, "mixed.zip", zip.Deflate, []string{"a.png", "b.JPEG"}, encoded(t, pixels, png.Encode), encoded(t, pixels[60:], asJPEG))
	m := open(t, "mixed.zip")
	if notes := m.Source().Notes; len(notes) != 1 || !strings.Contains(notes[0], "1 of 2 are JPEG files") {
		t.Errorf("notes %q", notes)
	}
	x, err := m.Read(0, 2)
	if err != nil || !bytes.Equal(x[:60], pixels[:60]) {
		t.Errorf("%v, %v", x, err)
	}
}

// TestWrongImages: what is wrong is said with the name of the file, before any image is used if its header tells.
func TestWrongImages(t *testing.T) {
	t.Chdir(t.TempDir())
	pixels, _ := someImages(2, 5, 20).Read(0, 2)
	good := encoded(t, pixels, png.Encode)
	large := bytes.Clone(encoded(t, pixels, asJPEG))
	at := bytes.Index(large, []byte{0xff, 0xc0}) + 5 // of height and width
	copy(large[at:], []byte{0x0f, 0xff, 0x0f, 0xff})
	small := encoded(t, pixels, func(w io.Writer, m image.Image) error {
		return png.Encode(w, m.(*image.NRGBA).SubImage(image.Rect(0, 0, 5, 3)))
	})
	for says, file := range map[string][]byte{
		"image of (3,5), want (4,5) as the first":                 small,
		"image: unknown format":                                   []byte("text"),
		"unexpected EOF":                                          good[:20],
		"image of (4095,4095) in ":                                large,
		"image of (16385,5), want sides from 1 to 16384 and 1677": bytes.Replace(large, []byte{0x0f, 0xff, 0x0f, 0xff}, []byte{0x40, 1, 0, 5}, 1),
	} {
		archive(t, "bad.zip", zip.Deflate, []string{"a.png", "b/b.png"}, good, file)
		if _, err := OpenImages("bad.zip"); err == nil || !strings.HasPrefix(filepath.ToSlash(err.Error()), "bad.zip/b/b.png: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %s", err, says)
		}
	}

	damaged := bytes.Clone(good)
	damaged[len(damaged)-20] ^= 1
	archive(t, "damaged.zip", zip.Store, []string{"a.png", "b.png"}, good, damaged)
	if _, err := open(t, "damaged.zip").Read(0, 2); err == nil || !strings.HasPrefix(filepath.ToSlash(err.Error()), "damaged.zip/b.png: png: invalid format: ") {
		t.Errorf("error %v", err)
	}
	archive(t, "text.zip", zip.Store, []string{"a.txt"}, good)
	if _, err := OpenImages("text.zip"); err == nil || !strings.Contains(err.Error(), "text.zip: arr_0: no such array; it has [a.txt]") {
		t.Errorf("error %v", err)
	}
	for _, name := range []string{"missing", "missing.npz"} {
		if _, err := OpenImages(name); err == nil || strings.Count(err.Error(), name) != 1 {
			t.Errorf("error %v", err)
		}
	}
}
