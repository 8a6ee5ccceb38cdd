package plan

import (
	"fmt"
	"strings"

	"onestep/pid"
)

// Refusal is the error that a job does not fit, with settings with which it would; nil if it fits. It finds them by dry runs.
func (p *Plan) Refusal() error {
	if p.Fits() {
		return nil
	}
	var would []string
	plain, most := 0, 0 // microbatches without other settings, and with one: what brings no larger one is no advice
	for _, change := range []struct {
		flags string
		do    func(*pid.Config)
	}{
		{"", func(*pid.Config) {}},
		{"--checkpoint-blocks", func(c *pid.Config) { c.Recompute = true }},
		{"--fp16", func(c *pid.Config) { c.FP16 = true }},
		{"--checkpoint-blocks --fp16", func(c *pid.Config) { c.Recompute, c.FP16 = true, true }},
	} {
		j := p.with(change.do)
		if change.flags != "" && j.Config.Recompute == p.Config.Recompute && j.Config.FP16 == p.Config.FP16 {
			continue
		}
		micro, err := j.fittingMicrobatch()
		if err != nil {
			return err
		}
		flags := change.flags
		if micro > 0 && micro != p.micro() {
			flags = strings.TrimSpace(fmt.Sprintf("--microbatch %d %s", micro, flags))
		}
		least := plain
		if j.Config.Recompute && j.Config.FP16 {
			least = most
		}
		if micro > least {
			would = append(would, flags)
		}
		if change.flags == "" {
			plain = micro
		}
		most = max(most, micro)
	}
	m := p.Memory
	message := fmt.Sprintf("this run does not fit: %s of memory are predicted with --microbatch %d, and %s are %s", Bytes(m.Total), p.micro(), Bytes(p.Machine.Free), p.Machine.Limit)
	if len(would) == 0 {
		return fmt.Errorf("%s; neither a smaller --microbatch, --checkpoint-blocks nor --fp16 helps: it takes a smaller network, fewer --ema rates or more memory", message)
	}
	return fmt.Errorf("%s; it would with %s", message, strings.Join(would, ", or "))
}

// fittingMicrobatch is a microbatch, at most the job's, that fits: the largest that halving finds; 0 if there is none.
func (j *Job) fittingMicrobatch() (micro int, err error) {
	for micro = j.micro(); micro > 0; micro /= 2 {
		if ok, err := j.fits(micro); ok || err != nil {
			return micro, err
		}
	}
	return 0, nil
}
