package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"onestep/pid"
	"onestep/pid/runs"
	"onestep/tools/internal/board"
)

// measures are the names of what the evaluations measured, in order; not how many images they had, nor how sure they are.
func measures(l runs.Log) (names []string) {
	for _, e := range l.Evaluations {
		for name := range e.Numbers {
			if !strings.HasSuffix(name, "images") && !strings.HasSuffix(name, "spread") && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// kind is what measures have in common: fid_raw and fid_0.99 are a fid of several students, which share a plot.
type kind struct {
	name     string
	measures []string
}

func kinds(l runs.Log) (list []kind) {
	for _, m := range measures(l) {
		name, _, _ := strings.Cut(m, "_")
		if n := len(list); n == 0 || list[n-1].name != name {
			list = append(list, kind{name: name})
		}
		k := &list[len(list)-1]
		k.measures = append(k.measures, m)
	}
	return list
}

// kindTitle, seriesTitle and measureTitle are names for people: of a plot, of a line in it, and of one number.
func kindTitle(name string) string {
	if title, ok := map[string]string{"fd": "Fréchet distance", "fid": "FID", "sfid": "sFID", "kid": "KID", "is": "Inception Score"}[name]; ok {
		return title
	}
	return name
}

func seriesTitle(measure string) string {
	switch _, of, several := strings.Cut(measure, "_"); {
	case !several:
		return ""
	case of == "raw":
		return "raw weights"
	default:
		return "average " + of
	}
}

func measureTitle(measure string) string {
	name, _, _ := strings.Cut(measure, "_")
	if s := seriesTitle(measure); s != "" {
		return kindTitle(name) + ", " + s
	}
	return kindTitle(name)
}

// facts are the numbers at the head of the page.
func facts(c pid.Config, l runs.Log, speeds []board.Speed) (list []Fact) {
	add := func(name, format string, args ...any) { list = append(list, Fact{name, fmt.Sprintf(format, args...)}) }
	if n := len(l.Steps); n > 0 {
		last := l.Steps[n-1]
		add("Images trained on", "%.4g thousand, made of noise", float64(last.Step)*float64(c.Batch)/1000)
		skipped, sum, count := 0, 0.0, 0
		for i, m := range l.Steps {
			switch {
			case m.Skipped:
				skipped++
			case i >= n-max(10, n/50):
				sum, count = sum+m.Loss, count+1
			}
		}
		if count > 0 {
			add("Loss", "%.4g, mean of the last %d steps", sum/float64(count), count)
		}
		if c.FP16 {
			add("Loss scale", "2^%.3g; %d steps skipped", last.LossScale, skipped)
		}
	}
	for _, name := range measures(l) {
		for _, e := range slices.Backward(l.Evaluations) {
			if x, ok := e.Numbers[name]; ok {
				within := ""
				if spread, ok := e.Numbers[name+"_spread"]; ok {
					within = fmt.Sprintf(" ±%.2g", spread)
				}
				add(measureTitle(name), "%.4g%s after %d steps", x, within, e.Step)
				break
			}
		}
	}
	if n := len(speeds); n > 0 {
		last := speeds[n-1]
		add("Training time", "%s, evaluations and checkpoints not included", clock(last.Seconds))
		add("Speed", "%.4g images/s", float64(last.Step)*float64(c.Batch)/last.Seconds)
		add("Device memory", "%.4g MiB at most", float64(last.Peak)/(1<<20))
	}
	return list
}

func clock(seconds float64) string {
	s := int(math.Round(seconds))
	switch {
	case s < 60:
		return fmt.Sprintf("%.3g s", seconds)
	case s < 3600:
		return fmt.Sprintf("%d min %02d s", s/60, s%60)
	}
	return fmt.Sprintf("%d h %02d min", s/3600, s/60%60)
}
