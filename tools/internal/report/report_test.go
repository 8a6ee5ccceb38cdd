package report

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"onestep/pid"
	"onestep/pid/runs"
	"onestep/tools/internal/board"
)

// folder is a run's folder with a log and speeds.
func folder(t *testing.T, log, speeds string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, runs.MetricsFile, log)
	write(t, dir, board.SpeedFile, speeds)
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func written(t *testing.T, r Report, c pid.Config) string {
	t.Helper()
	if err := r.Write(c, time.Unix(1.7e9, 0)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(r.Dir, File))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEmpty(t *testing.T) {
	page := written(t, Report{Dir: folder(t, "", "")}, pid.DefaultJob)
	for _, s := range []string{"no step yet", "None yet.", "Written 2023-11-14 22:13 UTC"} {
		if !strings.Contains(page, s) {
			t.Errorf("the page has no %q", s)
		}
	}
	if strings.Contains(page, "<img") {
		t.Error("pictures of nothing")
	}
	if err := (Report{Dir: t.TempDir()}).Write(pid.DefaultJob, time.Now()); err == nil {
		t.Error("a page of a folder without a run")
	}
}

func TestPage(t *testing.T) {
	var log strings.Builder
	for s := 1; s <= 30; s++ {
		switch {
		case s == 7:
			fmt.Fprintf(&log, `{"step":7,"loss":0,"loss_q":[0,0,0,0],"grad_norm":0,"param_norm":1,"lr":0.1,"lg_loss_scale":19,"skipped":true}`+"\n")
		default:
			fmt.Fprintf(&log, `{"step":%d,"loss":2.5,"loss_q":[1,2,3,4],"grad_norm":1,"param_norm":1,"lr":0.1,"lg_loss_scale":18}`+"\n", s)
		}
		if s%10 == 0 {
			fmt.Fprintf(&log, `{"step":%d,"fid_0.99":%d.5,"fid_0.99_spread":0.25,"fid_raw":99,"is":9,"fid_images":50}`+"\n", s, 100-s)
		}
	}
	log.WriteString(`{"step":31,"lo`)
	dir := folder(t, log.String(), `{"step":15,"seconds":5,"images_per_s":300}
{"step":30,"seconds":4000,"images_per_s":200,"memory_peak":1048576}
`)
	write(t, dir, "results.txt", "a <table> & so on\n")
	for s := range 40 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("samples_%06d.png", 300_000*s)))
		if err != nil {
			t.Fatal(err)
		}
		png.Encode(f, image.NewGray(image.Rect(0, 0, 2, 2)))
		f.Close()
	}
	c := pid.DefaultJob
	c.Batch, c.Steps, c.FP16 = 100, 60, true
	page := written(t, Report{Dir: dir, Settings: []Setting{{Group: "A", Flag: "--<x>", Value: "1"}}, Provenance: []Fact{{"Command", "distill --out <here>"}}}, c)
	for _, s := range []string{
		"30 of 60 steps", "3 thousand", "2.5, mean of the last 10 steps", "2^18; 1 steps skipped", "FID, average 0.99", "70.5 ±0.25 after 30 steps", "FID, raw weights", "99 after 30 steps", "Inception Score",
		"1 h 06 min", "0.75 images/s", "1 MiB", "a &lt;table&gt; &amp; so on", "--&lt;x&gt;", "distill --out &lt;here&gt;",
		"After 11700000 steps", "After 0 steps", "Images per second", "Loss scale",
	} {
		if !strings.Contains(page, s) {
			t.Errorf("the page has no %q", s)
		}
	}
	if n := strings.Count(page, "<figcaption>After "); n != shownGrids {
		t.Errorf("%d grids, want %d", n, shownGrids)
	}
	if n := strings.Count(page, "<img"); n != shownGrids+7 { // loss, fid, is, quartiles, gradient, loss scale, speed
		t.Errorf("%d pictures", n)
	}
	for _, name := range []string{"loss.png", "fid.png", "is.png"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if strings.Index(page, "After 11700000 steps") > strings.Index(page, "After 0 steps") {
		t.Error("the latest grid is not the first")
	}
}
