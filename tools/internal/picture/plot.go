package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Axes is what stands around a plot.
type Axes struct {
	Title, X, Y string
	LogY        bool
}

// Series is one line of a plot. Points that cannot be shown are gaps: NaN, whatever is larger than 1e30, and on a logarithmic axis
// whatever is smaller than 1e-30.
type Series struct {
	Name string
	X, Y []float64
	// Smooth draws the line as an exponential average over about so many points, and the points themselves faintly
	// behind it. 0: the points alone.
	Smooth float64
}

const (
	plotDPI    = 120
	plotPoints = 2000 // that are drawn of a line
	extreme    = 1e30 // of values; beyond it, ticks and ranges would overflow
)

// Okabe and Ito's colours, which the colour-blind can tell apart.
var plotColors = []color.NRGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {230, 159, 0, 255}, {86, 180, 233, 255},
}

// Plot draws lines as a PNG file of so many inches, at 120 dots each. Without a single point that can be drawn it is an error.
func Plot(width, height float64, axes Axes, series ...Series) ([]byte, error) {
	p, err := newPlot(axes, series)
	if err != nil {
		return nil, err
	}
	c := vgimg.NewWith(vgimg.UseWH(vg.Length(width)*vg.Inch, vg.Length(height)*vg.Inch), vgimg.UseDPI(plotDPI))
	p.Draw(draw.Crop(draw.New(c), 8, -16, 8, -8)) // a border, in points
	var b bytes.Buffer
	_, err = vgimg.PngCanvas{Canvas: c}.WriteTo(&b)
	return b.Bytes(), err
}

func newPlot(axes Axes, series []Series) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = axes.Title, axes.X, axes.Y
	p.Title.Padding, p.X.Label.Padding, p.Y.Label.Padding = 6, 4, 4
	p.Legend.Top = true
	p.Legend.Padding, p.Legend.ThumbnailWidth = 2, 24
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{225}, color.Gray{225}
	p.Add(grid)

	r := newPlotRange(axes.LogY)
	for i, s := range series { // the faint points of all lines first, behind the lines
		if len(s.X) != len(s.Y) {
			return nil, fmt.Errorf("%s: %d positions for %d values", s.Name, len(s.X), len(s.Y))
		}
		if s.Smooth > 0 {
			c := plotColors[i%len(plotColors)]
			c.A = 70
			r.add(p, s.X, s.Y, c, 0.7)
		}
	}
	for i, s := range series {
		y := s.Y
		if s.Smooth > 0 {
			y = smooth(y, s.Smooth)
		}
		if piece := r.add(p, s.X, y, plotColors[i%len(plotColors)], 1.5); piece != nil && s.Name != "" {
			p.Legend.Add(s.Name, piece)
		}
	}
	if r.xmin > r.xmax {
		return nil, errors.New("nothing to plot")
	}
	r.set(p)
	return p, nil
}

// plotRange is the extent of what has been drawn.
type plotRange struct {
	log                    bool
	xmin, xmax, ymin, ymax float64
}

func newPlotRange(log bool) *plotRange {
	inf := math.Inf(1)
	return &plotRange{log, inf, -inf, inf, -inf}
}

// add draws a line with gaps, a point alone as a disc, and returns one of its pieces, or nil.
func (r *plotRange) add(p *plot.Plot, x, y []float64, c color.Color, width vg.Length) (shownPiece plot.Thumbnailer) {
	var piece plotter.XYs
	flush := func() {
		switch len(piece) {
		case 0:
			return
		case 1:
			disc, err := plotter.NewScatter(piece)
			if err != nil {
				panic(fmt.Errorf("picture: %w", err)) // the points are finite
			}
			disc.GlyphStyle = draw.GlyphStyle{Color: c, Radius: 2 * width, Shape: draw.CircleGlyph{}}
			p.Add(disc)
			shownPiece = disc
		default:
			line, err := plotter.NewLine(thin(piece))
			if err != nil {
				panic(fmt.Errorf("picture: %w", err))
			}
			line.Color, line.Width = c, width
			p.Add(line)
			shownPiece = line
		}
		piece = nil
	}
	for i := range x {
		if !shown(x[i]) || !shown(y[i]) || r.log && y[i] < 1/extreme {
			flush()
			continue
		}
		r.xmin, r.xmax = min(r.xmin, x[i]), max(r.xmax, x[i])
		r.ymin, r.ymax = min(r.ymin, y[i]), max(r.ymax, y[i])
		piece = append(piece, plotter.XY{X: x[i], Y: y[i]})
	}
	flush()
	return shownPiece
}

