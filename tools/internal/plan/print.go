package plan

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"onestep/kernels/cuda/chip"
)

// Print writes the whole plan. rate is that of the device that is here, or nil; with alone it has no other beside it, as it makes whole
// steps. gpus is the number of A100s that the published peaks are asked about.
func (p *Plan) Print(out io.Writer, here string, rate *Rate, alone bool, gpus int) error {
	var b strings.Builder
	c := p.Config
	fmt.Fprintf(&b, "network   %s\n", p.network())
	fmt.Fprintf(&b, "step      %d samples, %d in each process, %d at a time; %s, %s; loss %s\n\n",
		c.Batch, p.share(), p.micro(), precisionName(c.FP16), activationsName(c.Recompute), c.Loss)

	fmt.Fprintf(&b, "%-44s %9s %9s %9s\n", "TFLOP of a process in a step", "forward", "backward", "both")
	for _, part := range append(slices.Clone(p.Work.Parts), p.sum()) {
		fmt.Fprintf(&b, "  %-42s %9.3f %9.3f %9.3f\n", part.Name, part.Forward/1e12, part.Backward/1e12, (part.Forward+part.Backward)/1e12)
	}
	fmt.Fprintf(&b, "\nmemory of a process on %s\n", p.Machine.Name)
	m := p.Memory
	for _, row := range []struct {
		name  string
		bytes int64
	}{
		{"teacher", m.Teacher}, {"perceptual network", m.Perceptual}, {"Inception network", m.Inception}, {"student", m.Student}, {"its gradient", m.Gradients},
		{"optimiser", m.Optimizer}, {fmt.Sprintf("%d averages", len(c.EMA)), m.Averages}, {"copies in half precision", m.Half},
		{"activations and workspace", m.Work}, {"all at the peak", m.Peak}, {"with what the allocator and the program add", m.Total},
	} {
		if row.bytes >= 1e5 {
			fmt.Fprintf(&b, "  %-43s %9s\n", row.name, Bytes(row.bytes))
		}
	}
	fmt.Fprintf(&b, "\n%s\n", p.verdict())
	if rate != nil {
		j := p.Job
		if alone {
			j.Ranks = 1
		}
		fmt.Fprintf(&b, "step time, predicted: %s on %s, from its %.0f GFLOP/s of convolutions and %.0f GB/s, measured just now\n",
			duration(j.seconds(p.Work, *rate)), here, rate.Products/1e9, rate.Bytes/1e9)
	}
	b.WriteString(p.published(gpus))
	_, err := io.WriteString(out, b.String())
	return err
}

// published is the prediction for A100s.
func (p *Plan) published(gpus int) string {
	j := p.Job
	j.Ranks = gpus
	seconds, name := j.secondsOn(p.Work, chip.A100), "an A100"
	if gpus > 1 {
		name = fmt.Sprintf("%d A100s", gpus)
	}
	s := fmt.Sprintf("step time, predicted: at least %s on %s, from published peaks: %.0f images/s", duration(seconds), name, float64(p.Config.Batch)/seconds)
	if gpus > 1 {
		s += fmt.Sprintf("; summing gradients keeps their links busy for %s of it", duration(p.Exchange(gpus)))
	}
	return s + "\n"
}

// Short is the plan in three lines, for the beginning of a run. rate is that of its device, or nil.
func (p *Plan) Short(rate *Rate) string {
	var parts []string
	for _, part := range p.Work.Parts {
		parts = append(parts, fmt.Sprintf("%s %s", part.Name, operations(part.Forward+part.Backward)))
	}
	t, m := p.sum(), p.Memory
	s := fmt.Sprintf("plan: %s a step (%s)\nplan: %s of memory: weights %s, optimiser and averages %s, gradient and activations %s%s",
		operations(t.Forward+t.Backward), strings.Join(parts, ", "), Bytes(m.Total),
		Bytes(m.Teacher+m.Perceptual+m.Inception+m.Student+m.Half), Bytes(m.Optimizer+m.Averages), Bytes(m.Gradients+m.Work), p.available())
	if p.Largest > 0 {
		s += fmt.Sprintf(", which --microbatch %d would still fit", p.Largest)
	}
	s += "\nplan: a step is predicted to take "
	if rate != nil {
		s += duration(p.seconds(p.Work, *rate)) + " here and "
	}
	j := p.Job
	j.Ranks = 8
	return s + fmt.Sprintf("at least %s on 8 A100s", duration(j.secondsOn(p.Work, chip.A100)))
}

// operations is a number of floating-point operations in words.
func operations(flops float64) string {
	if flops < 1e12 {
		return fmt.Sprintf("%.3g GFLOP", flops/1e9)
	}
	return fmt.Sprintf("%.4g TFLOP", flops/1e12)
}

// available says how much memory there is.
func (p *Plan) available() string {
	if p.Machine.Free <= 0 {
		return ""
	}
	return fmt.Sprintf("; %s are %s", Bytes(p.Machine.Free), p.Machine.Limit)
}

// verdict says whether the job fits, and the largest microbatch that would.
func (p *Plan) verdict() string {
	switch {
	case p.Machine.Free <= 0:
		return "how much memory there is, this system does not say"
	case p.Largest == 0:
		return fmt.Sprintf("it does not fit, not even one sample at a time%s", p.available())
	case !p.Fits():
		return fmt.Sprintf("it does not fit%s; the largest microbatch that does: %d", p.available(), p.Largest)
	case p.Largest == p.share():
		return fmt.Sprintf("it fits%s; so does the whole share of a batch at once, %d", p.available(), p.Largest)
	}
	return fmt.Sprintf("it fits%s; the largest microbatch that does: %d", p.available(), p.Largest)
}

// sum is all parts as one.
func (p *Plan) sum() Part {
	t := Part{Name: "all"}
	for _, part := range p.Work.Parts {
		t.Forward += part.Forward
		t.Backward += part.Backward
	}
	return t
}

func (p *Plan) network() string {
	n := p.Net
	s := fmt.Sprintf("%s, %d parameters, %dx%dx%d images", n.ModelType, p.Parameters, n.Resolution, n.Resolution, n.InChannels)
	if n.LabelDim > 0 {
		s += fmt.Sprintf(" of %d classes", n.LabelDim)
	}
	return s
}

func precisionName(half bool) string {
	if half {
		return "half precision"
	}
	return "float32"
}

func activationsName(again bool) string {
	if again {
		return "blocks computed again in the backward pass"
	}
	return "activations kept"
}

// duration is seconds in words.
func duration(s float64) string {
	switch {
	case s < 1:
		return fmt.Sprintf("%.3g ms", 1e3*s)
	case s < 600:
		return fmt.Sprintf("%.3g s", s)
	}
	return fmt.Sprintf("%.3g min", s/60)
}
