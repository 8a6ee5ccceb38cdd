package nn

import (
	"slices"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/tensor"
)

// toy is a network of another family, F = conv(x): all that a family must bring.
type toy struct{ conv *Conv2d }

func (n *toy) forward(x *autograd.Var, _ Inputs) *autograd.Var { return n.conv.Forward(x) }
func (n *toy) last() *Conv2d                                   { return n.conv }

func toyDefaults() UNetConfig {
	return UNetConfig{ModelType: "ToyNet", InChannels: 1, OutChannels: 1, ModelChannels: 1, NumBlocks: 1}
}

var toyFamily = Family{
	Name: "ToyNet", Paper: "2100.00000", Anchor: "toy.weight", Defaults: toyDefaults, Constructor: toyDefaults,
	check: func(c UNetConfig) error {
		if c.LabelDim > 0 {
			return c.errorf("it knows no classes")
		}
		return nil
	},
	least: func(c UNetConfig) float64 { return float64(9 * c.InChannels * c.OutChannels) },
	declare: func(u *UNet, s Scope) (network, error) {
		return &toy{NewConv2d(s.In("toy"), ConvConfig{In: u.InChannels, Out: u.OutChannels, Kernel: 3}, kaiming)}, nil
	},
	recognise: func(k unetKeys) bool { return k.has("toy.weight") },
	read: func(k unetKeys) UNetConfig {
		c := toyDefaults()
		c.Resolution, c.OutChannels, c.InChannels = 4, k.dim("toy.weight", 0), k.dim("toy.weight", 1)
		return c
	},
	undecided:      func(UNetConfig, unetKeys) (string, string) { return "toy.weight", "it may be larger" },
	checkReference: func(UNetConfig) error { return nil },
}

// TestFamily: a family that is registered, and named nowhere else, is built, scaled, described, recognised by its keys and named in messages, in the
// order of the papers.
func TestFamily(t *testing.T) {
	before := Families()
	register(&toyFamily)
	t.Cleanup(func() { families = before })

	c := toyDefaults()
	c.Resolution = 4
	u, err := NewUNet(tensor.CPU(1), c)
	if err != nil {
		t.Fatal(err)
	}
	u.Init(tensor.Random{Seed: 1})
	d := u.Device
	run := func() []float32 {
		x := make([]float32, 16)
		x[5] = 1
		return u.Forward(autograd.Const(d.FromFloat32(x, 1, 4, 4, 1)), Inputs{Noise: autograd.Const(d.FromFloat32([]float32{0}, 1))}).Value.Float32s()
	}
	y := run()
	u.ScaleOutput(2)
	for i, v := range run() {
		if v != 2*y[i] || y[5] == 0 {
			t.Errorf("element %d: %v, want twice %v, which is not 0", i, v, y[i])
		}
	}

	parsed, err := ParseUNetConfig(u.JSON(), UNetConfig{})
	if err != nil || parsed.ModelType != "ToyNet" || parsed.LeastParameters() != 9 || parsed.CheckReference() != nil {
		t.Errorf("configuration %+v of JSON, error %v", parsed, err)
	}
	read, err := UNetConfigOf(u.Shapes())
	if err != nil || read.ModelType != "ToyNet" || read.Resolution != 4 {
		t.Errorf("configuration %+v of shapes, error %v", read, err)
	}
	if name, why := read.Undecided(u.Shapes()); name != "toy.weight" || why != "it may be larger" {
		t.Errorf("undecided: %s, %s", name, why)
	}
	if c.LabelDim = 3; c.Check() == nil || c.Check().Error() != "ToyNet: it knows no classes" {
		t.Errorf("three classes: error %v", c.Check())
	}
	if _, err := FamilyNamed("UNet"); err == nil || err.Error() != `"UNet": want SongUNet or ToyNet or DhariwalUNet` {
		t.Errorf("error %v", err)
	}
	if _, err := UNetConfigOf(nil); err == nil || !strings.Contains(err.Error(), "not the tensors of a SongUNet or ToyNet or DhariwalUNet") {
		t.Errorf("error %v", err)
	}
	if !slices.Contains(Families(), &toyFamily) {
		t.Error("it is in no list")
	}
}
