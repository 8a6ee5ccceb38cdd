package plan

import (
	"errors"
	"fmt"

	"onestep/kernels"
	"onestep/nn"
	"onestep/tensor"
)

// Trainable is an error if a machine has no room for a network's weights and what training keeps of each: gradient, two moments and one average.
// Nothing is allocated to find out.
func Trainable(c nn.UNetConfig, m Machine) error {
	const copies = 5
	weights, err := weightBytes(c, m.Free)
	switch {
	case errors.Is(err, kernels.ErrDry):
		return fmt.Errorf("the network does not fit: the weights of one layer take more than the %s that %s", Bytes(m.Free), "are "+m.Limit)
	case err != nil:
		return err
	case m.Free > 0 && weights > m.Free/copies:
		return fmt.Errorf("the network does not fit: %s of weights, and their gradient, moments and average as much each; %s %s", Bytes(weights), Bytes(m.Free), "are "+m.Limit)
	}
	return nil
}

// weightBytes is the bytes of a network's weights. None of them may be larger than free, unless that is 0.
func weightBytes(c nn.UNetConfig, free int64) (bytes int64, err error) {
	d := newDry(1, free)
	defer d.close()
	defer tensor.Recover(&err)
	if _, err = nn.NewUNet(d.Device, c); err != nil {
		return 0, err
	}
	return d.now(), nil
}
