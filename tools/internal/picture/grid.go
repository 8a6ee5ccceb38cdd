package picture

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"onestep/pid/data"
	"onestep/tensor"
)

// Grid is the layout of images on a sheet. In the zero value every field has its default.
type Grid struct {
	Columns int // images in a row; 0: 10
	Scale   int // pixels a side that one pixel becomes; 0: what brings images of fewer than 64 pixels near to that
	Margin  int // pixels between images; 0: 2
}

const (
	paper = 255 // between images
	ink   = 64  // the line between blocks
)

// Write draws blocks of images below each other, separated by lines, as a PNG file: the teacher's images above the student's from the
// same noise. All must have one size; blocks may differ in number. C is 1 or 3.
func (g Grid) Write(path string, blocks ...*data.Images) error {
	m, err := g.draw(blocks)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return tensor.AtomicWrite(path, func(w io.Writer) error { return png.Encode(w, m) })
}

func (g Grid) draw(blocks []*data.Images) (image.Image, error) {
	most := 0
	for _, b := range blocks {
		if err := checkImages(b); err != nil {
			return nil, err
		}
		if a := blocks[0]; b.H != a.H || b.W != a.W || b.C != a.C {
			return nil, fmt.Errorf("images of (%d,%d,%d) and (%d,%d,%d) on one sheet", a.H, a.W, a.C, b.H, b.W, b.C)
		}
		most = max(most, b.N)
	}
	if most == 0 {
		return nil, errors.New("no images")
	}
	first := blocks[0]
	if g.Columns <= 0 {
		g.Columns = 10
	}
	if g.Scale <= 0 {
		g.Scale = max(1, 64/max(first.H, first.W))
	}
	if g.Margin <= 0 {
		g.Margin = 2
	}
	columns := min(g.Columns, most)
	stepX, stepY := first.W*g.Scale+g.Margin, first.H*g.Scale+g.Margin
	gap := 4 * g.Margin // added to the margin between two blocks: the line between them, and the space above and below it

	height := g.Margin
	for i, b := range blocks {
		if i > 0 {
			height += gap
		}
		height += (b.N + columns - 1) / columns * stepY
	}
	s := newSheet(columns*stepX+g.Margin, height, first.C)
	y := g.Margin
	for i, b := range blocks {
		if i > 0 {
			s.line(y+g.Margin, y+2*g.Margin)
			y += gap
		}
		for k := range b.N {
			s.put(b.Image(k), b.H, b.W, g.Margin+k%columns*stepX, y+k/columns*stepY, g.Scale)
		}
		y += (b.N + columns - 1) / columns * stepY
	}
	return s.image, nil
}

// WriteFolder writes each image as a PNG file: 000000.png and so on, counted from first. The folder is made if it is missing.
func WriteFolder(dir string, m *data.Images, first int) error {
	if err := checkImages(m); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("%s: %w", dir, errors.Unwrap(err))
	}
	for i := range m.N {
		s := newSheet(m.W, m.H, m.C)
		s.put(m.Image(i), m.H, m.W, 0, 0, 1)
		path := filepath.Join(dir, fmt.Sprintf("%06d.png", first+i))
		if err := tensor.AtomicWrite(path, func(w io.Writer) error { return png.Encode(w, s.image) }); err != nil {
			return err
		}
	}
	return nil
}

func checkImages(m *data.Images) error {
	if m.C != 1 && m.C != 3 {
		return fmt.Errorf("images of %d channels, want 1 or 3", m.C)
	}
	if m.H < 1 || m.W < 1 {
		return fmt.Errorf("images of (%d,%d)", m.H, m.W)
	}
	return nil
}

// sheet is an image to draw on, grey for one channel and RGB with an unused fourth byte for three.
type sheet struct {
	image  image.Image
	pixels []uint8
	stride int
	size   int // bytes of a pixel
}

func newSheet(w, h, c int) sheet {
	var s sheet
	if r := image.Rect(0, 0, w, h); c == 1 {
		m := image.NewGray(r)
		s = sheet{m, m.Pix, m.Stride, 1}
	} else {
		m := image.NewNRGBA(r)
		s = sheet{m, m.Pix, m.Stride, 4}
	}
	for i := range s.pixels {
		s.pixels[i] = paper // opaque, too
	}
	return s
}

// line draws over whole rows.
func (s sheet) line(from, to int) {
	rows := s.pixels[from*s.stride : to*s.stride]
	for i := range rows {
		if s.size == 1 || i%4 != 3 {
			rows[i] = ink
		}
	}
}

// put draws an image, (h,w,c), with its upper left corner at (x,y).
func (s sheet) put(m []uint8, h, w, x, y, scale int) {
	c := min(s.size, 3)
	for i := range h * scale {
		row := s.pixels[(y+i)*s.stride+x*s.size:]
		src := m[i/scale*w*c:]
		for j := range w * scale {
			copy(row[j*s.size:], src[j/scale*c:j/scale*c+c])
		}
	}
}
