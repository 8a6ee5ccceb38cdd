package format

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// ImageStream is arr_0 (N,H,W,C) of a sample file, as [File.Images] reads it, but read in order and without being in memory.
type ImageStream struct {
	N, H, W, C int

	path  string
	file  io.Closer
	entry *zip.File
	whole bool // the entry was read once to its end, and its length and checksum are right
	r     io.ReadCloser
	at    int    // the next image of r
	last  []byte // what Read returned
}

const imagesEntry = "arr_0.npy"

// StreamImages opens a sample file. All of it is read once, so that one that is damaged is refused before any image is used.
func StreamImages(path string) (*ImageStream, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		if cause := (*os.PathError)(nil); errors.As(err, &cause) {
			err = cause.Err
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &ImageStream{path: path, file: z}
	if err := s.open(&z.Reader); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), s.Close())
	}
	return s, nil
}

func (s *ImageStream) open(z *zip.Reader) error {
	a, err := newArchive(z)
	if err != nil {
		return err
	}
	if s.entry = a.entries[imagesEntry]; s.entry == nil {
		var all []string
		for _, name := range a.names {
			all = append(all, strings.TrimSuffix(name, ".npy"))
		}
		return fmt.Errorf("arr_0: no such array; it has %.200v", all)
	}
	if err := s.rewind(); err != nil {
		return err
	}
	if _, err = io.Copy(io.Discard, s.r); err != nil { // the archive's reader compares lengths and checksums at the end
		return fmt.Errorf("%s: %w", imagesEntry, err)
	}
	s.at, s.whole = s.N, true
	return nil
}

// rewind starts again with the first image.
func (s *ImageStream) rewind() (err error) {
	if s.r != nil {
		s.r.Close()
	}
	s.at = 0
	if s.r, err = s.entry.Open(); err != nil {
		return fmt.Errorf("%s: %w", imagesEntry, err)
	}
	h, err := npyStart(s.r, s.entry.UncompressedSize64)
	if err == nil {
		err = checkImages(h.dtype, h.shape)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", imagesEntry, err)
	}
	s.N, s.H, s.W, s.C = h.shape[0], h.shape[1], h.shape[2], h.shape[3]
	if h.fortran && s.whole {
		return s.readColumnMajor()
	}
	return nil
}

// readColumnMajor reads all of a column-major array.
func (s *ImageStream) readColumnMajor() error {
	r, err := s.entry.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	e, err := npy(r, s.entry.UncompressedSize64)
	if err != nil {
		return fmt.Errorf("%s: %w", imagesEntry, err)
	}
	s.r.Close()
	s.r = io.NopCloser(bytes.NewReader(e.Data))
	return nil
}

// Read returns the pixels (count,H,W,C) of images first … first+count−1, valid until the next call. Going back to earlier images reads the file again.
func (s *ImageStream) Read(first, count int) ([]byte, error) {
	if first < 0 || count < 0 || first > s.N-count {
		panic(fmt.Errorf("format: ImageStream.Read: images %d to %d of %d", first, first+count, s.N))
	}
	if first < s.at {
		if err := s.rewind(); err != nil {
			return nil, fmt.Errorf("%s: %w", s.path, err)
		}
	}
	size := s.H * s.W * s.C
	_, err := io.CopyN(io.Discard, s.r, int64(first-s.at)*int64(size))
	if err == nil {
		if cap(s.last) < count*size {
			s.last = make([]byte, count*size)
		}
		s.last = s.last[:count*size]
		_, err = io.ReadFull(s.r, s.last)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s: images from %d: %w", s.path, imagesEntry, first, err)
	}
	s.at = first + count
	return s.last, nil
}

func (s *ImageStream) Close() error {
	if s.r != nil {
		s.r.Close()
	}
	return s.file.Close()
}
