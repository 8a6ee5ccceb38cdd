// Package nets builds the networks of golden files: their configuration is in the files' metadata, their weights are hashes.
package nets

import (
	"encoding/json"
	"testing"

	"onestep/nn"
	"onestep/nn/golden"
	"onestep/tensor"
)

// UNet builds the network that the metadata "net" and "config" of a file describe. The weights' keys are the file's salt, the prefix
// ("teacher/", "student/" or nothing) and their names.
func UNet(t testing.TB, d *tensor.Device, g *golden.File, prefix string) *nn.UNet {
	t.Helper()
	return UNetOf(t, d, g.Metadata["net"], g.Metadata["config"], g.Salt()+prefix)
}

// UNetOf is UNet with the class, the configuration and the whole prefix given.
func UNetOf(t testing.TB, d *tensor.Device, class, config, prefix string) *nn.UNet {
	t.Helper()
	u, err := nn.NewUNet(d, Config(t, class, config))
	if err != nil {
		t.Fatal(err)
	}
	SetWeights(u.Params, golden.UNet, prefix)
	return u
}

// Config is a configuration in EDM's or the PID repository's words; what is missing is EDM's default.
func Config(t testing.TB, class, config string) nn.UNetConfig {
	t.Helper()
	model, edm := golden.UNetJSON(t, class, config)
	family, err := nn.FamilyNamed(model)
	if err != nil {
		t.Fatalf("model_type %v", err)
	}
	c := family.Defaults()
	if err := json.Unmarshal(edm, &c); err != nil {
		t.Fatalf("%s: %v", config, err)
	}
	return c
}

// SetWeights gives every tensor of a network the hash of its prefix and name.
func SetWeights(ps *nn.Params, family golden.Family, prefix string) {
	for _, p := range ps.List {
		if p.Var != nil {
			p.Set(family.Weight(prefix, p.Name, p.Shape))
		}
	}
}
