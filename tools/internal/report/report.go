// Package report writes what a run has shown as one page, report.html: results, curves, sample grids, settings, and where it all comes from. The
// page needs no other file, nor a network.
package report

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"onestep/pid"
	"onestep/pid/runs"
	"onestep/tensor"
	"onestep/tools/internal/board"
)

// File is the page in a run's folder.
const File = "report.html"

// Report is what the page says that is not in the run's folder.
type Report struct {
	Dir        string
	Settings   []Setting
	Provenance []Fact
}

// Setting is one of the run's: a flag, its value, and the default if it has another one.
type Setting struct {
	Group, Flag, Unit, Value, Help string
	Changed                        bool // is not the default
}

// Fact is a name and what belongs to it.
type Fact struct{ Name, Value string }

// figure is a picture of the page.
type figure struct {
	Title string
	URL   template.URL
}

func newFigure(title string, png []byte) figure {
	return figure{Title: title, URL: template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))}
}

// page is what the template shows.
type page struct {
	Report
	Name            string
	State           string
	Facts           []Fact
	Table           string
	Curves, Samples []figure
	Written         string
}

//go:embed report.html.tmpl
var text string

var layout = template.Must(template.New(File).Parse(text))

// Write reads the folder and writes the page, and the curves as loss.png and one file for each measure of the evaluations, of which there may be
// none. What the run has not shown yet is left out.
func (r Report) Write(c pid.Config, now time.Time) error {
	log, err := runs.ReadLog(r.Dir)
	if err != nil {
		return err
	}
	speeds, err := board.ReadSpeed(filepath.Join(r.Dir, board.SpeedFile))
	if err != nil {
		return err
	}
	p := page{Report: r, Name: filepath.Base(r.Dir), State: "no step yet", Written: now.UTC().Format("2006-01-02 15:04 MST")}
	if n := len(log.Steps); n > 0 {
		p.State = fmt.Sprintf("%d of %d steps", log.Steps[n-1].Step, c.Steps)
	}
	p.Facts = facts(c, log, speeds)
	if table, err := os.ReadFile(filepath.Join(r.Dir, "results.txt")); err == nil {
		p.Table = string(table)
	}
	if p.Curves, err = curves(r.Dir, c, log, speeds); err != nil {
		return err
	}
	if p.Samples, err = samples(r.Dir); err != nil {
		return err
	}
	return tensor.AtomicWrite(filepath.Join(r.Dir, File), func(w io.Writer) error { return layout.Execute(w, p) })
}

// shownGrids is the most grids on the page.
const shownGrids = 8

// samples are the last grid and some from the way, latest first.
func samples(dir string) (list []figure, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "samples_*.png"))
	if err != nil {
		return nil, err
	}
	type grid struct {
		step int
		path string
	}
	var grids []grid
	for _, path := range files {
		g := grid{path: path}
		if _, err := fmt.Sscanf(filepath.Base(path), "samples_%d.png", &g.step); err == nil {
			grids = append(grids, g)
		}
	}
	slices.SortFunc(grids, func(a, b grid) int { return b.step - a.step })
	if n := len(grids); n > shownGrids {
		for i := range shownGrids {
			grids[i] = grids[i*(n-1)/(shownGrids-1)]
		}
		grids = grids[:shownGrids]
	}
	show := func(title, path string) error {
		b, err := os.ReadFile(path)
		if err == nil {
			list = append(list, newFigure(title, b))
		}
		return err
	}
	if err := show("At the end", filepath.Join(dir, "samples.png")); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	for _, g := range grids {
		if err := show(fmt.Sprintf("After %d steps", g.step), g.path); err != nil {
			return nil, err
		}
	}
	return list, nil
}
