package data

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg"
	_ "image/png"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ReadFolder reads all PNG and JPEG files under a folder, sorted by path. Where they lie in subfolders, the first of a file's
// folders is its class: the label is its number if every such folder's name is one, and otherwise its rank among the names. Other
// files, and those whose names start with a dot, are passed over.
//
// All images must have one size. They are grey if every file is, and otherwise RGB; transparency is dropped, and of 16 bits the
// upper 8 are kept. Colours of JPEG files are a little different from libjpeg's, which interpolates the halved chroma.
func ReadFolder(dir string) (*Images, error) {
	files, err := imageFiles(dir)
	if err != nil {
		return nil, err
	}
	m := &Images{N: len(files), C: 1}
	for i, file := range files { // sizes first: only headers are read
		if err := m.addSize(filepath.Join(dir, file), i == 0); err != nil {
			return nil, pathError(filepath.Join(dir, file), err)
		}
	}
	if m.Labels, m.Classes, err = classes(files); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if int64(m.N)*int64(m.H*m.W*m.C) > maxPixels {
		return nil, fmt.Errorf("%s: %d images of (%d,%d) are too many", dir, m.N, m.H, m.W)
	}
	m.Pixels = make([]uint8, m.N*m.H*m.W*m.C)
	for i, file := range files {
		if err := decode(m.Image(i), m.H, m.W, m.C, filepath.Join(dir, file)); err != nil {
			return nil, pathError(filepath.Join(dir, file), err)
		}
	}
	return m, nil
}

// imageFiles lists the image files under dir by slash-separated relative path, sorted.
func imageFiles(dir string) (files []string, err error) {
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return pathError(filepath.Join(dir, name), err)
		}
		hidden := name != "." && strings.HasPrefix(path.Base(name), ".")
		switch {
		case hidden && d.IsDir():
			return fs.SkipDir
		case hidden || d.IsDir():
			return nil
		}
		switch strings.ToLower(path.Ext(name)) {
		case ".png", ".jpg", ".jpeg":
			files = append(files, name)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no PNG or JPEG files", dir)
	}
	slices.Sort(files)
	return files, err
}

// classes derives labels and their names from paths; both are nil if no file lies in a subfolder.
func classes(files []string) (labels []int, names []string, err error) {
	folders := make([]string, len(files))
	for i, file := range files {
		folder, _, inside := strings.Cut(file, "/")
		if !inside {
			folder = ""
		}
		folders[i] = folder
	}
	names = slices.Compact(slices.Sorted(slices.Values(folders)))
	if names[0] == "" {
		if len(names) > 1 {
			return nil, nil, errors.New("images lie both in the folder and in its subfolders: are those classes?")
		}
		return nil, nil, nil
	}

	label := make(map[string]int, len(names))
	for rank, name := range names {
		label[name] = rank
	}
	if numbers := parseAll(names); numbers != nil {
		for rank, name := range names {
			label[name] = numbers[rank]
		}
		names = nil
	}
	labels = make([]int, len(files))
	for i, folder := range folders {
		labels[i] = label[folder]
	}
	return labels, names, nil
}

// parseAll is the names as numbers, or nil if one is none.
func parseAll(names []string) []int {
	var numbers []int
	for _, name := range names {
		n, err := strconv.ParseUint(name, 10, 31)
		if err != nil {
			return nil
		}
		numbers = append(numbers, int(n))
	}
	return numbers
}

// addSize takes the size of the first file, compares that of another with it, and turns to RGB at the first colour.
func (m *Images) addSize(file string, first bool) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	c, _, err := image.DecodeConfig(f)
	if err != nil {
		return err
	}
	switch {
	case c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide:
		return fmt.Errorf("image of (%d,%d), want sides from 1 to %d", c.Height, c.Width, maxSide)
	case first:
		m.H, m.W = c.Height, c.Width
	case c.Height != m.H || c.Width != m.W:
		return fmt.Errorf("image of (%d,%d), want (%d,%d) as the first", c.Height, c.Width, m.H, m.W)
	}
	if c.ColorModel != color.GrayModel && c.ColorModel != color.Gray16Model {
		m.C = 3
	}
	return nil
}

// decode reads one file into dst, (h,w,c).
func decode(dst []uint8, h, w, c int, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	im, _, err := image.Decode(f)
	if err != nil {
		return err
	}
	r := im.Bounds()
	if r.Dy() != h || r.Dx() != w {
		return fmt.Errorf("image of (%d,%d), want (%d,%d): it has changed", r.Dy(), r.Dx(), h, w)
	}
	if rgba, ok := im.(*image.RGBA); ok && rgba.Opaque() {
		im = (*image.NRGBA)(rgba) // the same bytes
	}
	for y := range h {
		row := dst[y*w*c : (y+1)*w*c]
		switch im := im.(type) { // the common kinds fast
		case *image.Gray:
			if c == 1 {
				copy(row, im.Pix[y*im.Stride:])
				continue
			}
		case *image.NRGBA:
			if c == 3 {
				rgb(row, im.Pix[y*im.Stride:])
				continue
			}
		}
		for x := range w {
			p := color.NRGBAModel.Convert(im.At(r.Min.X+x, r.Min.Y+y)).(color.NRGBA)
			copy(row[x*c:(x+1)*c], []uint8{p.R, p.G, p.B})
		}
	}
	return nil
}

// rgb copies pixels without their fourth byte.
func rgb(dst, src []uint8) {
	for i := 0; i < len(dst); i += 3 {
		copy(dst[i:i+3], src[i/3*4:])
	}
}
