package results

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"onestep/pid"
)

// table writes the table at the end of a run, a row at a time: each has its distances, as far as there are any, and the speed of drawing.
type table struct {
	*Evaluation
	ctx context.Context
	w   io.Writer
	n   int // images per distance of the embedded classifier
}

// Table compares the teacher, at 35 evaluations and at 1, with the student before and after the run. FIDs are those that [Evaluation.AtEnd] has measured.
func (e *Evaluation) Table(ctx context.Context, w io.Writer) error {
	t := &table{e, ctx, w, e.config.EvalImages}
	if t.n < 2 {
		return t.notes()
	}
	if e.classifier == nil {
		t.n = min(t.n, 2*Batch(e.generator.H))
	}
	if err := t.print("", "evaluations", "FD", "FID", "images/s"); err != nil {
		return err
	}
	heun := teacherSampler()
	one := pid.Sampler{Levels: heun.Levels, Steps: 1}
	before, err := e.job.Untrained()
	if err != nil {
		return err
	}
	if err := t.row("teacher, Heun", "", heun.NFE(), e.byTeacher(heun)); err != nil {
		return err
	}
	if err := t.row("teacher, one step", "", one.NFE(), e.byTeacher(one)); err != nil {
		return err
	}
	if err := t.row("student before", "", 1, e.byStudent(before)); err != nil {
		return err
	}
	err = e.eachStudent(true, func(key, name string, s *pid.Student) error {
		return t.row("student after, "+name, key, 1, e.byStudent(s))
	})
	return cmp.Or(err, t.notes())
}

// row measures and prints. key is that of a student's FID.
func (t *table) row(name, key string, nfe int, draw drawing) error {
	distance, rate, err := t.measure(t.ctx, draw, t.n)
	if err != nil {
		return err
	}
	fd, fid := "-", "-"
	if t.classifier != nil {
		fd = fmt.Sprintf("%.1f", distance)
	}
	if k := slices.IndexFunc(t.final, func(m measured) bool { return m.key == key }); k >= 0 {
		fid = t.final[k].String()
	}
	return t.print(name, fmt.Sprint(nfe), fd, fid, fmt.Sprintf("%.4g", rate))
}

// print writes a row, without the columns that have nothing.
func (t *table) print(name, nfe, fd, fid, rate string) error {
	row := fmt.Sprintf("%-32s %12s", name, nfe)
	if t.classifier != nil || t.fid == nil {
		row += fmt.Sprintf(" %8s", fd)
	}
	if t.fid != nil {
		row += fmt.Sprintf(" %14s", fid)
	}
	_, err := fmt.Fprintf(t.w, "%s %12s\n", row, rate)
	return err
}

// notes says what the numbers are.
func (t *table) notes() error {
	var notes []string
	switch {
	case t.n < 2:
	case t.classifier != nil:
		notes = append(notes, fmt.Sprintf("FD: Fréchet distance of %d images to Fashion-MNIST's test images, in the features of the embedded classifier.", t.n))
	case t.fid == nil:
		notes = append(notes, "No Fréchet distance (FD): the embedded judge knows 16-pixel grey images only.")
	}
	if t.fid != nil {
		if t.n < 2 {
			notes = append(notes, strings.TrimSuffix(t.fidSentence(t.final), "; "))
		}
		notes = append(notes, fmt.Sprintf("FID: Fréchet distance of %d images to %s, in the features of Inception; ± 95 %% of other draws of as many.",
			t.fid.images, t.fid.Reference.Path))
	}
	for _, note := range notes {
		if _, err := fmt.Fprintln(t.w, note); err != nil {
			return err
		}
	}
	return nil
}
