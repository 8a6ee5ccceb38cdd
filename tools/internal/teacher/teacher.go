// Package teacher opens the teacher that a command is given: a weight file of any format, or the embedded one.
package teacher

import (
	"onestep/nn"
	"onestep/nn/weights"
	"onestep/pid/embedded"
	"onestep/tensor"
)

// Open opens a weight file; "" is the embedded teacher.
func Open(path string) (*tensor.SafeTensors, error) {
	if path == "" {
		return embedded.Teacher()
	}
	return weights.Open(path)
}

// Config is the configuration of the network in such a file.
func Config(path string) (nn.UNetConfig, error) {
	file, err := Open(path)
	if err != nil {
		return nn.UNetConfig{}, err
	}
	defer file.Close()
	c, _, err := weights.UNetConfigOf(file)
	return c, err
}
