package weights

import (
	"path/filepath"
	"strings"
	"testing"

	"onestep/nn"
	"onestep/tensor"
)

// named is a file of arrays of one number each, of these names.
func named(names ...string) *tensor.SafeTensors {
	entries := map[string]tensor.Entry{}
	for _, n := range names {
		entries[n] = tensor.Entry{DType: "F32", Shape: []int{1}, Data: make([]byte, 4)}
	}
	return tensor.NewSafeTensors("f", nil, entries)
}

// TestWrapper finds what stands before a network's names in a file.
func TestWrapper(t *testing.T) {
	for _, c := range []struct {
		names        []string
		prefix, says string
	}{
		{[]string{"w", "x.w"}, "", ""}, {[]string{"model.w", "model.b", "aw"}, "model.", ""}, {[]string{"a.b.w"}, "a.b.", ""},
		{[]string{"aw", "b"}, "", "f: w: missing"}, {nil, "", "f: w: missing"}, {[]string{"a.w", "b.w"}, "", "f: several networks, named a.…, b.…: tools/convert --part picks one"},
	} {
		prefix, err := wrapper(named(c.names...), "w")
		if prefix != c.prefix || c.says == "" && err != nil || c.says != "" && (err == nil || err.Error() != c.says) {
			t.Errorf("%v: %q, %v, want %q, %s", c.names, prefix, err, c.prefix, c.says)
		}
	}
}

func TestNear(t *testing.T) {
	for _, c := range []struct {
		x    float32
		want bool
	}{{0.25, true}, {0.2509, true}, {0.2491, true}, {0.2511, false}, {0.2489, false}} {
		if near([]float32{1, c.x}, []float32{1, 0.25}) != c.want {
			t.Errorf("%g is near 0.25: %t", c.x, !c.want)
		}
	}
}

// TestCredible: a configuration may claim sixteen times what the file holds, and a million.
func TestCredible(t *testing.T) {
	f := named("a", "b")
	if err := credible(f, 1e6+32); err != nil {
		t.Error(err)
	}
	if err := credible(f, 1e6+33); err == nil || err.Error() != "f: config: a network of 1e+06 parameters or more in a file of 2 numbers" {
		t.Error(err)
	}
}

// TestEDMConfig: what EDM's constructors may say, and what they leave out.
func TestEDMConfig(t *testing.T) {
	half, one, four, five := 0.5, 1.0, 4, 5
	for says, c := range map[string]edmConfig{
		"preconditioned by VPPrecond": {Class: "VPPrecond"}, "preconditioned by :": {}, "sigma_data 1, want 0.5": {Class: "EDMPrecond", SigmaData: &one},
		"decoder_type skip, want": {Class: "SongUNet", Decoder: "skip"}, "channel_mult_emb 5, want 4": {Class: "DhariwalUNet", Emb: &five},
	} {
		if err := c.check(); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%+v: %v, want %s", c, err, says)
		}
	}
	for _, class := range []string{"EDMPrecond", "SongUNet", "DhariwalUNet"} {
		if err := (edmConfig{Class: class, SigmaData: &half, Decoder: "standard", Emb: &four}).check(); err != nil {
			t.Error(err)
		}
	}
	if c := (edmConfig{}).defaults(); c.ModelType != "" || c.ChannelMult != nil {
		t.Errorf("%+v", c)
	}
	if c := (edmConfig{Class: "EDMPrecond", ModelType: "SongUNet"}).defaults(); c.ModelType != "SongUNet" || len(c.ChannelMult) != 4 || c.ChannelMult[0] != 1 || c.ChannelMult[3] != 2 {
		t.Errorf("%+v", c)
	}
	if c := (edmConfig{Class: "EDMPrecond"}).defaults(); c.ModelType != "DhariwalUNet" || c.ModelChannels != 192 {
		t.Errorf("%+v", c)
	}
}

// TestSaveLoad writes a small network, alone and by its average, in both precisions, and reads it again, also as a part of a larger file.
func TestSaveLoad(t *testing.T) {
	c := nn.ClassifierConfig{Channels: 1, Widths: []int{4}, Hidden: 3, Classes: 2}
	made := func(seed uint64) *nn.Classifier {
		net, err := nn.NewClassifier(tensor.CPU(1), c)
		if err != nil {
			t.Fatal(err)
		}
		net.Init(tensor.Random{Seed: seed})
		return net
	}
	net, other := made(1), made(2)
	var average []*tensor.Tensor
	for _, p := range other.Trained() {
		average = append(average, p.Var.Value)
	}
	path := filepath.Join(t.TempDir(), "w.safetensors")
	for _, half := range []bool{false, true} {
		for want, values := range map[*nn.Classifier][]*tensor.Tensor{net: nil, other: average} {
			if err := Save(path, RoleClassifier, c.JSON(), net.Params, values, half); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if f.Metadata[metaRole] != RoleClassifier || f.Metadata[metaConfig] != c.JSON() || f.Metadata["format"] != "pt" {
				t.Errorf("metadata %v", f.Metadata)
			}
			got, err := LoadClassifier(tensor.CPU(1), f)
			if err != nil {
				t.Fatal(err)
			}
			rounded := false
			for i, p := range got.Params.List {
				for k, x := range p.Get() {
					y := want.Params.List[i].Get()[k]
					rounded = rounded || x != y
					if d := x - y; d > 1e-3*max(y, -y, 1e-3) || -d > 1e-3*max(y, -y, 1e-3) {
						t.Fatalf("%s: %g, want %g", p.Name, x, y)
					}
				}
			}
			if rounded != half {
				t.Errorf("half %t, and rounded %t", half, rounded)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := LoadClassifier(tensor.CPU(1), named("a")); err == nil || !strings.HasPrefix(err.Error(), "f: config: classifier: ") {
		t.Error(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	part, more := map[string]tensor.Entry{}, map[string]tensor.Entry{}
	for _, name := range f.Names() {
		part["net."+name], _ = f.Entry(name)
		more[name], _ = f.Entry(name)
	}
	part["other"], _ = named("x").Entry("x")
	more["other"] = part["other"]
	if err := LoadPart(tensor.NewSafeTensors("f", nil, part), made(3).Params); err != nil {
		t.Error(err)
	}
	if err := Load(tensor.NewSafeTensors("f", nil, part), made(3).Params); err == nil || err.Error() != "f: other: no such tensor in this network" {
		t.Error(err)
	}
	if err := Load(tensor.NewSafeTensors("f", nil, more), made(3).Params); err == nil || err.Error() != "f: other: no such tensor in this network" {
		t.Error(err)
	}
}
