package weights_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/nn"
	"onestep/nn/golden"
	"onestep/nn/weights"
	"onestep/tensor"
	"onestep/tensor/format"
)

// good is a file of other programs.
func good(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(golden.Dir(t), "ckpt", "good", name)
	if _, err := os.Stat(path); err != nil {
		golden.Missing(t, filepath.Join("ckpt", "good", name))
	}
	return path
}

func opened(t *testing.T, path, part string) *format.File {
	t.Helper()
	f, err := format.OpenPart(path, part)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// pickled lists EDM's pickled networks that have a file of inputs and outputs beside them, NAME.pkl and NAME_io.safetensors. The project's own folder
// has the outputs of a second one, which is too large for it.
func pickled(t *testing.T) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(golden.Dir(t), "ckpt", "good", "*_io.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(path, "_io.safetensors")
		if _, err := os.Stat(name + ".pkl"); err == nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		golden.Missing(t, "pickled network with inputs and outputs")
	}
	return names
}

// TestGoldenPickledUNet loads EDM's pickled networks and compares what they denoise with PyTorch, whose answer for the one with augmentation labels
// is of the network with its map.
func TestGoldenPickledUNet(t *testing.T) {
	for _, name := range pickled(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			d := tensor.CPU(0)
			f := opened(t, name+".pkl", "")
			net, role, err := weights.LoadUNet(d, f.SafeTensors)
			if err != nil {
				t.Fatal(err)
			}
			if role != weights.RoleTeacher || net.AugmentDim != 0 {
				t.Errorf("role %q, %d augmentation labels", role, net.AugmentDim)
			}
			io := opened(t, name+"_io.safetensors", "")
			vars := func(name string) *autograd.Var {
				e, ok := io.Entry(name)
				if !ok {
					return nil
				}
				x, err := e.Float32s()
				if err != nil {
					t.Fatal(err)
				}
				if len(e.Shape) == 4 {
					return autograd.Const(d.FromFloat32(nhwc(x, e.Shape), e.Shape[0], e.Shape[2], e.Shape[3], e.Shape[1]))
				}
				return autograd.Const(d.FromFloat32(x, e.Shape...))
			}
			var sigma []float64
			for _, s := range vars("sigma").Value.Float32s() {
				sigma = append(sigma, float64(s))
			}
			in := nn.Inputs{Labels: vars("class_labels"), Augment: vars("augment_labels")}
			if in.Augment != nil {
				if net, err = weights.TrainableUNet(d, f.SafeTensors, in.Augment.Dim(1), tensor.Random{}); err != nil {
					t.Fatal(err)
				}
			}
			net.Freeze()
			y := (&nn.Precond{Net: net, SigmaData: 0.5}).DenoiseWith(vars("x"), sigma, in)
			check := golden.NewCheck(t)
			golden.Rel(check, "denoised", name, y.Value.Float32s(), vars("D_x").Value.Float32s(), 1e-5)
		})
	}
}

