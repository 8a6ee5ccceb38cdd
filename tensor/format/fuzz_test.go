package format_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"io"
	"os"
	"path/filepath"
	"testing"

	"onestep/nn/golden"
	"onestep/tensor/format"
)

const maxSeed = 100_000 // bytes

// seeds are the golden files of a pattern, good and bad, that are not too large.
func seeds(f *testing.F, pattern string, add func(data []byte)) {
	paths, err := filepath.Glob(filepath.Join(golden.Dir(f), "ckpt", "*", pattern))
	if err != nil || len(paths) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) <= maxSeed {
			add(data)
		}
	}
}

// read opens anything: it may refuse, but not panic, and what it accepts can be read.
func read(t *testing.T, data []byte) {
	file, err := format.Read("fuzz", data)
	if err != nil {
		return
	}
	for _, name := range file.Order {
		e, ok := file.Entry(name)
		if !ok {
			t.Fatalf("%q is in the order of the file, but not there", name)
		}
		if _, err := e.Float32s(); err == nil && e.DType != "F64" {
			if _, err := e.Float64s(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	file.Images()
	file.Statistics("mu", "sigma")
}

// pack is a zip file of entries, stored or compressed, with the checksums that a mutation of a whole archive would break.
func pack(t testing.TB, method uint16, names []string, contents ...[]byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for i, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err == nil {
			_, err = w.Write(contents[i])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzRead opens files of every format.
func FuzzRead(f *testing.F) {
	seeds(f, "*", func(data []byte) { f.Add(data) })
	f.Fuzz(read)
}

// FuzzTorch opens PyTorch's zip files: whole ones, or one of a pickle and a storage.
func FuzzTorch(f *testing.F) {
	seeds(f, "*.pt", func(data []byte) {
		f.Add(data, []byte{})
		a, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, file := range a.File {
			if filepath.Base(file.Name) == "data.pkl" {
				if r, err := file.Open(); err == nil {
					if text, err := io.ReadAll(r); err == nil {
						f.Add(text, make([]byte, 48))
					}
				}
			}
		}
	})
	f.Fuzz(func(t *testing.T, data, storage []byte) {
		if !bytes.HasPrefix(data, []byte("PK")) {
			data = pack(t, zip.Store, []string{"a/data.pkl", "a/data/0", "a/data/1"}, data, storage, storage[:len(storage)/2])
		}
		read(t, data)
	})
}

// FuzzNumPy opens NumPy's files: npz, or npy alone and in a stored and a compressed npz.
func FuzzNumPy(f *testing.F) {
	seeds(f, "*.npz", func(data []byte) {
		f.Add(data)
		a, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, file := range a.File {
			if r, err := file.Open(); err == nil {
				if array, err := io.ReadAll(io.LimitReader(r, maxSeed+1)); err == nil && len(array) <= maxSeed { // one is a bomb
					f.Add(array)
				}
			}
		}
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		read(t, data)
		if !bytes.HasPrefix(data, []byte("PK")) {
			names := []string{"mu.npy", "arr_0.npy"}
			read(t, pack(t, zip.Store, names, data, data))
			read(t, pack(t, zip.Deflate, names, data, data))
			data = pack(t, zip.Deflate, names[1:], data)
		}
		stream(t, data)
	})
}

// stream reads images one by one: they are those of File.Images, which wants more of a file.
func stream(t *testing.T, data []byte) {
	path := filepath.Join(t.TempDir(), "images.npz")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := format.StreamImages(path)
	if err == nil {
		defer s.Close()
	}
	file, wrong := format.Read("fuzz", data)
	if wrong != nil {
		return
	}
	want, wrong := file.Images()
	if wrong != nil {
		return
	}
	for i := range want.N {
		if err == nil {
			size := want.H * want.W * want.C
			var got []byte
			if got, err = s.Read(i, 1); err == nil && !bytes.Equal(got, want.Pixels[i*size:(i+1)*size]) {
				t.Fatalf("image %d is another one", i)
			}
		}
		if err != nil {
			t.Fatalf("Images reads them, but: %v", err)
		}
	}
}
