package judge

import (
	"archive/zip"
	"fmt"
	"slices"
	"strings"

	"onestep/nn"
	"onestep/tensor"
	"onestep/tensor/format"
)

// Network is Inception as a file holds it.
type Network struct {
	*nn.Inception
	Path   string
	Digest string // of the tensors as the file has them, by [tensor.BracketedListing]: the same in every file format
}

const whichFiles = "the files that work are pytorch-fid's pt_inception-2015-12-05-6726825d.pth and the port's that OpenAI's evaluator takes " +
	"(layers.conv.weight, …), in any format"

// LoadInception reads the network from a file of any format, in whichever of the two published layouts. The file may hold other tensors besides
// (num_batches_tracked). Errors name the file and the tensor. Batch is set for the device, 8 on the CPU and 64 elsewhere.
func LoadInception(d *tensor.Device, path string) (net *Network, err error) {
	defer tensor.Recover(&err)
	f, err := format.Open(path)
	switch {
	case err != nil && torchScript(path):
		return nil, fmt.Errorf("%s: a TorchScript program, whose tensors have no known names; %s", path, whichFiles)
	case err != nil:
		return nil, err
	}
	defer f.Close()
	layout, err := nn.InceptionLayoutOf(func(name string) bool { _, ok := f.Entry(name); return ok })
	if err != nil {
		return nil, fmt.Errorf("%s: %w; %s", path, err, whichFiles)
	}
	net = &Network{Inception: nn.NewInception(d, layout), Path: path}
	net.Batch = 64
	if strings.HasPrefix(d.Name(), "cpu") {
		net.Batch = 8 // as fast as more
	}
	digest := tensor.NewDigest(tensor.BracketedListing)
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
		digest.Add(tensor.Named{Name: p.Name, DType: e.DType, Shape: e.Shape, Data: e.Data})
	}
	net.Digest = digest.Sum()
	return net, nil
}

// ResizeAs makes images the network's input in the way that a name of [nn.InceptionInput] says.
func (n *Network) ResizeAs(name string) error {
	input, err := nn.InceptionInput(name, n.Layout)
	if err == nil {
		n.Input = input
	}
	return err
}

// torchScript says whether a file is a program saved by torch.jit, which NVIDIA's inception-2015-12-05.pt is.
func torchScript(path string) bool {
	z, err := zip.OpenReader(path)
	if err != nil {
		return false
	}
	defer z.Close()
	return slices.ContainsFunc(z.File, func(f *zip.File) bool { return strings.HasSuffix(f.Name, "/constants.pkl") })
}
