// Package progress shows how far a long run is: one live line on a terminal, and elsewhere a plain line now and then.
package progress

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

const (
	redraw  = 100 * time.Millisecond // least time between two states of the live line
	logging = 10 * time.Second       // between two plain lines
	memory  = 20 * time.Second       // the speed shown is an average over about so long
	longest = 40                     // cells of the bar
)

// Bar is the display of one run. Several goroutines may use it.
type Bar struct {
	Unit string // what is counted; "": steps, which have a loss

	mu    sync.Mutex
	w     io.Writer
	total int
	now   func() time.Time
	width func() int // of the terminal in cells; nil: w is none

	step     int
	loss     float64
	extra    string
	note     string // shown in its place
	begun    bool
	finished bool
	first    time.Time // of the first update
	last     time.Time // of the latest update
	shown    time.Time // when a line was written
	logged   int       // the step of the latest plain line
	cells    int       // of the live line as it stands

	steps, seconds float64 // sums in which older steps weigh less, exponentially; their quotient is the speed
}

// New makes a display of total steps that writes to w: live if w is a terminal, and plain otherwise. A total of 0 is not known.
func New(w io.Writer, total int) *Bar {
	b := &Bar{w: w, total: total, now: time.Now}
	f, ok := w.(*os.File)
	if ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		b.width = func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil || width < 1 {
				return 80
			}
			return width
		}
	}
	return b
}

// Update says that so many steps are done, with the loss and whatever else is to stand behind it. It is cheap: most calls write
// nothing. The speed counts from the first call, so a resumed run may begin anywhere.
func (b *Bar) Update(step int, loss float64, extra ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.finished {
		return
	}
	now := b.now()
	if b.begun {
		dt := now.Sub(b.last).Seconds()
		keep := math.Exp(-dt / memory.Seconds())
		b.steps = keep*b.steps + float64(step-b.step)
		b.seconds = keep*b.seconds + dt
	} else {
		b.first = now
	}
	first := !b.begun
	b.begun, b.last, b.step, b.loss, b.extra, b.note = true, now, step, loss, strings.Join(extra, "  "), ""

	switch done := step == b.total; {
	case b.width != nil && (first || done || now.Sub(b.shown) >= redraw):
		b.draw()
	case b.width == nil && (first || done || now.Sub(b.shown) >= logging):
		b.log()
	}
}

// Note shows what is going on between two steps, until the next is done or a line is written. Its time does not count for the speed.
func (b *Bar) Note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.finished {
		return
	}
	b.last, b.note = b.now(), text
	switch {
	case b.width != nil && b.last.Sub(b.shown) >= redraw:
		b.draw()
	case b.width == nil && b.last.Sub(b.shown) >= logging:
		b.log()
	}
}

// Println writes a line of its own above the live one.
func (b *Bar) Println(args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.erase()
	b.note = ""
	fmt.Fprintln(b.w, args...)
	if b.width != nil && b.begun && !b.finished {
		b.draw()
	}
}

// Finish writes the last state and ends the line; further updates write nothing.
func (b *Bar) Finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.finished || !b.begun {
		b.erase()
		return
	}
	b.finished, b.note = true, ""
	if b.width != nil {
		b.draw()
		fmt.Fprintln(b.w)
		b.cells = 0
	} else if b.logged != b.step {
		b.log()
	}
}

// log writes a plain line.
func (b *Bar) log() {
	line := strings.Join(append([]string{b.count()}, b.facts()...), "  ")
	if b.begun {
		line, b.logged = strings.TrimSuffix(cmp.Or(b.Unit, "steps"), "s")+" "+line, b.step
	}
	fmt.Fprintln(b.w, line)
	b.shown = b.last
}

// draw writes the live line over the one before. On a narrow terminal the bar goes first, then the end of the line.
func (b *Bar) draw() {
	width := b.width() - 1 // the last cell would wrap on some terminals
	text := []rune(strings.Join(append([]string{b.count()}, b.facts()...), "  "))
	room := min(width-len(text)-4, longest) / 8 * 8 // coarse, so that it does not follow each digit of the text
	if room > 0 && b.total > 0 && b.begun {
		full := min(max(b.step*room/b.total, 0), room)
		text = append([]rune("["+strings.Repeat("=", full)+strings.Repeat(" ", room-full)+"]  "), text...)
	}
	text = text[:min(len(text), max(width, 0))]
	rest := max(min(b.cells, width)-len(text), 0)
	fmt.Fprint(b.w, "\r"+string(text)+strings.Repeat(" ", rest))
	b.shown, b.cells = b.last, len(text)
}

// erase clears the live line.
func (b *Bar) erase() {
	if b.cells > 0 {
		fmt.Fprint(b.w, "\r"+strings.Repeat(" ", min(b.cells, max(b.width()-1, 0)))+"\r")
		b.cells = 0
	}
}

// count is "step/total", of constant width; before the first step, the note.
func (b *Bar) count() string {
	if !b.begun {
		return b.note
	}
	if b.total <= 0 {
		return fmt.Sprint(b.step)
	}
	total := fmt.Sprint(b.total)
	return fmt.Sprintf("%*d/%s", len(total), b.step, total)
}

// facts is what stands behind the count.
func (b *Bar) facts() []string {
	var list []string
	if !b.begun {
		return nil
	}
	if b.total > 0 {
		list = append(list, fmt.Sprintf("%3d%%", b.step*100/b.total))
	}
	if b.Unit == "" {
		list = append(list, fmt.Sprintf("loss %-9.4g", b.loss))
	}
	unit := cmp.Or(b.Unit, "steps")
	if b.steps > 0 && b.seconds > 0 {
		speed := b.steps / b.seconds
		if speed >= 1 {
			list = append(list, fmt.Sprintf("%.3g %s/s", speed, unit))
		} else {
			list = append(list, fmt.Sprintf("%.3g s/%s", 1/speed, strings.TrimSuffix(unit, "s")))
		}
		switch left := float64(b.total-b.step) / speed; {
		case left > 0:
			list = append(list, "ETA "+clock(left))
		case b.total > 0:
			list = append(list, "in "+clock(b.last.Sub(b.first).Seconds()))
		}
	}
	if text := cmp.Or(b.note, b.extra); text != "" {
		list = append(list, text)
	}
	return list
}

// clock is a duration for people: 7s, 3m20s, 2h05m, 3d04h.
func clock(seconds float64) string {
	s := int64(min(math.Round(seconds), 1e12))
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}
