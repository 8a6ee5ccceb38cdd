package pid

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"onestep/nn"
	"onestep/nn/optim"
)

// Config is everything that a distillation run depends on: with the same configuration, files and kind of processor a run gives the same
// bits. A run writes it, and can be repeated from it. [DefaultJob] has the defaults; the values of the paper's CIFAR-10 run, or of its code
// where the paper is silent, stand behind the units. Steps are optimiser steps.
type Config struct {
	Teacher string `json:"teacher"` // weight file; "": the embedded one
	VGG     string `json:"vgg"`     // VGG16 weight file for LPIPS; "": the embedded perceptual network

	Loss       string `json:"loss"`       // the name of one of Distances; paper: lpips
	Weighting  string `json:"weighting"`  // the name of one of Weightings; code: uniform
	Points     int    `json:"n"`          // grid points of the noise level; paper: 250
	Stratified bool   `json:"stratified"` // spread a batch's levels evenly over the grid; code: false

	Steps      int       `json:"steps"`       // of the run; code: 800000
	Batch      int       `json:"batch"`       // samples per step; paper: 512
	Micro      int       `json:"microbatch"`  // samples at a time; 0: all of the batch; code: 64
	Optimizer  string    `json:"optimizer"`   // the name of one of optim.Rules; code: radam
	LR         float64   `json:"lr"`          // learning rate; paper: 2e-4
	Warmup     int       `json:"warmup"`      // steps of linear rise; code: 0
	AnnealFrom float64   `json:"anneal_from"` // fraction of the run after which the rate falls; 1: constant, as in the code
	AnnealTo   float64   `json:"anneal_to"`   // fraction of LR at the end
	Clip       float64   `json:"clip"`        // gradient norm; 0: no limit, as in the code
	EMA        []float64 `json:"ema"`         // rates of the averages; code: 0.999, 0.9999, 0.99995
	InitScale  float64   `json:"init_scale"`  // of the last convolution at the start; code: 1

	FP16      bool   `json:"fp16"`              // half-precision storage; code: false
	Recompute bool   `json:"checkpoint_blocks"` // compute blocks again in the backward pass; code: false
	Seed      uint64 `json:"seed"`              // of all random numbers; the code draws none of its own

	SaveEvery   int `json:"save_every"`   // steps; 0: only at the end; code: 10000
	Keep        int `json:"keep"`         // checkpoints, the newest and those before it; 0: all, as in the code
	EvalEvery   int `json:"eval_every"`   // steps; 0: only at the end
	EvalImages  int `json:"eval_images"`  // images per Fréchet distance in the final table; 0: no table
	GridSamples int `json:"grid_samples"` // images in samples.png, of teacher and student each; 0: no grid

	Inception string `json:"inception"`  // weight file of the Inception network; "": no FID
	Ref       string `json:"ref"`        // statistics to compare with
	Resize    string `json:"resize"`     // how images become its input: auto, tensorflow or pytorch-fid; paper's code: tensorflow
	FIDEvery  int    `json:"fid_every"`  // steps; 0: only at the end; code: 10000, with each checkpoint
	FIDImages int    `json:"fid_images"` // per FID; paper: 50000
}

// DefaultJob is the embedded job: within ten minutes of two CPU cores. Its settings were chosen by short runs, see README.md.
var DefaultJob = Config{
	Loss: "lpips", Weighting: "uniform", Points: 250, Steps: 5000, Batch: 32, Optimizer: "radam",
	LR: 1e-3, Warmup: 50, AnnealFrom: 0.5, AnnealTo: 0.01, EMA: []float64{0.99, 0.999}, Stratified: true, InitScale: 1,
	SaveEvery: 500, Keep: 3, EvalEvery: 1000, EvalImages: 2500, GridSamples: 64,
	Resize: "auto", FIDImages: 5000,
}