func shown(x float64) bool { return math.Abs(x) <= extreme } // false for NaN

// set makes the axes fit, with a little room above and below, and neither empty.
func (r *plotRange) set(p *plot.Plot) {
	if r.xmin == r.xmax {
		r.xmin, r.xmax = r.xmin-0.5, r.xmax+0.5
	}
	if r.log {
		room := max(math.Pow(r.ymax/r.ymin, 0.03), 1.05)
		r.ymin, r.ymax = r.ymin/room, r.ymax*room
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(logTicks)
	} else {
		room := 0.03 * (r.ymax - r.ymin)
		if room == 0 {
			room = max(0.05*math.Abs(r.ymax), 1e-3)
		}
		r.ymin, r.ymax = r.ymin-room, r.ymax+room
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = r.xmin, r.xmax, r.ymin, r.ymax
}

// logTicks marks 1…9 of each decade and names the powers of ten; over less than three decades 2 and 5 too, and
// over less than a third of a decade evenly spaced values, for no such number might fall between.
func logTicks(lo, hi float64) (ticks []plot.Tick) {
	decades := math.Log10(hi / lo)
	if decades < 0.4 {
		return plot.DefaultTicks{}.Ticks(lo, hi)
	}
	every := max(1, int(decades/8)) // decades from name to name
	for k := int(math.Floor(math.Log10(lo))); k <= int(math.Ceil(math.Log10(hi))); k++ {
		for m := 1; m < 10; m++ {
			v, err := strconv.ParseFloat(fmt.Sprintf("%de%d", m, k), 64) // correctly rounded, as a product is not
			if err != nil || v < lo || v > hi || every > 1 && m > 1 {
				continue
			}
			label := ""
			if m == 1 && k%every == 0 || decades < 3 && (m == 2 || m == 5) {
				label = strconv.FormatFloat(v, 'g', -1, 64)
			}
			ticks = append(ticks, plot.Tick{Value: v, Label: label})
		}
	}
	return ticks
}

// smooth is the exponential average of y over about n points, corrected for its start at zero. Values that cannot be shown are
// passed over.
func smooth(y []float64, n float64) []float64 {
	keep := max(1-1/n, 0)
	mean, weight := 0.0, 0.0
	out := make([]float64, len(y))
	for i, v := range y {
		if !shown(v) {
			out[i] = v
			continue
		}
		mean = keep*mean + (1-keep)*v
		weight = keep*weight + (1 - keep)
		out[i] = mean / weight
	}
	return out
}

// thin keeps the lowest and the highest point of each of a thousand stretches of a long line: what can be seen of it.
func thin(points plotter.XYs) plotter.XYs {
	if len(points) <= plotPoints {
		return points
	}
	var kept plotter.XYs
	const stretches = plotPoints / 2
	for i := range stretches {
		part := points[i*len(points)/stretches : (i+1)*len(points)/stretches]
		lo, hi := 0, 0
		for k := range part {
			if part[k].Y < part[lo].Y {
				lo = k
			}
			if part[k].Y > part[hi].Y {
				hi = k
			}
		}
		kept = append(kept, part[min(lo, hi)], part[max(lo, hi)])
	}
	return kept
}
