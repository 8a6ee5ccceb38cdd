package golden

import (
	"os"
	"slices"
	"strings"
	"testing"

	"onestep/kernels"
	"onestep/kernels/cuda"
	"onestep/tensor"
)

// DeviceEnv names the environment variable that limits tests to one kind of device: cpu, emulated, or cuda, for the day a GPU is there. Without it
// they run on the host and on the interpreter.
const DeviceEnv = "ONESTEP_DEVICE"

// OnEachDevice runs f as a subtest on the host with every level of vector instructions that is at hand, plain Go first, and with the kernels of the
// GPU, on the interpreter or, if [DeviceEnv] says so, on a GPU. With -short the interpreter is left out, unless it is asked for.
func OnEachDevice(t *testing.T, f func(t *testing.T, d *tensor.Device)) {
	t.Helper()
	only := os.Getenv(DeviceEnv)
	if only == "" || only == "cpu" {
		for _, isa := range ISAs() {
			t.Run(isa.String(), func(t *testing.T) { f(t, Device(t, isa)) })
		}
	}
	switch only {
	case "", "emulated":
		if testing.Short() && only == "" {
			return
		}
		t.Run("emulated", func(t *testing.T) { f(t, GPU(t)) })
	case "cuda":
		t.Run("cuda", func(t *testing.T) { f(t, GPU(t)) })
	}
}

// GPU is the interpreter of the GPU's kernels as a device, or the first GPU if [DeviceEnv] says cuda, until the test ends.
func GPU(t testing.TB) *tensor.Device {
	t.Helper()
	open := cuda.Emulated
	if os.Getenv(DeviceEnv) == "cuda" {
		open = func() (*cuda.Device, error) { return cuda.Open(0) }
	}
	d, err := open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return tensor.On(d)
}

// Emulated says whether a device is the interpreter, which takes a minute for what a GPU does in a millisecond.
func Emulated(d *tensor.Device) bool { return d.Name() == "emulated" }

// ISAs lists the levels that kernels are there for: with the tag purego, plain Go alone.
func ISAs() []kernels.ISA {
	if !slices.Contains(kernels.Conv2D.Implementations(), "cpu/"+kernels.AVX2.String()) {
		return []kernels.ISA{kernels.Generic}
	}
	return kernels.ISAs()
}

// SkipPlain leaves out what takes plain Go minutes, unless an environment variable asks for it.
func SkipPlain(t testing.TB, d *tensor.Device) {
	t.Helper()
	if Plain(d) && !Full() && !strings.EqualFold(os.Getenv(kernels.ISAEnv), kernels.Generic.String()) {
		t.Skipf("plain Go takes minutes here; set %s=1 or %s=generic to run it", FullEnv, kernels.ISAEnv)
	}
}

// SkipEmulated leaves out what takes the interpreter minutes, unless an environment variable asks for it.
func SkipEmulated(t testing.TB, d *tensor.Device) {
	t.Helper()
	if Emulated(d) && !Full() {
		t.Skipf("the interpreter takes a minute here; set %s=1 to run it", FullEnv)
	}
}

// FullEnv names the environment variable that lets plain Go and the interpreter do everything.
const FullEnv = "ONESTEP_GOLDEN_FULL"

// Full says whether it is set.
func Full() bool { return os.Getenv(FullEnv) != "" }

// Plain says whether a device runs the plain Go loops.
func Plain(d *tensor.Device) bool {
	c, ok := d.Self().(*kernels.CPU)
	return ok && c.ISA() == kernels.Generic
}

// Device is the host at a level of vector instructions, until the test ends. Memory with undefined contents holds NaN.
func Device(t testing.TB, isa kernels.ISA) *tensor.Device {
	c := kernels.NewCPUAt(isa, 0)
	c.Poison()
	t.Cleanup(c.Close)
	return tensor.On(c)
}
