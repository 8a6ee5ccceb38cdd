// Package pidtest makes small distillations for tests.
package pidtest

import (
	"onestep/nn"
	"onestep/pid"
	"onestep/tensor"
	"testing"
)

// Tiny is a network of 8×8 grey images with its initial weights.
func Tiny(t testing.TB, d *tensor.Device, classes int) *nn.UNet {
	t.Helper()
	c := nn.SongDefaults()
	c.Resolution, c.InChannels, c.OutChannels, c.ModelChannels, c.ChannelMult, c.NumBlocks, c.AttnResolutions = 8, 1, 1, 8, []int{1, 2}, 1, nil
	c.LabelDim = classes
	u, err := nn.NewUNet(d, c)
	if err != nil {
		t.Fatal(err)
	}
	u.Init(tensor.Random{Seed: 5})
	u.ScaleOutput(1e4) // the last convolution starts near zero
	return u
}

// Job distils such a network, of three classes, with the loss l2 and without a limit to the gradient, unless change says otherwise.
func Job(t testing.TB, d *tensor.Device, change func(*pid.Config)) *pid.Job {
	t.Helper()
	c := pid.DefaultJob
	c.Loss, c.Steps, c.Batch, c.EMA = "l2", 100, 6, []float64{0.9}
	if change != nil {
		change(&c)
	}
	j, err := pid.NewJob(c, Tiny(t, d, 3), nil)
	if err != nil {
		t.Fatal(err)
	}
	return j
}
