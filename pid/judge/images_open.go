package judge

import (
	"archive/zip"
	"fmt"
	"os"
	"path"
	"strings"

	"onestep/pid/data"
	"onestep/tensor/format"
)

// OpenImages opens a .npz file of arr_0 (N,H,W,C), a folder of PNG and JPEG files as [data.Files] reads them, or a zip file of such. Nothing but
// names and sizes is kept in memory.
func OpenImages(path string) (Images, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		f, err := data.OpenFolder(path)
		return newFiles("folder", f, err)
	}
	if holdsFiles(path) {
		f, err := data.OpenZip(path)
		return newFiles("zip", f, err)
	}
	s, err := format.StreamImages(path)
	if err != nil {
		return nil, err
	}
	return &stream{s, Source{Kind: "npz", Path: path}}, nil
}

// holdsFiles says whether a file is a zip file of images, and not of arrays.
func holdsFiles(file string) (found bool) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return false
	}
	defer z.Close()
	for _, f := range z.File {
		switch strings.ToLower(path.Ext(f.Name)) {
		case ".npy":
			return false
		case ".png", ".jpg", ".jpeg":
			found = true
		}
	}
	return found
}

// stream are images of a .npz file.
type stream struct {
	*format.ImageStream
	source Source
}

func (s *stream) Shape() (n, h, w, c int) { return s.N, s.H, s.W, s.C }
func (s *stream) Source() Source          { return s.source }

// files are images that are decoded when they are read.
type files struct {
	*data.Files
	source Source
	last   []byte
}

func newFiles(kind string, f *data.Files, err error) (Images, error) {
	if err != nil {
		return nil, err
	}
	s := Source{Kind: kind, Path: f.Path}
	if f.JPEG > 0 {
		s.Notes = []string{fmt.Sprintf("%d of %d are JPEG files, whose pixels are not those that were compressed, and differ between decoders", f.JPEG, len(f.Names))}
	}
	return &files{Files: f, source: s}, nil
}

func (f *files) Shape() (n, h, w, c int) { return len(f.Names), f.H, f.W, f.C }
func (f *files) Source() Source          { return f.source }

func (f *files) Read(first, count int) ([]byte, error) {
	size := f.H * f.W * f.C
	if cap(f.last) < count*size {
		f.last = make([]byte, count*size)
	}
	f.last = f.last[:count*size]
	for i := range count {
		if err := f.Decode(f.last[i*size:(i+1)*size], first+i); err != nil {
			return nil, err
		}
	}
	return f.last, nil
}
