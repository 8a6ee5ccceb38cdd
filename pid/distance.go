package pid

import (
	"fmt"
	"strings"

	"onestep/autograd"
	"onestep/nn"
)

// Distance is d(x,y) of images in [−1,1]: (N,H,W,C) × (N,H,W,C) → (N).
type Distance func(x, y *autograd.Var) *autograd.Var

// L1 is the mean absolute difference, L2 the mean squared one.
var (
	L1 Distance = autograd.SampleL1
	L2 Distance = autograd.SampleL2
)

// NamedDistance is a distance that a configuration can name, and what it takes to have it.
type NamedDistance struct {
	Name string // [Config.Loss]
	Part string // what it is called where the work of a step is divided up

	// Perceptual says that it compares the features of a network, which New is given, of images of 1 or 3 channels. [Config.VGG] names its file.
	Perceptual bool
	New        func(perceptual *nn.LPIPS) Distance
}

// Distances are those that a configuration can name. To add one, add it here: flags, messages, runs and plans follow.
var Distances = []NamedDistance{
	{Name: "l1", Part: "distance", New: func(*nn.LPIPS) Distance { return L1 }},
	{Name: "l2", Part: "distance", New: func(*nn.LPIPS) Distance { return L2 }},
	{Name: "lpips", Part: "LPIPS", Perceptual: true, New: func(p *nn.LPIPS) Distance { return p.Distance }},
}

// DistanceNamed finds a distance.
func DistanceNamed(name string) (NamedDistance, error) {
	for _, d := range Distances {
		if d.Name == name {
			return d, nil
		}
	}
	return NamedDistance{}, fmt.Errorf("loss %q: want %s", name, DistanceNames())
}

// DistanceNames lists all distances for people: l1, l2 or lpips.
func DistanceNames() string {
	var names []string
	for _, d := range Distances {
		names = append(names, d.Name)
	}
	return choice(names)
}

// perceptualNames lists those that take a network.
func perceptualNames() string {
	var names []string
	for _, d := range Distances {
		if d.Perceptual {
			names = append(names, d.Name)
		}
	}
	return choice(names)
}

// choice is names with commas and an or between.
func choice(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// Sees says whether the distance can compare images of so many channels.
func (d NamedDistance) Sees(channels int) bool {
	return !d.Perceptual || channels == 1 || channels == 3
}

// Perceptual says whether the configured loss compares the features of a network.
func (c Config) Perceptual() bool {
	d, err := DistanceNamed(c.Loss)
	return err == nil && d.Perceptual
}
