package data

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Images is a set of images of one size, and maybe their classes.
type Images struct {
	N, H, W, C int
	Pixels     []uint8  // (N,H,W,C), 0 … 255
	Labels     []int    // (N), from 0; nil without classes
	Classes    []string // the names of the labels, if they have any
}

// Read reads a folder by [ReadFolder], or an IDX file by [ReadIDX] with the labels that lie beside it under the
// customary name: train-labels-idx1-ubyte for train-images-idx3-ubyte.
func Read(path string) (*Images, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	if info.IsDir() {
		return ReadFolder(path)
	}
	dir, name := filepath.Split(path)
	labels := dir + strings.Replace(name, "images-idx3", "labels-idx1", 1)
	if labels == path {
		labels = ""
	} else if _, err := os.Stat(labels); err != nil {
		labels = ""
	}
	return ReadIDX(path, labels)
}

// Image is the pixels of one image, (H,W,C), shared with the set.
func (m *Images) Image(i int) []uint8 {
	n := m.H * m.W * m.C
	return m.Pixels[i*n : (i+1)*n : (i+1)*n]
}

// Float writes image i to dst, (H,W,C), as x/127.5 − 1: from [0,255] to [−1,1]. It panics if dst has another length.
func (m *Images) Float(dst []float32, i int) {
	src := m.Image(i)
	if len(dst) != len(src) {
		panic(fmt.Errorf("data: Float: %d numbers for an image of (%d,%d,%d)", len(dst), m.H, m.W, m.C))
	}
	for k, p := range src {
		dst[k] = float32(p)/127.5 - 1
	}
}

// Subset is a copy of the images with these indices, in this order.
func (m *Images) Subset(indices []int) *Images {
	s := m.black(len(indices), m.H, m.W)
	if m.Labels != nil {
		s.Labels = make([]int, len(indices))
	}
	for k, i := range indices {
		copy(s.Image(k), m.Image(i))
		if m.Labels != nil {
			s.Labels[k] = m.Labels[i]
		}
	}
	return s
}

// PadTo is the images in the middle of black squares of this size; an odd rest goes to the right and below. It panics if an
// image is larger than that.
func (m *Images) PadTo(size int) *Images {
	if m.H > size || m.W > size {
		panic(fmt.Errorf("data: PadTo: images of (%d,%d) do not fit into (%d,%d)", m.H, m.W, size, size))
	}
	p := m.black(m.N, size, size)
	p.Labels = m.Labels
	top, left := (size-m.H)/2, (size-m.W)/2
	row := m.W * m.C
	for i := range m.N {
		src, dst := m.Image(i), p.Image(i)
		for y := range m.H {
			copy(dst[((top+y)*size+left)*m.C:], src[y*row:(y+1)*row])
		}
	}
	return p
}

// Halve is the images at half the size: means of 2×2 pixels, rounded to nearest, halves up. It panics if a side is odd.
func (m *Images) Halve() *Images {
	if m.H%2 != 0 || m.W%2 != 0 {
		panic(fmt.Errorf("data: Halve: images of (%d,%d) have an odd side", m.H, m.W))
	}
	p := m.black(m.N, m.H/2, m.W/2)
	p.Labels = m.Labels
	row := m.W * m.C
	for i := range m.N {
		src, dst := m.Image(i), p.Image(i)
		for y := range p.H {
			for x := range p.W {
				for c := range m.C {
					k := 2*y*row + 2*x*m.C + c
					sum := int(src[k]) + int(src[k+m.C]) + int(src[k+row]) + int(src[k+row+m.C])
					dst[(y*p.W+x)*m.C+c] = uint8((sum + 2) / 4)
				}
			}
		}
	}
	return p
}

// black is n black images of another size with the same channels and class names.
func (m *Images) black(n, h, w int) *Images {
	return &Images{N: n, H: h, W: w, C: m.C, Pixels: make([]uint8, n*h*w*m.C), Classes: m.Classes}
}

// pathError is err with the path in front, once.
func pathError(path string, err error) error {
	if pe, ok := err.(*fs.PathError); ok {
		err = pe.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}
