package progress

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// fake is a display with a clock that only the test moves. A width of 0 is no terminal.
func fake(total, width int) (b *Bar, out *bytes.Buffer, wait func(time.Duration)) {
	out = &bytes.Buffer{}
	now := time.Unix(1000, 0)
	b = New(out, total)
	b.now = func() time.Time { return now }
	if width > 0 {
		b.width = func() int { return width }
	}
	return b, out, func(d time.Duration) { now = now.Add(d) }
}

// screen is what a terminal shows of the output: lines, where \r goes back to a line's start.
func screen(out string) []string {
	var lines []string
	for line := range strings.SplitSeq(out, "\n") {
		var cells []rune
		at := 0
		for _, r := range line {
			if r == '\r' {
				at = 0
				continue
			}
			if at == len(cells) {
				cells = append(cells, ' ')
			}
			cells[at] = r
			at++
		}
		lines = append(lines, strings.TrimRight(string(cells), " "))
	}
	return lines
}

func TestPlain(t *testing.T) {
	b, out, wait := fake(100, 0)
	b.Println("hello", 1)
	for i := 1; i <= 100; i++ {
		b.Update(i, 1/float64(i), "kimg 3")
		wait(500 * time.Millisecond)
		if i == 50 {
			b.Println("saved")
		}
	}
	b.Finish()
	b.Finish()
	b.Update(101, 0)
	want := `hello 1
step   1/100    1%  loss 1          kimg 3
step  21/100   21%  loss 0.04762    2 steps/s  ETA 40s  kimg 3
step  41/100   41%  loss 0.02439    2 steps/s  ETA 30s  kimg 3
saved
step  61/100   61%  loss 0.01639    2 steps/s  ETA 20s  kimg 3
step  81/100   81%  loss 0.01235    2 steps/s  ETA 10s  kimg 3
step 100/100  100%  loss 0.01       2 steps/s  in 50s  kimg 3
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if strings.ContainsAny(out.String(), "\r\x1b\b") {
		t.Error("control codes")
	}
}

// TestNote: notes stand behind the step, or alone before the first, and neither their time nor they stay.
func TestNote(t *testing.T) {
	b, out, wait := fake(100, 0)
	b.Note("begin")
	wait(10 * time.Second)
	for i := range 3 {
		b.Update(i, 1)
		wait(time.Second)
	}
	for range 21 {
		b.Note("look")
		wait(time.Second)
	}
	b.Println("seen")
	b.Note("again")
	wait(time.Second)
	b.Update(3, 1)
	b.Note("end")
	b.Finish()
	want := `begin
step   0/100    0%  loss 1        
step   2/100    2%  loss 1          1 steps/s  ETA 1m38s  look
step   2/100    2%  loss 1          1 steps/s  ETA 1m38s  look
seen
step   3/100    3%  loss 1          1 steps/s  ETA 1m37s
`
	if got := out.String(); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if strings.Contains(out.String(), "end") {
		t.Error("the last line has a note")
	}

	b, out, _ = fake(100, 60)
	b.Note("alone")
	if got := screen(out.String()); got[0] != "alone" {
		t.Errorf("screen %q", got)
	}
	b.Finish()
	if got := screen(out.String()); got[0] != "" {
		t.Errorf("in the end, screen %q", got)
	}
}

// TestPlainInterrupted: the state at the end is logged once, wherever that is.
func TestPlainInterrupted(t *testing.T) {
	b, out, wait := fake(10, 0)
	b.Update(1, 1)
	wait(time.Second)
	b.Update(2, 1)
	b.Finish()
	if n := strings.Count(out.String(), "\n"); n != 2 || !strings.Contains(out.String(), "step  2/10") {
		t.Errorf("%q", out)
	}
	b, out, _ = fake(10, 0)
	b.Finish()
	if out.Len() > 0 {
		t.Errorf("%q of a run without a step", out)
	}
}

func TestLive(t *testing.T) {
	b, out, wait := fake(1000, 80)
	b.Update(500, 0.25)
	if got := screen(out.String()); len(got) != 1 || got[0] != "[====================                    ]   500/1000   50%  loss 0.25" {
		t.Errorf("%q", got)
	}
	before := out.Len()
	wait(redraw / 2)
	b.Update(501, 0.25)
	if out.Len() != before {
		t.Error("redrawn too soon")
	}
	wait(10*time.Second - redraw/2)
	b.Update(520, 0.125)
	b.Println("snapshot")
	wait(10 * time.Second)
	b.Update(540, 0.125)
	b.Finish()
	b.Println("end")
	got := screen(out.String())
	want := []string{"snapshot", "[========        ]   540/1000   54%  loss 0.125      1.99 steps/s  ETA 3m52s", "end", ""}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestLiveWidth: no line is wider than the terminal, and nothing of a longer one stays behind it.
func TestLiveWidth(t *testing.T) {
	for width := 1; width < 130; width++ {
		b, out, wait := fake(1000, width)
		b.Update(1, 0.25, strings.Repeat("ü", 30))
		wait(time.Second)
		b.Update(2, 0.25)
		got := screen(out.String())
		if n := utf8.RuneCountInString(got[0]); len(got) != 1 || n >= width && width > 1 || strings.Contains(got[0], "ü") {
			t.Errorf("width %d: %q", width, got)
		}
	}
}

func TestSpeed(t *testing.T) {
	b, _, wait := fake(1_000_000, 0)
	for i := range 10 { // a resumed run
		b.Update(5000+i, 1)
		wait(4 * time.Second)
	}
	if got := strings.Join(b.facts(), "  "); !strings.Contains(got, "4 s/step  ETA 46d01h") {
		t.Error(got)
	}
	for i := range 300 { // faster now: the old speed is forgotten
		b.Update(5010+i, 1)
		wait(time.Second / 2)
	}
	if speed := b.steps / b.seconds; math.Abs(speed-2) > 0.01 {
		t.Errorf("%g steps/s, want 2", speed)
	}
}

func TestUnknownTotal(t *testing.T) {
	b, out, wait := fake(0, 60)
	b.Update(7, math.NaN())
	wait(time.Second)
	b.Update(9, math.Inf(1))
	if got := screen(out.String())[0]; got != "9  loss +Inf       2 steps/s" {
		t.Errorf("%q", got)
	}
}

func TestClock(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0s", 59.4: "59s", 59.6: "1m00s", 200: "3m20s", 7500: "2h05m", 86400: "1d00h", math.Inf(1): "11574074d01h",
	} {
		if got := clock(seconds); got != want {
			t.Errorf("clock(%g) = %s, want %s", seconds, got, want)
		}
	}
}

// TestConcurrent loses no line of several goroutines, and is for the race detector.
func TestConcurrent(t *testing.T) {
	b, out, _ := fake(100, 80)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 100 {
				b.Update(i, 1)
				b.Println(i)
			}
		})
	}
	wg.Wait()
	b.Finish()
	lines := map[string]int{}
	for _, line := range screen(out.String()) {
		lines[line]++
	}
	for i := range 100 {
		if n := lines[strconv.Itoa(i)]; n != 4 {
			t.Errorf("%d lines of %d, want 4", n, i)
		}
	}
}
