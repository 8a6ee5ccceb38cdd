// Package draw is what the commands share that draw images by a network: its flags, and the images of seeds as they are saved.
package draw

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"onestep/pid"
	"onestep/tools/internal/cli"
)

// Settings say what draws, and how.
type Settings struct {
	Teacher, Student string // weight files; both empty: the embedded teacher
	FP16             bool
	N                int
	Seed             uint64   // of the first image
	Seeds            []uint64 // in place of N and Seed
	Class            int      // of all images; −1: one drawn for each seed
	Method           string   // of a teacher: heun or euler
	Sampler          pid.Sampler
}

// Defaults draw n images.
func Defaults(n int) Settings {
	return Settings{
		N: n, Class: -1, Method: "heun",
		Sampler: pid.Sampler{Levels: pid.EDMLevels(0), Steps: 18, SMax: math.Inf(1), SNoise: 1},
	}
}

// OfClass is the class of all images as a flag.
func (s *Settings) OfClass(group string) cli.Option {
	return cli.New(group, "class", "N", "class of all images of a conditional network; -1: one drawn for each seed", (*cli.Count)(&s.Class))
}

// OfSeeds is the images' seeds as a flag, which each command explains in its own words.
func (s *Settings) OfSeeds(group, help string) cli.Option {
	return cli.New(group, "seeds", "LIST", help, (*cli.Seeds)(&s.Seeds))
}

// Half is the precision as a flag.
func (s *Settings) Half(group string) cli.Option {
	return cli.New(group, "fp16", "", "half-precision storage with float32 sums", (*cli.Yes)(&s.FP16))
}

// SamplerGroup are the flags that a student has no use for.
const SamplerGroup = "Sampler, of a teacher"

// OfSampler are the flags of a teacher's sampler.
func (s *Settings) OfSampler() []cli.Option {
	o := &s.Sampler
	return []cli.Option{
		cli.New(SamplerGroup, "sampler", "NAME", "heun (2*STEPS-1 evaluations) or euler (STEPS)", (*cli.Text)(&s.Method)),
		cli.New(SamplerGroup, "steps", "STEPS", "noise levels", (*cli.Count)(&o.Steps)),
		cli.New(SamplerGroup, "churn", "AMOUNT", "S_churn: noise put back on the way, over all steps; 0: the ODE", (*cli.Real)(&o.Churn)),
		cli.New(SamplerGroup, "s-min", "SIGMA", "S_min: lowest noise level at which it is put back", (*cli.Real)(&o.SMin)),
		cli.New(SamplerGroup, "s-max", "SIGMA", "S_max: highest noise level at which it is put back", (*cli.Real)(&o.SMax)),
		cli.New(SamplerGroup, "s-noise", "FACTOR", "S_noise: its standard deviation", (*cli.Real)(&o.SNoise)),
		cli.New(SamplerGroup, "clip", "", "clamp every answer of the network to [-1,1], as the PID reference does", (*cli.Yes)(&o.Clip)),
	}
}

// Check refuses what makes no sense, given these flags, and lists the seeds if only their number was given.
func (s *Settings) Check(given map[string]string) error {
	for _, o := range s.OfSampler() {
		if _, ok := given[o.Name]; ok && s.Student != "" {
			return fmt.Errorf("%s: a student draws in one evaluation, without a sampler", o.Flag())
		}
	}
	_, n := given["n"]
	o := &s.Sampler
	switch o.Euler = s.Method == "euler"; {
	case s.Seeds != nil && n:
		return errors.New("--seeds: takes the place of -n")
	case s.Teacher != "" && s.Student != "":
		return errors.New("--teacher and --student: one network draws")
	case !o.Euler && s.Method != "heun":
		return fmt.Errorf("--sampler %q: want heun or euler", s.Method)
	case o.Steps < 1:
		return fmt.Errorf("--steps %d: must be positive", o.Steps)
	case !(o.Churn >= 0) || math.IsInf(o.Churn, 0) || !(o.SMin >= 0) || !(o.SMax >= o.SMin) || !(o.SNoise > 0) || math.IsInf(o.SNoise, 0):
		return fmt.Errorf("--churn %g, --s-min %g, --s-max %g, --s-noise %g: want finite, positive numbers in order", o.Churn, o.SMin, o.SMax, o.SNoise)
	case s.N < 1 || s.N > cli.MaxSeeds:
		return fmt.Errorf("-n %d: must be positive, and at most %d", s.N, cli.MaxSeeds)
	case s.Class < -1:
		return fmt.Errorf("--class %d: want a class, or -1", s.Class)
	}
	if s.Seeds == nil {
		s.Seeds = pid.Seeds(s.Seed, s.N)
	}
	if last := slices.Max(s.Seeds); last > pid.MaxSeed {
		return fmt.Errorf("seed %d: at most %d", last, uint64(pid.MaxSeed))
	}
	return nil
}
