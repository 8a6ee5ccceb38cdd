package runs

import (
	"bytes"
	"encoding/json"
	"onestep/pid"
	"os"
	"path/filepath"
)

// Log is what a run has logged, in order.
type Log struct {
	Steps       []pid.Metrics // skipped ones too
	Evaluations []Evaluation
}

// Evaluation is the numbers of a line that is not a step's, by name.
type Evaluation struct {
	Step    int
	Numbers map[string]float64
}

// ReadLog reads the log of a run's folder; lines that are no JSON are left out.
func ReadLog(dir string) (l Log, err error) {
	b, err := os.ReadFile(filepath.Join(dir, MetricsFile))
	if err != nil {
		return l, err
	}
	for line := range bytes.Lines(b) {
		var m pid.Metrics
		switch {
		case json.Unmarshal(line, &m) != nil:
		case m.LR > 0:
			l.Steps = append(l.Steps, m)
		default:
			if e, err := ReadEvaluation(line); err == nil && e.Step > 0 {
				l.Evaluations = append(l.Evaluations, e)
			}
		}
	}
	return l, nil
}

// ReadEvaluation reads a line.
func ReadEvaluation(line []byte) (e Evaluation, err error) {
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		return e, err
	}
	e.Numbers = map[string]float64{}
	for name, v := range fields {
		if x, ok := v.(float64); ok {
			e.Numbers[name] = x
		}
	}
	e.Step = int(e.Numbers["step"])
	delete(e.Numbers, "step")
	return e, nil
}
