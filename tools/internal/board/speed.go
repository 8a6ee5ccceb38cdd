package board

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"onestep/tensor"
	"onestep/tools/internal/tfevents"
)

// SpeedFile of a run's folder has a line of JSON, a [Speed], for every ten seconds and each checkpoint.
const SpeedFile = "speed.jsonl"

// Speed is how fast a run went up to a step, since the line before.
type Speed struct {
	Step    int     `json:"step"`
	Time    string  `json:"time"`         // RFC 3339
	Seconds float64 `json:"seconds"`      // of training since the run began, evaluation and checkpoints not included
	Rate    float64 `json:"images_per_s"` // samples of the batch, of all processes
	Memory  int64   `json:"memory"`       // bytes in buffers of this process' device
	Peak    int64   `json:"memory_peak"`  // the most that ever were
}

// speedEvery is the time from line to line.
const speedEvery = 10 * time.Second

// speedometer measures a run.
type speedometer struct {
	file    *os.File
	batch   int
	memory  func() (now, peak int64)
	now     func() time.Time
	step0   int           // of the last line
	last    int           // latest step
	since   time.Time     // the last line
	skipped time.Duration // of the time since
	total   float64       // Speed.Seconds
}

// openSpeed continues a file after a step: lines of later ones are dropped.
func openSpeed(path string, step, batch int, memory func() (int64, int64), now func() time.Time) (*speedometer, error) {
	list, err := ReadSpeed(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s := &speedometer{batch: batch, memory: memory, now: now, step0: step, last: step, since: now()}
	var kept bytes.Buffer
	for _, x := range list {
		if x.Step <= step {
			s.total = x.Seconds
			kept.Write(x.line())
		}
	}
	if list != nil {
		if err := tensor.AtomicWrite(path, func(w io.Writer) error { _, err := kept.WriteTo(w); return err }); err != nil {
			return nil, err
		}
	}
	s.file, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	return s, err
}

// ReadSpeed reads the lines of a file; what is torn is left out.
func ReadSpeed(path string) (list []Speed, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(b) {
		var x Speed
		if json.Unmarshal(line, &x) == nil {
			list = append(list, x)
		}
	}
	return list, nil
}

func (x Speed) line() []byte {
	b, err := json.Marshal(x)
	if err != nil {
		panic(err) // plain, finite data
	}
	return append(b, '\n')
}

// skip leaves some time out.
func (s *speedometer) skip(d time.Duration) { s.skipped += d }

// step says that a step is done, and now and then writes a line and an event.
func (s *speedometer) step(step int, event func(int, ...tfevents.Value) error) error {
	s.last = step
	if s.now().Sub(s.since)-s.skipped < speedEvery {
		return nil
	}
	return s.flush(event)
}

// flush writes the line and the event of the steps since the last.
func (s *speedometer) flush(event func(int, ...tfevents.Value) error) error {
	now := s.now()
	seconds := (now.Sub(s.since) - s.skipped).Seconds()
	if s.last == s.step0 || seconds <= 0 {
		return nil
	}
	x := Speed{Step: s.last, Time: now.UTC().Format(time.RFC3339), Seconds: s.total + seconds, Rate: float64((s.last-s.step0)*s.batch) / seconds}
	x.Memory, x.Peak = s.memory()
	s.step0, s.since, s.skipped, s.total = s.last, now, 0, x.Seconds
	if _, err := s.file.Write(x.line()); err != nil {
		return err
	}
	return event(x.Step, scalar("speed/images_per_s", x.Rate), scalar("speed/memory", float64(x.Memory)), scalar("speed/memory_peak", float64(x.Peak)))
}
