package data

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"io/fs"
	"runtime"
	"testing"
	"testing/fstest"
)

// mended is a PNG file with the right checksums of its chunks, which a mutation breaks; nil if it is none.
func mended(file []byte) []byte {
	const magic = "\x89PNG\r\n\x1a\n"
	if !bytes.HasPrefix(file, []byte(magic)) {
		return nil
	}
	file = bytes.Clone(file)
	for rest := file[len(magic):]; len(rest) >= 12; {
		n := uint64(binary.BigEndian.Uint32(rest))
		if n > uint64(len(rest)-12) {
			break
		}
		binary.BigEndian.PutUint32(rest[8+n:], crc32.ChecksumIEEE(rest[4:8+n]))
		rest = rest[12+n:]
	}
	return file
}

// archive is a zip file of entries.
func archive(t testing.TB, method uint16, names []string, contents ...[]byte) []byte {
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
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzImages decodes PNG and JPEG files, and zip files of them: they may be refused, but neither panic nor take memory that the file does not
// account for, and what is decoded once is decoded again to the same pixels.
func FuzzImages(f *testing.F) {
	grey := picture(f, "png", image.NewGray(size), shade)
	rgb := picture(f, "png", image.NewNRGBA(size), faint)
	jpg := picture(f, "jpeg", image.NewNRGBA(image.Rect(0, 0, 17, 9)), red)
	for _, seed := range [][]byte{
		grey, rgb, jpg,
		picture(f, "png", image.NewNRGBA64(size), deep), picture(f, "png", image.NewGray16(size), shade), picture(f, "jpeg", image.NewGray(size), shade),
		picture(f, "png", image.NewPaletted(size, color.Palette{red(0, 0), red(1, 0), red(2, 0)}), red),
		archive(f, zip.Store, []string{"a/1.png", "a/2.png", "a/dataset.json"}, grey, rgb, nil),
		archive(f, zip.Deflate, []string{"1.jpeg", "2.JPG"}, jpg, jpg),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, file := range [][]byte{file, mended(file)} {
			var fsys fs.FS = fstest.MapFS{"a.png": {Data: file}}
			if z, err := zip.NewReader(bytes.NewReader(file), int64(len(file))); err == nil {
				fsys = z
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			decodeAll(t, fsys)
			runtime.ReadMemStats(&after)
			if taken := after.TotalAlloc - before.TotalAlloc; taken > 16<<20+1<<18*uint64(len(file)) || taken > 2<<30 {
				t.Fatalf("%d bytes of memory for %d of data", taken, len(file))
			}
		}
	})
}

// decodeAll decodes the first files twice.
func decodeAll(t *testing.T, fsys fs.FS) {
	m, err := openFiles("fuzz", fsys, func() error { return nil })
	if err != nil {
		return
	}
	n := m.H * m.W * m.C
	x, y := make([]byte, n), bytes.Repeat([]byte{1}, n)
	for i := range min(len(m.Names), 4) {
		if err := m.Decode(x, i); err != nil {
			return
		}
		if err := m.Decode(y, i); err != nil || !bytes.Equal(x, y) {
			t.Fatalf("%s: other pixels the second time (%v)", m.Names[i], err)
		}
	}
}
