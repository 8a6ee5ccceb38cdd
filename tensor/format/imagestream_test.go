package format_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"onestep/tensor/format"
)

// npyOf is a file of an array as NumPy writes it.
func npyOf(descr, order, shape string, data []byte) []byte {
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n", descr, order, shape)
	return append([]byte("\x93NUMPY\x01\x00"+string([]byte{byte(len(head)), 0})+head), data...)
}

// counted are the bytes 0, 1, ….
func counted(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

// save writes a file into a new folder.
func save(t *testing.T, data []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "samples.npz")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestStreamImages reads images in order, again, and with gaps, of all kinds of archives, as File.Images does.
func TestStreamImages(t *testing.T) {
	const n, size = 5, 2 * 3 * 3
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		for _, order := range []string{"False", "True"} {
			array := npyOf("|u1", order, "(5, 2, 3, 3)", counted(n*size))
			path := save(t, pack(t, method, []string{"arr_1.npy", "arr_0.npy"}, npyOf("<i8", "False", "(5,)", make([]byte, 40)), array))
			f, err := format.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			want, err := f.Images()
			if err != nil {
				t.Fatal(err)
			}
			s, err := format.StreamImages(path)
			if err != nil {
				t.Fatal(err)
			}
			if s.N != n || s.H != 2 || s.W != 3 || s.C != 3 {
				t.Errorf("%+v", s)
			}
			for _, r := range [][2]int{{0, 2}, {2, 3}, {1, 1}, {4, 1}, {5, 0}, {0, 5}, {3, 1}} {
				got, err := s.Read(r[0], r[1])
				if err != nil || !bytes.Equal(got, want.Pixels[r[0]*size:(r[0]+r[1])*size]) {
					t.Errorf("method %d, fortran %s: images %v: %v, %v", method, order, r, got, err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			f.Close()
		}
	}
}

func TestStreamImagesErrors(t *testing.T) {
	good := npyOf("|u1", "False", "(5, 2, 3, 3)", counted(90))
	for says, data := range map[string][]byte{
		"zip: not a valid zip file":                    good,
		"arr_0: no such array; it has [mu sigma]":      pack(t, zip.Store, []string{"mu.npy", "sigma.npy"}, good, good),
		"F32 [5 2 3 3], want bytes of shape (N,H,W,3)": pack(t, zip.Store, []string{"arr_0.npy"}, npyOf("<f4", "False", "(5, 2, 3, 3)", counted(360))),
		"U8 [5 2 9], want bytes":                       pack(t, zip.Store, []string{"arr_0.npy"}, npyOf("|u1", "False", "(5, 2, 9)", counted(90))),
		"U8 [5 2 3 2], want bytes":                     pack(t, zip.Store, []string{"arr_0.npy"}, npyOf("|u1", "False", "(5, 2, 3, 2)", counted(60))),
		"U8 [0 2 3 3], want bytes":                     pack(t, zip.Store, []string{"arr_0.npy"}, npyOf("|u1", "False", "(0, 2, 3, 3)", nil)),
		"needs 90 bytes of data, there are 89":         pack(t, zip.Deflate, []string{"arr_0.npy"}, good[:len(good)-1]),
	} {
		path := save(t, data)
		if _, err := format.StreamImages(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %s", err, says)
		}
	}
	if _, err := format.StreamImages("missing"); err == nil || !strings.HasPrefix(err.Error(), "missing: ") || strings.Count(err.Error(), "missing") > 1 {
		t.Errorf("error %v", err)
	}
}

// TestLyingArchive: an archive that claims an array of gigabytes in few bytes is refused before memory is taken.
func TestLyingArchive(t *testing.T) {
	const claim = 3 << 30
	for _, order := range []string{"False", "True"} {
		start := npyOf("|u1", order, fmt.Sprintf("(%d, 32, 32, 3)", claim/3072), nil)
		data := pack(t, zip.Deflate, []string{"arr_0.npy"}, append(start, make([]byte, 100)...))
		directory := bytes.Index(data, []byte("PK\x01\x02"))
		binary.LittleEndian.PutUint32(data[directory+24:], uint32(claim+len(start)))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := format.Read("lie", data); err == nil || !strings.Contains(err.Error(), "cannot be") {
			t.Errorf("error %v", err)
		}
		if _, err := format.StreamImages(save(t, data)); err == nil {
			t.Error("it is read")
		}
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 10<<20 {
			t.Errorf("%d bytes of memory", after.TotalAlloc-before.TotalAlloc)
		}
	}
}

// Flipped bits of an array are found when the file is opened, whoever opens it, also where it is compressed, unless they change no pixel: between
// blocks there are bits without a meaning.
func TestDamagedImages(t *testing.T) {
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		for _, order := range []string{"False", "True"} {
			good := pack(t, method, []string{"arr_0.npy"}, npyOf("|u1", order, "(5, 2, 3, 3)", counted(90)))
			f, err := format.Read("good", good)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := f.Images()
			silent := 0
			for at := 30 + len("arr_0.npy"); at < bytes.Index(good, []byte("PK\x07\x08")); at++ {
				bad := bytes.Clone(good)
				bad[at] ^= 0x10
				s, err := format.StreamImages(save(t, bad))
				f, again := format.Read("damaged", bad)
				if (err == nil) != (again == nil) {
					t.Errorf("byte %d: %v, but %v", at, err, again)
				}
				if err != nil || again != nil {
					continue
				}
				silent++
				got, _ := f.Images()
				pixels, err := s.Read(0, 5)
				if err != nil || !bytes.Equal(pixels, want.Pixels) || !bytes.Equal(got.Pixels, want.Pixels) {
					t.Errorf("method %d, fortran %s: byte %d of %d is wrong, and nobody sees it", method, order, at, len(good))
				}
				s.Close()
			}
			if silent > 2 {
				t.Errorf("%d bytes of %d can be wrong", silent, len(good))
			}
		}
	}
}

// TestImagesChanged: a file that becomes another while it is open is an error that names it and the images, and images that there are not a panic.
func TestImagesChanged(t *testing.T) {
	path := save(t, pack(t, zip.Store, []string{"arr_0.npy"}, npyOf("|u1", "False", "(5, 2, 3, 3)", counted(90))))
	s, err := format.StreamImages(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, r := range [][2]int{{-1, 1}, {0, -1}, {0, 6}, {5, 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("images %v are read", r)
				}
			}()
			s.Read(r[0], r[1])
		}()
	}
	if err := os.Truncate(path, 200); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(1, 4); err == nil || !strings.HasPrefix(err.Error(), path+": arr_0.npy: images from 1: ") {
		t.Errorf("a file that was cut off: %v", err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if x, err := s.Read(0, 1); err == nil || !strings.HasPrefix(err.Error(), path+": arr_0.npy: ") {
		t.Errorf("a file that is empty: %v, %v", x, err)
	}
}
