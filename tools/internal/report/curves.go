package report

import (
	"io"
	"path/filepath"

	"onestep/pid"
	"onestep/pid/runs"
	"onestep/tensor"
	"onestep/tools/internal/board"
	"onestep/tools/internal/picture"
)

const curveWidth, curveHeight = 6.5, 3.5 // inches

// curves draws what the run has shown. Loss and measures are files, too.
func curves(dir string, c pid.Config, l runs.Log, speeds []board.Speed) (list []figure, err error) {
	draw := func(file, title string, axes picture.Axes, series ...picture.Series) error {
		axes.X = "step"
		b, err := picture.Plot(curveWidth, curveHeight, axes, series...)
		if err != nil {
			return nil // no point of it can be drawn
		}
		list = append(list, newFigure(title, b))
		if file == "" {
			return nil
		}
		return tensor.AtomicWrite(filepath.Join(dir, file), func(w io.Writer) error { _, err := w.Write(b); return err })
	}
	column := func(name string, value func(pid.Metrics) float64) picture.Series {
		s := picture.Series{Name: name, Smooth: max(10, float64(len(l.Steps))/50)}
		for _, m := range l.Steps {
			if !m.Skipped {
				s.X, s.Y = append(s.X, float64(m.Step)), append(s.Y, value(m))
			}
		}
		return s
	}
	err = draw("loss.png", "Loss", picture.Axes{Title: "PID loss", Y: "loss (" + c.Loss + ")", LogY: true},
		column("loss", func(m pid.Metrics) float64 { return m.Loss }))
	if err != nil {
		return nil, err
	}
	for _, kind := range kinds(l) {
		var lines []picture.Series
		for _, name := range kind.measures {
			s := picture.Series{Name: seriesTitle(name)}
			for _, e := range l.Evaluations {
				if y, ok := e.Numbers[name]; ok {
					s.X, s.Y = append(s.X, float64(e.Step)), append(s.Y, y)
				}
			}
			lines = append(lines, s)
		}
		title := kindTitle(kind.name)
		if err := draw(kind.name+".png", title, picture.Axes{Title: title, Y: title, LogY: true}, lines...); err != nil {
			return nil, err
		}
	}
	var quartiles []picture.Series
	for q, name := range []string{"most noise", "more", "less", "least noise"} {
		s := column(name, func(m pid.Metrics) float64 { return m.Quartiles[q] }) // 0 where no sample was: a gap of the logarithm
		quartiles = append(quartiles, s)
	}
	draw("", "Loss by noise level, in quarters of the grid", picture.Axes{Title: "Loss by noise level", Y: "loss (" + c.Loss + ")", LogY: true}, quartiles...)
	draw("", "Length of the gradient", picture.Axes{Title: "Length of the gradient", Y: "norm", LogY: true},
		column("", func(m pid.Metrics) float64 { return m.GradNorm }))
	if c.FP16 {
		s := column("", func(m pid.Metrics) float64 { return m.LossScale })
		s.Smooth = 0
		draw("", "Loss scale", picture.Axes{Title: "Loss scale", Y: "log2"}, s)
	}
	if len(speeds) > 1 {
		var s picture.Series
		for _, x := range speeds {
			s.X, s.Y = append(s.X, float64(x.Step)), append(s.Y, x.Rate)
		}
		draw("", "Images per second", picture.Axes{Title: "Images per second", Y: "images/s"}, s)
	}
	return list, nil
}
