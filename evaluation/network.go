package evaluation

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"onestep/checkpoint"
	"onestep/nn"
	"onestep/tensor"
)

// Network is Inception as a file holds it.
type Network struct {
	*nn.Inception
	Path   string
	Digest string // SHA-256 of the network's tensors, the same in every file format
}

// LoadInception reads the network from a file of any format, in whichever of the two published layouts. The file may hold other tensors besides
// (num_batches_tracked). Errors name the file and the tensor.
func LoadInception(d *tensor.Device, path string) (net *Network, err error) {
	defer tensor.Recover(&err)
	f, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	layout, err := nn.InceptionLayoutOf(func(name string) bool { _, ok := f.Entry(name); return ok })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	net = &Network{Inception: nn.NewInception(d, layout), Path: path}
	var lines []string
	for _, p := range net.Tensors() {
		e, ok := f.Entry(p.Name)
		if !ok {
			return nil, fmt.Errorf("%s: %s: no such tensor", path, p.Name)
		}
		if err := e.CheckShape(p.Shape...); err != nil {
			return nil, err
		}
		if err := f.CheckFinite(p.Name); err != nil {
			return nil, err
		}
		x, err := e.Float32s()
		if err != nil {
			return nil, err
		}
		p.Set(x)
		lines = append(lines, fmt.Sprintf("%s %s %v %x\n", p.Name, e.DType, e.Shape, sha256.Sum256(e.Data)))
	}
	slices.Sort(lines)
	net.Digest = fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(lines, ""))))
	return net, nil
}
