package weights

import (
	"fmt"
	"slices"
	"strings"

	"onestep/nn"
	"onestep/tensor"
	"onestep/tensor/format"
)

// Metadata keys of the weight files that this package writes.
const (
	metaConfig = "config" // nn.UNetConfig or nn.ClassifierConfig as JSON
	metaRole   = "role"
)

// Roles of a weight file.
const (
	RoleTeacher    = "teacher"    // a denoiser with EDM's preconditioning
	RoleStudent    = "student"    // a one-step generator
	RoleClassifier = "classifier" // a judge
)

// Save writes a network's tensors by their published names, in published layout; values replaces the parameters by other
// tensors of the same shapes (an average), or is nil. With half, numbers are rounded to binary16.
func Save(path, role, config string, params *nn.Params, values []*tensor.Tensor, half bool) error {
	var list []tensor.Named
	trained := 0
	for _, p := range params.List {
		x := p.Get
		if !p.Buffer {
			if values != nil {
				t := values[trained]
				x = func() []float32 { return p.Publish(t) }
			}
			trained++
		}
		if half {
			list = append(list, tensor.LazyF16(p.Name, x, p.Shape...))
		} else {
			list = append(list, tensor.LazyF32(p.Name, x, p.Shape...))
		}
	}
	return tensor.WriteSafeTensors(path, map[string]string{metaConfig: config, metaRole: role, "format": "pt"}, list)
}

// Open opens a weight file of any format, see package format.
func Open(path string) (*tensor.SafeTensors, error) {
	f, err := format.Open(path)
	if err != nil {
		return nil, err
	}
	return f.SafeTensors, nil
}

// Load fills a network from a file. Every parameter must be there with its shape, and finite; names that the network does not have are
// an error too. All names may have the same prefix, of whatever wraps the network there: "model." of EDM, "module." of
// DistributedDataParallel, the part of a format. Two kinds of tensors are exempt: buffers whose values follow from the configuration may be
// missing from the file, and the map of EDM's augmentation labels, which is not used to draw images, may be missing from the network.
func Load(f *tensor.SafeTensors, params *nn.Params) error {
	prefix, err := wrapper(f, params.List[0].Name)
	if err != nil {
		return err
	}
	for _, name := range f.Names() {
		if own, ok := strings.CutPrefix(name, prefix); !ok || params.Named(own) == nil && own != augmentMap {
			return fmt.Errorf("%s: %s: no such tensor in this network", f.Path, name)
		}
	}
	return load(f, prefix, params)
}

// wrapper is what stands before the name of a tensor of a network in a file, with its dot.
func wrapper(f *tensor.SafeTensors, anchor string) (prefix string, err error) {
	if _, ok := f.Entry(anchor); ok {
		return "", nil
	}
	var found []string
	for _, name := range f.Names() {
		if p, ok := strings.CutSuffix(name, anchor); ok && strings.HasSuffix(p, ".") {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%s: %s: missing", f.Path, anchor)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%s: several networks, named %s…: tools/convert --part picks one", f.Path, strings.Join(found, "…, "))
}

// LoadPart is Load for a network that is part of the file's: other names are passed over.
func LoadPart(f *tensor.SafeTensors, params *nn.Params) error {
	prefix, err := wrapper(f, params.List[0].Name)
	if err != nil {
		return err
	}
	return load(f, prefix, params)
}

func load(f *tensor.SafeTensors, prefix string, params *nn.Params) error {
	for _, p := range params.List {
		x, err := Published(f, prefix, p)
		if err != nil {
			return err
		}
		if x != nil {
			p.Set(x)
		}
	}
	return nil
}

// Published reads a network's tensor, checked; nil if it is a buffer that is missing, and need not be there.
func Published(f *tensor.SafeTensors, prefix string, p *nn.Param) ([]float32, error) {
	e, ok := f.Entry(prefix + p.Name)
	switch {
	case !ok && p.Var == nil:
		return nil, nil
	case !ok:
		return nil, fmt.Errorf("%s: %s: missing", f.Path, prefix+p.Name)
	case !slices.Equal(e.Shape, p.Shape):
		return nil, fmt.Errorf("%s: %s: shape %v, want %v", f.Path, prefix+p.Name, e.Shape, p.Shape)
	}
	if err := f.CheckFinite(prefix + p.Name); err != nil {
		return nil, err
	}
	x, err := e.Float32s()
	if err != nil {
		return nil, err
	}
	if p.Var == nil && !near(x, p.Get()) {
		return nil, fmt.Errorf("%s: %s: not the filter of this configuration", f.Path, prefix+p.Name)
	}
	return x, nil
}

// near says whether two filters are the same up to binary16 rounding.
func near(x, y []float32) bool {
	for i, v := range x {
		if d := v - y[i]; d > 1e-3 || d < -1e-3 {
			return false
		}
	}
	return true
}

// LoadClassifier builds the classifier that a weight file describes and fills it.
func LoadClassifier(d *tensor.Device, f *tensor.SafeTensors) (*nn.Classifier, error) {
	c, err := nn.ParseClassifierConfig(f.Metadata[metaConfig])
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", f.Path, metaConfig, err)
	}
	if err := credible(f, c.LeastParameters()); err != nil {
		return nil, err
	}
	net, err := nn.NewClassifier(d, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	if err := Load(f, net.Params); err != nil {
		net.Release()
		return nil, err
	}
	return net, nil
}