// TestGoldenTrainableUNet takes EDM's networks, with and without labels for classes and augmentations, through a network of ours and a file of ours: every
// tensor has the same bytes, the map of augmentation labels too if it is wanted. A file that lacks it gives all the others.
func TestGoldenTrainableUNet(t *testing.T) {
	d := tensor.CPU(0)
	for _, name := range pickled(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			f := opened(t, name+".pkl", "")
			own, has := f.Entry("model.map_augment.weight")
			count := 9
			if has {
				count = own.Shape[1]
			}
			for _, labels := range []int{0, count} {
				net, err := weights.TrainableUNet(d, f.SafeTensors, labels, tensor.Random{Seed: 4})
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(t.TempDir(), "net.safetensors")
				if err := weights.Save(path, weights.RoleTeacher, net.JSON(), net.Params, nil, false); err != nil {
					t.Fatal(err)
				}
				back := opened(t, path, "")
				if want := fmt.Sprintf(`"augment_dim":%d`, labels); !strings.Contains(back.Metadata["config"], want) {
					t.Errorf("%s: %s, want %s", name, back.Metadata["config"], want)
				}
				same := 0
				for _, own := range back.Order {
					got, _ := back.Entry(own)
					if want, ok := f.Entry("model." + own); ok && slices.Equal(got.Data, want.Data) {
						same++
					} else if own != "map_augment.weight" || has || labels == 0 {
						t.Errorf("%s, %d labels: %s is not the file's", name, labels, own)
					}
				}
				want := len(f.Order)
				if has && labels == 0 {
					want--
				}
				if same != want {
					t.Errorf("%s, %d labels: %d of %d tensors are the file's", name, labels, same, want)
				}
				if again, err := weights.TrainableUNet(d, back.SafeTensors, labels, tensor.Random{}); err != nil {
					t.Error(err)
				} else if labels > 0 && !slices.Equal(again.Named("map_augment.weight").Get(), net.Named("map_augment.weight").Get()) {
					t.Errorf("%s: another map of augmentation labels in our file", name)
				}
			}
		})
	}
	f := opened(t, good(t, "edm_song.pkl"), "")
	if _, err := weights.TrainableUNet(d, f.SafeTensors, 5, tensor.Random{}); err == nil || !strings.Contains(err.Error(), "map_augment.weight: shape [16 9], want [16 5]") {
		t.Errorf("another number of augmentation labels: %v", err)
	}
	net, _, err := weights.LoadUNet(d, f.SafeTensors)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "student.safetensors")
	if err := weights.Save(path, weights.RoleStudent, net.JSON(), net.Params, nil, false); err != nil {
		t.Fatal(err)
	}
	if _, err := weights.TrainableUNet(d, opened(t, path, "").SafeTensors, 9, tensor.Random{}); err == nil || !strings.Contains(err.Error(), `its role is "student"`) {
		t.Errorf("a student is trained on as a teacher: %v", err)
	}
}

// nhwc turns images (N,C,H,W).
func nhwc(x []float32, s []int) []float32 {
	y := make([]float32, len(x))
	pixels := s[2] * s[3]
	for i, v := range x {
		n, c, p := i/(s[1]*pixels), i/pixels%s[1], i%pixels
		y[(n*pixels+p)*s[1]+c] = v
	}
	return y
}

// TestLoadBareUNet loads the same network as bare tensors, under the names that wrappers give them, in half precision, and as a training state.
func TestLoadBareUNet(t *testing.T) {
	d := tensor.CPU(0)
	f := opened(t, good(t, "edm_song.pkl"), "")
	net, _, err := weights.LoadUNet(d, f.SafeTensors)
	if err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "model.", "module.", "module.model.", "state_dict.net."} {
		for _, half := range []bool{false, true} {
			var list []tensor.Named
			for _, name := range f.Order {
				e, _ := f.Entry(name)
				own := prefix + strings.TrimPrefix(name, "model.")
				a := tensor.Named{Name: own, DType: e.DType, Shape: e.Shape, Data: e.Data}
				if half {
					x, err := e.Float32s()
					if err != nil {
						t.Fatal(err)
					}
					a = tensor.F16Tensor(own, x, e.Shape...)
				}
				list = append(list, a)
			}
			path := filepath.Join(t.TempDir(), "net.ckpt")
			if err := format.WriteTorch(path, nil, list); err != nil {
				t.Fatal(err)
			}
			got, role, err := weights.LoadUNet(d, opened(t, path, "").SafeTensors)
			if err != nil {
				t.Errorf("%q: %v", prefix, err)
				continue
			}
			if role != "" || got.JSON() != strings.Replace(net.JSON(), `"dropout":0.13`, `"dropout":0`, 1) {
				t.Errorf("%q: role %q, %s", prefix, role, got.JSON())
			}
			for i, p := range got.List {
				if want := net.List[i].Get(); !half && !slices.Equal(p.Get(), want) || half && golden.RelError(p.Get(), want) > 1e-3 {
					t.Errorf("%q: %s has other values", prefix, p.Name)
				}
			}
		}
	}
}

// TestGoldenTrainingState takes the network out of EDM's training states, which are only in the full folder of golden files.
func TestGoldenTrainingState(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(golden.Dir(t), "ckpt", "good", "*.pt"))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, path := range paths {
		f, err := format.OpenPart(path, "net")
		if err != nil {
			continue
		}
		defer f.Close()
		if _, ok := f.Entry("model.map_layer0.weight"); !ok {
			continue
		}
		found = true
		net, role, err := weights.LoadUNet(tensor.CPU(0), f.SafeTensors)
		if err != nil || role != weights.RoleTeacher || net.ModelType != "SongUNet" {
			t.Errorf("%s: role %q: %v", path, role, err)
		}
	}
	if !found {
		t.Skip("no training state among the golden files")
	}
}

