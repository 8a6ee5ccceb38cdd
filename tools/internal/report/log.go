package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"onestep/pid"
)

// log is what a run has logged.
type log struct {
	steps       []pid.Metrics // skipped ones too
	evaluations []evaluation
}

// evaluation is the numbers of a line that is not a step's.
type evaluation struct {
	step    int
	numbers map[string]float64
}

// readLog reads a log; lines that are no JSON are left out.
func readLog(path string) (l log, err error) {
	f, err := os.Open(path)
	if err != nil {
		return l, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var m pid.Metrics
		if json.Unmarshal(s.Bytes(), &m) != nil {
			continue
		}
		if m.LR > 0 {
			l.steps = append(l.steps, m)
			continue
		}
		var fields map[string]any
		if json.Unmarshal(s.Bytes(), &fields) != nil || m.Step == 0 {
			continue
		}
		e := evaluation{m.Step, map[string]float64{}}
		for name, v := range fields {
			if x, ok := v.(float64); ok && name != "step" {
				e.numbers[name] = x
			}
		}
		l.evaluations = append(l.evaluations, e)
	}
	return l, s.Err()
}

// measures are the names of what the evaluations measured, in order; not how many images they had.
func (l log) measures() (names []string) {
	for _, e := range l.evaluations {
		for name := range e.numbers {
			if !strings.HasSuffix(name, "images") && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// measureTitle is a measure's name for people.
func measureTitle(name string) string {
	if title, ok := map[string]string{"fd": "Fréchet distance", "fid": "FID", "sfid": "sFID", "kid": "KID", "is": "Inception Score"}[name]; ok {
		return title
	}
	return strings.ReplaceAll(name, "_", " ")
}

// facts are the numbers at the head of the page.
func facts(c pid.Config, l log, speeds []pid.Speed) (list []Fact) {
	add := func(name, format string, args ...any) { list = append(list, Fact{name, fmt.Sprintf(format, args...)}) }
	if n := len(l.steps); n > 0 {
		last := l.steps[n-1]
		add("Images trained on", "%.4g thousand, made of noise", float64(last.Step)*float64(c.Batch)/1000)
		skipped, sum, count := 0, 0.0, 0
		for i, m := range l.steps {
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
	for _, name := range l.measures() {
		for _, e := range slices.Backward(l.evaluations) {
			if x, ok := e.numbers[name]; ok {
				add(measureTitle(name), "%.4g after %d steps", x, e.step)
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
