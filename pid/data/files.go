package data

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxFile          = 1 << 26 // bytes of one image file
	maxArea          = 1 << 24 // pixels of one image
	maxPixelsPerByte = 8256    // deflate makes at most 1032 bytes of one, and a byte has at most 8 pixels, of 1 bit
)

// Files are the PNG and JPEG files of a folder or of a zip file, sorted by path, decoded one at a time. Other files, and those whose names
// start with a dot, are passed over.
//
// All images have one size. They are grey if every file is, and otherwise RGB, grey ones with three equal channels. Palettes become their
// colours, transparency is dropped, of 16 bits the upper 8 are kept, and gamma and colour profiles are ignored. Colours of JPEG files are a
// little different from libjpeg's, which interpolates the halved chroma.
type Files struct {
	Path    string   // of the folder or zip file
	Names   []string // within it, with slashes
	H, W, C int
	JPEG    int // how many are JPEG files

	fsys  fs.FS
	close func() error
	file  bytes.Buffer // the last one that was read
}

// OpenFolder lists the image files under a folder, and reads the size of each.
func OpenFolder(dir string) (*Files, error) {
	return openFiles(dir, os.DirFS(dir), func() error { return nil })
}

// OpenZip lists the image files in a zip file, as [OpenFolder] does.
func OpenZip(path string) (*Files, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	f, err := openFiles(path, z, z.Close)
	if err != nil {
		z.Close()
	}
	return f, err
}

func openFiles(path string, fsys fs.FS, close func() error) (*Files, error) {
	f := &Files{Path: path, C: 1, fsys: fsys, close: close}
	if err := f.list(); err != nil {
		return nil, err
	}
	for i, name := range f.Names {
		if err := f.addSize(name, i == 0); err != nil {
			return nil, f.error(name, err)
		}
	}
	return f, nil
}

// error names a file in front of what is wrong with it.
func (f *Files) error(name string, err error) error {
	return pathError(filepath.Join(f.Path, name), err)
}

func (f *Files) Close() error { return f.close() }

// list finds the image files.
func (f *Files) list() error {
	err := fs.WalkDir(f.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return f.error(name, err)
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
			f.Names = append(f.Names, name)
		}
		return nil
	})
	if err == nil && len(f.Names) == 0 {
		err = fmt.Errorf("%s: no PNG or JPEG files", f.Path)
	}
	slices.Sort(f.Names)
	return err
}

// addSize takes the size of the first file, compares that of another with it, and turns to RGB at the first colour. Only the header is read.
func (f *Files) addSize(name string, first bool) error {
	r, err := f.fsys.Open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return err
	}
	c, format, err := image.DecodeConfig(r)
	if err == nil {
		err = checkSize(c, info.Size())
	}
	switch {
	case err != nil:
		return err
	case first:
		f.H, f.W = c.Height, c.Width
	case c.Height != f.H || c.Width != f.W:
		return fmt.Errorf("image of (%d,%d), want (%d,%d) as the first", c.Height, c.Width, f.H, f.W)
	}
	if c.ColorModel != color.GrayModel && c.ColorModel != color.Gray16Model {
		f.C = 3
	}
	if format == "jpeg" {
		f.JPEG++
	}
	return nil
}

// checkSize refuses sizes that a file of so many bytes cannot have, or that nothing here can use, before any memory is taken for pixels.
func checkSize(c image.Config, size int64) error {
	switch {
	case c.Width < 1 || c.Height < 1 || c.Width > maxSide || c.Height > maxSide || c.Width*c.Height > maxArea:
		return fmt.Errorf("image of (%d,%d), want sides from 1 to %d and %d pixels at most", c.Height, c.Width, maxSide, maxArea)
	case size > maxFile:
		return fmt.Errorf("%d bytes are too many for an image", size)
	case int64(c.Width)*int64(c.Height) > maxPixelsPerByte*size:
		return fmt.Errorf("image of (%d,%d) in %d bytes: there cannot be so much in it", c.Height, c.Width, size)
	}
	return nil
}

// Decode decodes file i into dst, (H,W,C).
func (f *Files) Decode(dst []uint8, i int) error {
	if err := f.decode(dst, f.Names[i]); err != nil {
		return f.error(f.Names[i], err)
	}
	return nil
}

func (f *Files) decode(dst []uint8, name string) error {
	r, err := f.fsys.Open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	f.file.Reset()
	if _, err := f.file.ReadFrom(io.LimitReader(r, maxFile+1)); err != nil {
		return err
	}
	return decode(dst, f.H, f.W, f.C, f.file.Bytes())
}

// decode is an image file as pixels (h,w,c).
func decode(dst []uint8, h, w, c int, file []byte) error {
	config, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err == nil {
		err = checkSize(config, int64(len(file)))
	}
	if err != nil {
		return err
	}
	if config.Height != h || config.Width != w {
		return fmt.Errorf("image of (%d,%d), want (%d,%d): it has changed", config.Height, config.Width, h, w)
	}
	im, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return err
	}
	if rgba, ok := im.(*image.RGBA); ok && rgba.Opaque() {
		im = (*image.NRGBA)(rgba) // the same bytes
	}
	corner := im.Bounds().Min
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
		case *image.NRGBA64: // package color would multiply by the opacity and divide again, which loses digits where that is small
			for x := range w {
				p := im.NRGBA64At(corner.X+x, corner.Y+y)
				copy(row[x*c:(x+1)*c], []uint8{uint8(p.R >> 8), uint8(p.G >> 8), uint8(p.B >> 8)})
			}
			continue
		}
		for x := range w {
			p := color.NRGBAModel.Convert(im.At(corner.X+x, corner.Y+y)).(color.NRGBA)
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