// TestLoadUNetRefuses names the file and the tensor.
func TestLoadUNetRefuses(t *testing.T) {
	d := tensor.CPU(0)
	f := opened(t, good(t, "edm_song.pkl"), "")
	const filter = "enc.8x8_down.conv0.resample_filter"
	for name, c := range map[string]struct {
		change func(name string, e tensor.Entry) (string, tensor.Entry, bool)
		config string
		says   string
	}{
		"missing": {says: "dec.16x16_aux_norm.bias: missing", change: func(n string, e tensor.Entry) (string, tensor.Entry, bool) {
			return n, e, n != "dec.16x16_aux_norm.bias"
		}},
		"unknown": {says: "other.weight: no such tensor", change: func(n string, e tensor.Entry) (string, tensor.Entry, bool) {
			return strings.Replace(n, "map_augment", "other", 1), e, true
		}},
		"filter gone": {says: filter + ": missing", change: func(n string, e tensor.Entry) (string, tensor.Entry, bool) {
			return n, e, n != filter
		}},
		"another filter": {says: filter + ": not the filter", change: func(n string, e tensor.Entry) (string, tensor.Entry, bool) {
			if n == filter {
				e.Data = slices.Clone(e.Data)
				e.Data[3] ^= 1
			}
			return n, e, true
		}},
		"no network": {says: "neither a SongUNet nor a DhariwalUNet", change: func(n string, e tensor.Entry) (string, tensor.Entry, bool) {
			return strings.Replace(n, "map_layer", "layer", 1), e, true
		}},
		"two networks": {says: "several networks", change: func(n string, e tensor.Entry) (string, tensor.Entry, bool) {
			return strings.Replace(strings.Replace("x."+n, "x.map_layer1.weight", "y.map_layer0.weight", 1), "x.map_layer1", "y.map_layer1", 1), e, true
		}},
		"VP":      {config: `{"class":"VPPrecond","model_type":"SongUNet"}`, says: "VPPrecond"},
		"decoder": {config: `{"class":"EDMPrecond","model_type":"SongUNet","decoder_type":"skip"}`, says: "decoder_type skip"},
		"width":   {config: `{"class":"EDMPrecond","model_type":"SongUNet","channel_mult_emb":2}`, says: "channel_mult_emb 2"},
		"default": {config: `{"class":"EDMPrecond","img_resolution":16,"in_channels":3,"out_channels":3,"model_channels":16}`, says: "dec.16x16_aux_conv.bias: no such"},
	} {
		entries := map[string]tensor.Entry{}
		for _, n := range f.Order {
			e, _ := f.Entry(n)
			own, keep := strings.TrimPrefix(n, "model."), true
			if c.change != nil {
				own, e, keep = c.change(own, e)
			}
			if keep {
				entries[own] = e
			}
		}
		var metadata map[string]string
		if c.config != "" {
			metadata = map[string]string{"config": c.config}
		}
		_, _, err := weights.LoadUNet(d, tensor.NewSafeTensors("some.pt", metadata, entries))
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "some.pt: ") {
			t.Errorf("%s: %v, want %s", name, err, c.says)
		}
	}
}

// TestLoadVGG reads torchvision's state dict, with the classifier that is not wanted, in half precision to save time.
func TestLoadVGG(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it makes a file of 30 MB")
	}
	want := nn.NewVGG16(tensor.CPU(0))
	want.Init(tensor.Random{Seed: 2})
	list := []tensor.Named{tensor.F16Tensor("module.classifier.6.bias", make([]float32, 1000), 1000)}
	for _, p := range want.List {
		list = append(list, tensor.F16Tensor("module."+p.Name, p.Get(), p.Shape...))
	}
	path := filepath.Join(t.TempDir(), "vgg16.pth")
	if err := format.WriteTorch(path, nil, list); err != nil {
		t.Fatal(err)
	}
	got := nn.NewVGG16(tensor.CPU(0))
	if err := weights.LoadPart(opened(t, path, "").SafeTensors, got.Params); err != nil {
		t.Fatal(err)
	}
	for i, p := range got.List {
		if e := golden.RelError(p.Get(), want.List[i].Get()); e > 1e-3 {
			t.Errorf("%s: %g off", p.Name, e)
		}
	}
}

