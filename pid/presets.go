package pid

import (
	"fmt"
	"slices"
	"strings"

	"onestep/nn"
)

// Preset is a named job: settings to start from, and the files they cannot do without.
type Preset struct {
	Name   string
	Config Config
	// Teacher is the published file that the settings are for; "": the embedded one. Its images decide the perceptual network, too: the
	// embedded one is for the embedded teacher's only.
	Teacher string
	Net     nn.UNetConfig // of that file
}

// Presets are the embedded job and those of the paper.
//
// Each number of the latter has its source behind it: T is the paper's table 6 [tee24], S the authors' launch script, C the code that it starts
// (pantheon5100/pid_diffusion, commit b99605b), E its scripts/fid_evaluation.py as scripts/fid_eval.sh calls it. Where T and S disagree, as in the
// number of GPUs, it is S's. LPIPS enlarges images to 224 pixels, which is [nn.NewVGGLPIPS]'s own setting (C). The loss scale starts at 2^20 and
// grows by 2^0.001 a step (C), as [optim.Half] does.
//
// Deviation: the code sums the mean gradients of microbatches, this trainer takes the mean of the batch. RAdam and Adam do not see the factor,
// but for RAdam's first five steps, which are not normalised. Nor does the code ever end: steps are those it counts down to.
var Presets = []Preset{
	{Name: "default", Config: DefaultJob},
	{Name: "cifar10", Config: CIFAR10, Teacher: "edm-cifar10-32x32-uncond-vp.pkl", Net: nn.CIFAR10()},
	{Name: "imagenet64", Config: ImageNet64, Teacher: "edm-imagenet-64x64-cond-adm.pkl", Net: nn.ImageNet64()},
}

// CIFAR10 is the paper's job for CIFAR-10, of 8 GPUs. [Presets] explains the letters.
var CIFAR10 = Config{
	Loss:       "lpips",   // T, S
	Weighting:  "uniform", // S
	Points:     250,       // T, S
	Stratified: false,     // C: levels are drawn freely

	Steps:      800_000,                           // S
	Batch:      512,                               // T, S
	Micro:      64,                                // S: 512 over 8 GPUs, each share at once; its size changes rounding only
	Optimizer:  "radam",                           // S
	LR:         2e-4,                              // T, S
	Warmup:     0,                                 // C: none but RAdam's own
	AnnealFrom: 1,                                 // S: constant
	AnnealTo:   1,                                 // S
	Clip:       0,                                 // C: none; the line is commented out
	EMA:        []float64{0.99995, 0.9999, 0.999}, // S, and T the first, which is the one that is shown
	InitScale:  1,                                 // C: the student starts as the teacher

	FP16: false, // S
	Seed: 0,     // C draws none; any other will do

	SaveEvery:   10_000, // S
	Keep:        3,      // ours: the script keeps all
	EvalEvery:   10_000, // ours: with each checkpoint
	EvalImages:  50_000, // T's FID is of so many
	GridSamples: 64,     // ours

	Resize:    "tensorflow", // E, and EDM for its statistics, whoever has published the weights
	FIDEvery:  10_000,       // E judges every checkpoint, S's 10000 steps apart; on the way only its averages, which is ours
	FIDImages: 50_000,       // T, E: once, by the seeds 0 to 49999; the noise of a seed is ours
}

// ImageNet64 is the paper's job for ImageNet at 64×64 pixels: what differs from [CIFAR10].
var ImageNet64 = func() Config {
	c := CIFAR10
	c.Steps = 400_000 // S
	c.Batch = 2048    // T, S
	c.Micro = 32      // S
	c.LR = 1e-4       // T, S
	c.FP16 = true     // S
	c.EMA = slices.Clone(c.EMA)
	return c
}()

// PresetNames lists all presets for people: ours, and the paper's, which are for published teachers.
func PresetNames() string {
	var ours, papers []string
	for _, p := range Presets {
		if p.Teacher == "" {
			ours = append(ours, p.Name)
		} else {
			papers = append(papers, p.Name)
		}
	}
	return choice(ours) + ", or the paper's " + choice(papers)
}

// PresetNamed finds a preset. Its rates may be changed.
func PresetNamed(name string) (Preset, error) {
	var names []string
	for _, p := range Presets {
		if p.Name == name {
			p.Config.EMA = slices.Clone(p.Config.EMA)
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Preset{}, fmt.Errorf("preset %q: want one of %s", name, strings.Join(names, ", "))
}

// Settings are those of a preset and, over them, those of a run's configuration file, if one is named: what flags of the command line then override.
func Settings(preset, file string) (p Preset, c Config, err error) {
	if p, err = PresetNamed(preset); err != nil {
		return p, c, err
	}
	c = p.Config
	if file != "" {
		if err = c.Read(file); err != nil {
			err = fmt.Errorf("config: %w", err)
		}
	}
	return p, c, err
}

// Missing says which file a configuration lacks that began as this preset.
func (p Preset) Missing(c Config) error {
	switch {
	case p.Teacher == "":
	case c.Teacher == "":
		return fmt.Errorf("preset %s: no teacher: --teacher names its file, %s of EDM or one of your own", p.Name, p.Teacher)
	case c.VGG == "" && c.Perceptual():
		return fmt.Errorf("preset %s: the loss %s needs torchvision's VGG16: --vgg names its file, vgg16-397923af.pth", p.Name, c.Loss)
	}
	return nil
}
