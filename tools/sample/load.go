package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"onestep/embedded"
	"onestep/nn"
	"onestep/pid"
	"onestep/tensor"
)

// load reads the network, and says whether it is a student.
func load(f *flags, messages io.Writer) (net *nn.UNet, student bool, err error) {
	path, role, open := f.teacher, pid.RoleTeacher, embedded.Teacher
	if f.student != "" {
		path, role, student = f.student, pid.RoleStudent, true
	}
	if path != "" {
		open = func() (*tensor.SafeTensors, error) { return pid.OpenWeights(path) }
	}
	file, err := open()
	if err != nil {
		return nil, student, fmt.Errorf("--%s: %w", role, err)
	}
	defer file.Close()
	d, err := f.device.Open(f.threads, 0, messages)
	if err != nil {
		return nil, student, err
	}
	net, found, err := pid.LoadUNet(d, file)
	switch {
	case err != nil:
		err = fmt.Errorf("--%s: %w", role, err)
	case found != role && found != "": // bare tensors do not say
		err = fmt.Errorf("--%s: %s is no %s, its role is %q", role, file.Path, role, found)
	case net.InChannels != net.OutChannels:
		err = fmt.Errorf("--%s: %s: %d channels in and %d out: it draws no images", role, file.Path, net.InChannels, net.OutChannels)
	case net.OutChannels != 1 && net.OutChannels != 3 && f.kind() != ".npz":
		err = fmt.Errorf("--out %s: images of %d channels can only go into a .npz file", f.out, net.OutChannels)
	}
	return net, student, err
}

// writable makes the folder of the output and tries to write there, before any image is drawn.
func writable(f *flags) error {
	dir := f.out
	if f.kind() != "" {
		dir = filepath.Dir(f.out)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	t, err := os.CreateTemp(dir, ".sample")
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return errors.Join(t.Close(), os.Remove(t.Name()))
}