// TestPublishedNames tells every published network from the list of its tensors as a file has them, and makes one with the same tensors in the same
// order, but for the wrapper's prefix and the augmentation map.
func TestPublishedNames(t *testing.T) {
	for _, path := range golden.Tables(t, "key", "shape", "dtype", "kind", "numel") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		entries, want := map[string]tensor.Entry{}, []string{}
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
			f := strings.Split(line, "\t")
			var shape []int
			for _, d := range strings.Split(f[1], "x") {
				n, err := strconv.Atoi(d)
				if err != nil {
					t.Fatal(err)
				}
				shape = append(shape, n)
			}
			entries[f[0]] = tensor.Entry{DType: "F32", Shape: shape}
			if name := strings.TrimPrefix(f[0], "model."); !strings.HasPrefix(name, "map_augment") {
				want = append(want, fmt.Sprint(name, shape))
			}
		}
		c, _, err := weights.UNetConfigOf(tensor.NewSafeTensors(path, nil, entries))
		if err != nil {
			t.Error(err)
			continue
		}
		net, err := nn.NewUNet(tensor.On(kernels.NewDryCPU(1)), c)
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for _, p := range net.List {
			got = append(got, fmt.Sprint(p.Name, p.Shape))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d tensors, want %d: %s", filepath.Base(path), len(got), len(want), c.JSON())
		}
	}
}

// TestHugeConfigs: what a file's configuration claims is compared with what is in it before memory is taken. Each would be petabytes, or without end.
func TestHugeConfigs(t *testing.T) {
	for name, change := range map[string]func(c *nn.UNetConfig){
		"channels":    func(c *nn.UNetConfig) { c.ModelChannels = 1 << 40 },
		"more":        func(c *nn.UNetConfig) { c.ModelChannels = 1 << 20 },
		"blocks":      func(c *nn.UNetConfig) { c.NumBlocks = 1 << 40 },
		"labels":      func(c *nn.UNetConfig) { c.LabelDim = 1 << 50 },
		"widths":      func(c *nn.UNetConfig) { c.ChannelMult = []int{1, 1 << 30} },
		"noise":       func(c *nn.UNetConfig) { c.ChannelMultNoise = 1 << 40 },
		"in channels": func(c *nn.UNetConfig) { c.InChannels, c.OutChannels = 1<<40, 1<<40 },
	} {
		c := nn.SongDefaults()
		c.Resolution, c.ModelChannels, c.ChannelMult, c.NumBlocks = 8, 16, []int{1, 2}, 1
		change(&c)
		path := filepath.Join(t.TempDir(), "huge.safetensors")
		arrays := []tensor.Named{tensor.F32Tensor("map_layer0.weight", make([]float32, 1024), 64, 16)}
		if err := tensor.WriteSafeTensors(path, map[string]string{"config": c.JSON(), "role": weights.RoleStudent}, arrays); err != nil {
			t.Fatal(err)
		}
		for _, use := range []func(f *tensor.SafeTensors) error{
			func(f *tensor.SafeTensors) error { _, _, err := weights.LoadUNet(tensor.CPU(1), f); return err },
			func(f *tensor.SafeTensors) error { _, _, err := weights.UNetConfigOf(f); return err },
			func(f *tensor.SafeTensors) error {
				_, err := weights.TrainableUNet(tensor.CPU(1), f, 0, tensor.Random{})
				return err
			},
		} {
			if err := use(opened(t, path, "").SafeTensors); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestHugeClassifiers(t *testing.T) {
	for _, change := range []func(c *nn.ClassifierConfig){
		func(c *nn.ClassifierConfig) { c.Channels = 1 << 50 },
		func(c *nn.ClassifierConfig) { c.Widths = []int{8, 1 << 40} },
		func(c *nn.ClassifierConfig) { c.Hidden = 1 << 50 },
		func(c *nn.ClassifierConfig) { c.Classes = 1 << 50 },
	} {
		c := nn.SmallClassifier(1)
		change(&c)
		path := filepath.Join(t.TempDir(), "huge.safetensors")
		err := tensor.WriteSafeTensors(path, map[string]string{"config": c.JSON()}, []tensor.Named{tensor.F32Tensor("conv0.bias", make([]float32, 32), 32)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := weights.LoadClassifier(tensor.CPU(1), opened(t, path, "").SafeTensors); err == nil || !strings.HasPrefix(err.Error(), path+": config: ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