// Check says what is wrong with a configuration.
func (c Config) Check() error {
	if _, err := WeightingNamed(c.Weighting); err != nil {
		return err
	}
	for i, r := range c.EMA {
		if !(r >= 0 && r < 1) || slices.Contains(c.EMA[:i], r) {
			return fmt.Errorf("ema %g: want different rates from 0 up to, not including, 1", r)
		}
	}
	if err := c.checkCounts(); err != nil {
		return err
	}
	if err := c.checkFID(); err != nil {
		return err
	}
	distance, err := DistanceNamed(c.Loss)
	if err != nil {
		return err
	}
	if c.VGG != "" && !distance.Perceptual {
		return fmt.Errorf("vgg %s: only the loss %s uses it, not %s", c.VGG, perceptualNames(), c.Loss)
	}
	if _, err := optim.RuleNamed(c.Optimizer); err != nil {
		return fmt.Errorf("optimizer %w", err)
	}
	switch {
	case c.Points < 2:
		return fmt.Errorf("n %d: a grid has at least 2 points", c.Points)
	case c.Steps < 1 || c.Batch < 1:
		return fmt.Errorf("steps %d, batch %d: must be positive", c.Steps, c.Batch)
	case !(c.LR > 0) || math.IsInf(c.LR, 0):
		return fmt.Errorf("lr %g: must be positive", c.LR)
	case !(c.AnnealFrom >= 0 && c.AnnealFrom <= 1) || !(c.AnnealTo >= 0 && c.AnnealTo <= 1):
		return fmt.Errorf("anneal-from %g, anneal-to %g: want fractions from 0 to 1", c.AnnealFrom, c.AnnealTo)
	case !(c.Clip >= 0) || !(c.InitScale >= 0) || math.IsInf(c.Clip, 0) || math.IsInf(c.InitScale, 0):
		return fmt.Errorf("clip %g, init-scale %g: must be finite and not negative", c.Clip, c.InitScale)
	}
	return nil
}

// checkCounts is Check for the counts that may be 0, and for what is kept on the host for each sample or image.
func (c Config) checkCounts() error {
	for _, n := range []struct {
		name  string
		value int
		most  int // 0: any
	}{
		{"batch", c.Batch, 1 << 20}, {"microbatch", c.Micro, 0}, {"warmup", c.Warmup, 0}, {"save-every", c.SaveEvery, 0}, {"keep", c.Keep, 0},
		{"eval-every", c.EvalEvery, 0}, {"eval-images", c.EvalImages, 1e7}, {"grid-samples", c.GridSamples, 1 << 16},
		{"fid-every", c.FIDEvery, 0}, {"fid-images", c.FIDImages, 1e7},
	} {
		if n.value < 0 {
			return fmt.Errorf("%s %d: must not be negative", n.name, n.value)
		}
		if n.most > 0 && n.value > n.most {
			return fmt.Errorf("%s %d: at most %d", n.name, n.value, n.most)
		}
	}
	return nil
}

// checkFID is Check for the evaluation by the Inception network.
func (c Config) checkFID() error {
	_, wrongResize := nn.InceptionInput(c.Resize, 0)
	switch {
	case c.Inception == "" && c.Ref == "":
	case c.Inception == "":
		return fmt.Errorf("ref %s: only FID compares with it: --inception names the network's weights", c.Ref)
	case c.Ref == "":
		return fmt.Errorf("inception %s: FID compares with statistics: --ref names their file", c.Inception)
	case wrongResize != nil:
		return fmt.Errorf("resize %w", wrongResize)
	case c.FIDImages < 3:
		return fmt.Errorf("fid-images %d: a FID and its interval need three, and trusted ones thousands", c.FIDImages)
	}
	return nil
}

// HasFID says whether there is a FID after a step before the last.
func (c Config) HasFID(step int) bool {
	return c.Inception != "" && c.FIDEvery > 0 && step%c.FIDEvery == 0
}

// JSON is the configuration as a run keeps it.
func (c Config) JSON() string {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		panic(err) // plain, finite data
	}
	return string(b) + "\n"
}

// Read replaces the settings that a JSON file has. A setting that is not known is an error.
func (c *Config) Read(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, errors.Unwrap(err))
	}
	return c.Decode(path, b)
}

// Decode is Read for what is in a file.
func (c *Config) Decode(path string, b []byte) error {
	c.EMA = slices.Clone(c.EMA) // the decoder would write into it
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%s: more than one JSON value", path)
	}
	return nil
}

// OptimizerNames lists the optimisers that a configuration can name, for people.
func OptimizerNames() string { return optim.RuleNames() }

// Rule is the optimiser of a configuration that was checked.
func (c Config) Rule() optim.Rule {
	r, err := optim.RuleNamed(c.Optimizer)
	if err != nil {
		panic(fmt.Errorf("pid: optimizer %w", err))
	}
	r.Clip = c.Clip
	if c.FP16 {
		r.Scale = optim.Half
	}
	return r
}
