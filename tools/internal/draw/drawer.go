package draw

import (
	"fmt"

	"onestep/nn"
	"onestep/nn/weights"
	"onestep/pid"
	"onestep/pid/data"
	"onestep/tensor"
	"onestep/tools/internal/teacher"
)

// Drawer draws images of a network. The image of a seed is the same whatever is drawn with it.
type Drawer struct {
	pid.Generator
	Net         *nn.UNet
	Role        string // weights.RoleTeacher or weights.RoleStudent
	Evaluations int    // of the network for an image

	draw func(seeds []uint64) ([]float32, error)
}

// Open reads the network. The device is opened once the file is.
func (s *Settings) Open(device func() (*tensor.Device, error)) (*Drawer, error) {
	path, role := s.Teacher, weights.RoleTeacher
	if s.Student != "" {
		path, role = s.Student, weights.RoleStudent
	}
	file, err := teacher.Open(path) // a student's is not empty
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", role, err)
	}
	defer file.Close()
	d, err := device()
	if err != nil {
		return nil, err
	}
	net, found, err := weights.LoadUNet(d, file)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--%s: %w", role, err)
	case found != role && found != "": // bare tensors do not say
		return nil, fmt.Errorf("--%s: %s is no %s, its role is %q", role, file.Path, role, found)
	case net.InChannels != net.OutChannels:
		return nil, fmt.Errorf("--%s: %s: %d channels in and %d out: it draws no images", role, file.Path, net.InChannels, net.OutChannels)
	case s.Class >= max(net.LabelDim, 0) && s.Class >= 0:
		return nil, fmt.Errorf("--class %d: the network has %d classes", s.Class, net.LabelDim)
	}
	net.Half = s.FP16
	net.Freeze()
	return s.drawer(net, role), nil
}

func (s *Settings) drawer(net *nn.UNet, role string) *Drawer {
	d := &Drawer{Generator: pid.GeneratorFor(net, 0), Net: net, Role: role, Evaluations: 1}
	d.Class = s.Class
	if role == weights.RoleStudent {
		d.draw = func(seeds []uint64) ([]float32, error) { return d.ByStudent(pid.NewStudent(net), seeds) }
		return d
	}
	d.Evaluations = s.Sampler.NFE()
	d.draw = func(seeds []uint64) ([]float32, error) { return d.ByTeacher(pid.NewTeacher(net), s.Sampler, seeds) }
	return d
}

// Draw is the images of some seeds, in bytes, with their classes if there are any.
func (d *Drawer) Draw(seeds []uint64) (*data.Images, error) {
	x, err := d.draw(seeds)
	if err != nil {
		return nil, err
	}
	m := data.Rounded(x, len(seeds), d.H, d.W, d.C)
	if d.Labels > 0 {
		for _, seed := range seeds {
			m.Labels = append(m.Labels, d.ClassOf(seed))
		}
	}
	return m, nil
}
