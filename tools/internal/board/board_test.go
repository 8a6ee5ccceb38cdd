package board

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"onestep/pid"
	"onestep/pid/runs"
	"onestep/tools/internal/tfevents"
)

// boardRun is a run whose time is a step's second, with a log.
type boardRun struct {
	t     *testing.T
	run   *runs.Run
	c     pid.Config
	clock time.Time
	log   *os.File
	board *Board
}

func (r *boardRun) now() time.Time { return r.clock }

// open continues after a step, whose evaluation is done or not.
func (r *boardRun) open(step int, evaluated bool) {
	r.t.Helper()
	if evaluated {
		r.run.Evaluated = step
	}
	var err error
	if r.log, err = os.OpenFile(filepath.Join(r.run.Dir, runs.MetricsFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666); err != nil {
		r.t.Fatal(err)
	}
	memory := func() (int64, int64) { return 5, 7 }
	if r.board, err = openBoard(r.run, r.c, step, memory, r.now); err != nil {
		r.t.Fatal(err)
	}
}

// steps makes some, each of a second; every tenth has an evaluation, of five.
func (r *boardRun) steps(from, to int) {
	r.t.Helper()
	for s := from + 1; s <= to; s++ {
		r.clock = r.clock.Add(time.Second)
		m := pid.Metrics{Step: s, Loss: float64(s), Quartiles: [4]float64{1, 0, float64(s), 4}, GradNorm: 2, ParamNorm: 3, LR: 1e-3, LossScale: 20}
		fmt.Fprintf(r.log, `{"step":%d,"loss":%d,"loss_q":[1,0,%[2]d,4],"grad_norm":2,"param_norm":3,"lr":0.001,"lg_loss_scale":20}`+"\n", s, s)
		if err := r.board.take(m); err != nil {
			r.t.Fatal(err)
		}
		if s%10 == 0 {
			r.evaluate(s)
		}
	}
}

func (r *boardRun) evaluate(s int) {
	r.t.Helper()
	err := r.board.Untimed(func() error {
		r.clock = r.clock.Add(5 * time.Second)
		return r.board.take(struct {
			Step int     `json:"step"`
			FD   float64 `json:"fd"`
		}{s, float64(1000 - s)})
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *boardRun) close() {
	r.t.Helper()
	if err := r.board.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.log.Close()
}

// scalars lists "step tag value" of all event files, the speeds left out.
func (r *boardRun) scalars() (list []string) {
	r.t.Helper()
	files, _ := filepath.Glob(filepath.Join(r.run.Dir, "*tfevents*"))
	for _, path := range files {
		events, err := tfevents.Read(path)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, e := range events {
			for _, v := range e.Values {
				if v.Tag[:5] != "speed" {
					list = append(list, fmt.Sprint(e.Step, " ", v.Tag, " ", v.Scalar))
				}
			}
		}
	}
	return list
}

func newBoardRun(t *testing.T, steps int) *boardRun {
	return &boardRun{t: t, run: &runs.Run{Dir: t.TempDir()}, c: pid.Config{Steps: steps, Batch: 100}, clock: time.Unix(1.7e9, 0)}
}

func TestBoard(t *testing.T) {
	r := newBoardRun(t, 25)
	r.open(0, false)
	r.steps(0, 25)
	r.close()
	got := r.scalars()
	want := []string{"1 train/loss 1", "1 train/loss_q0 1", "1 train/loss_q2 1", "1 train/loss_q3 4", "1 train/grad_norm 2", "1 train/param_norm 3",
		"1 train/lr 0.001", "1 train/lg_loss_scale 20"}
	if !slices.Equal(got[:8], want) || len(got) != 25*8+2 || !slices.Contains(got, "20 eval/fd 980") {
		t.Errorf("%d scalars: %v", len(got), got[:8])
	}
	speeds, err := ReadSpeed(filepath.Join(r.run.Dir, SpeedFile))
	if err != nil || len(speeds) != 3 {
		t.Fatalf("%v, %v", speeds, err)
	}
	for i, x := range speeds { // 100 images in a second, whatever the evaluations took
		if x.Step != []int{10, 20, 25}[i] || math.Abs(x.Rate-100) > 1e-9 || math.Abs(x.Seconds-float64(x.Step)) > 1e-9 || x.Memory != 5 || x.Peak != 7 {
			t.Errorf("%+v", x)
		}
	}
}

// TestBoardContinued stops a run at many places, tears its files, and continues it from earlier steps: in the end all is there once, as if it had
// never stopped, also where an event is the mean of several steps.
func TestBoardContinued(t *testing.T) {
	for _, total := range []int{40, 3 * boardEvents} {
		span := total / 40 * 3 / 4 // from one stop to the next
		whole := newBoardRun(t, total)
		whole.open(0, false)
		whole.steps(0, min(total, 200))
		whole.close()
		want := whole.scalars()

		r := newBoardRun(t, total)
		end, at := min(total, 200), 0
		r.open(0, false)
		for stops := 0; at < end; stops++ {
			to := min(at+7+min(span, 13), end)
			r.steps(at, to)
			if to == end {
				break
			}
			r.log.Close() // as if killed: not Close
			file := fmt.Sprintf("%s%09d", eventFile, at)
			if f, err := os.OpenFile(filepath.Join(r.run.Dir, file), os.O_APPEND|os.O_WRONLY, 0); err == nil && stops%2 == 0 {
				f.WriteString("torn")
				f.Close()
			}
			back := to - stops%4
			truncateLog(t, filepath.Join(r.run.Dir, runs.MetricsFile), back)
			r.open(back, back%20 == 0)
			if back%10 == 0 && back%20 != 0 {
				r.evaluate(back) // it had not been saved
			}
			at = back
		}
		r.close()
		if got := r.scalars(); !slices.Equal(got, want) {
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("of %d steps: scalar %d is %s, want %s", total, i, got[i], want[i])
				}
			}
			t.Errorf("of %d steps: %d scalars, want %d", total, len(got), len(want))
		}
		speeds, err := ReadSpeed(filepath.Join(r.run.Dir, SpeedFile))
		if err != nil || !slices.IsSortedFunc(speeds, func(a, b Speed) int { return a.Step - b.Step }) || speeds[len(speeds)-1].Step != end {
			t.Errorf("speeds %v, %v", speeds, err)
		}
	}
}

// truncateLog leaves the lines of so many steps.
func truncateLog(t *testing.T, path string, steps int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, c := range b {
		if c == '\n' {
			if n++; n == steps {
				b = b[:i+1]
				break
			}
		}
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestBoardSamples(t *testing.T) {
	r := newBoardRun(t, 10)
	r.open(0, false)
	path := filepath.Join(r.run.Dir, "samples.png")
	if err := r.board.Samples(3, path); err != nil { // there is none
		t.Fatal(err)
	}
	os.WriteFile(path, []byte("no picture"), 0o666)
	if err := r.board.Samples(3, path); err == nil {
		t.Error("a file that is no PNG is shown")
	}
	r.close()
}
