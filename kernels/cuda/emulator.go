package cuda

import "onestep/kernels/cuda/emulated"

// Emulated is the interpreter as a device, with the options of the environment; see [emulated.FromEnv].
func Emulated() (*Device, error) {
	o, err := emulated.FromEnv()
	if err != nil {
		return nil, err
	}
	return On(emulated.New(o), "emulated")
}
