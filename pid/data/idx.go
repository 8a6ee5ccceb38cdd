package data

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

const (
	maxSide   = 1 << 14 // pixels
	maxPixels = 1 << 38 // of a file, in bytes
)

// ReadIDX reads grey images from an IDX file of MNIST's kind, and their labels from another unless labelsPath is empty. Both may be
// compressed by gzip.
//
//	0 0 8 rank │ rank big-endian 32-bit dimensions │ bytes        images: (N,H,W), labels: (N)
func ReadIDX(imagesPath, labelsPath string) (*Images, error) {
	dims, pixels, err := openIDX(imagesPath, 3)
	if err != nil {
		return nil, err
	}
	m := &Images{N: dims[0], H: dims[1], W: dims[2], C: 1, Pixels: pixels}
	if len(pixels) == 0 {
		return nil, fmt.Errorf("%s: no images: shape %v", imagesPath, dims)
	}
	if labelsPath == "" {
		return m, nil
	}
	dims, labels, err := openIDX(labelsPath, 1)
	if err != nil {
		return nil, err
	}
	if dims[0] != m.N {
		return nil, fmt.Errorf("%s: %d labels for the %d images of %s", labelsPath, dims[0], m.N, imagesPath)
	}
	m.Labels = make([]int, m.N)
	for i, b := range labels {
		m.Labels[i] = int(b)
	}
	return m, nil
}

func openIDX(path string, rank int) ([]int, []byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, pathError(path, err)
	}
	defer f.Close()
	dims, bytes, err := readIDX(f, rank)
	if err != nil {
		return nil, nil, pathError(path, err)
	}
	return dims, bytes, nil
}

// readIDX reads an array of bytes of this rank. It allocates as the bytes come, whatever the header says.
func readIDX(r io.Reader, rank int) (dims []int, data []byte, err error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); string(magic) == "\x1f\x8b" {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, nil, err
		}
		b = bufio.NewReader(z)
	}
	head := make([]byte, 4+4*rank)
	if _, err := io.ReadFull(b, head[:4]); err != nil {
		return nil, nil, fmt.Errorf("no IDX header: %w", err)
	}
	switch {
	case head[0] != 0 || head[1] != 0:
		return nil, nil, fmt.Errorf("starts with % x: no IDX file", head[:4])
	case head[2] != 8:
		return nil, nil, fmt.Errorf("IDX elements of type %#02x, want bytes (0x08)", head[2])
	case int(head[3]) != rank:
		return nil, nil, fmt.Errorf("IDX array of rank %d, want %d", head[3], rank)
	}
	if _, err := io.ReadFull(b, head[4:]); err != nil {
		return nil, nil, fmt.Errorf("no IDX dimensions: %w", err)
	}
	n := int64(1)
	for i := range rank {
		d := int64(binary.BigEndian.Uint32(head[4+4*i:]))
		if i > 0 && d > maxSide {
			return nil, nil, fmt.Errorf("images with a side of %d pixels, at most %d are allowed", d, maxSide)
		}
		dims, n = append(dims, int(d)), n*d // below 2⁶⁰
	}
	if n > maxPixels {
		return nil, nil, fmt.Errorf("shape %v is too large", dims)
	}
	if data, err = io.ReadAll(io.LimitReader(b, n+1)); err != nil {
		return nil, nil, err
	}
	if int64(len(data)) > n {
		return nil, nil, fmt.Errorf("bytes after the %d of shape %v", n, dims)
	}
	if int64(len(data)) < n {
		return nil, nil, fmt.Errorf("%d bytes for shape %v: %w", len(data), dims, io.ErrUnexpectedEOF)
	}
	return dims, data, nil
}
