package golden

import (
	"hash/crc32"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"onestep/kernels"
	"onestep/kernels/cuda"
	"onestep/kernels/kernelstest"
	"onestep/tensor"
)

// DeviceEnv names the environment variable that limits tests to one kind of device: cpu, emulated, or cuda, for the day a GPU is there. Without it
// they run on the host and on the interpreter.
const DeviceEnv = "ONESTEP_DEVICE"

// OnEachDevice runs f as a subtest on the host with its best vector instructions, and on what else there is: the lower levels down to plain Go, and the
// GPU's kernels on the interpreter or, if [DeviceEnv] says so, on a GPU. Each of these others has one turn in three ([kernelstest.Turn]), with
// ONESTEP_TESTS=all every one, and with -short none. A GPU or interpreter that [DeviceEnv] names is always taken.
func OnEachDevice(t *testing.T, f func(t *testing.T, d *tensor.Device)) {
	t.Helper()
	only := os.Getenv(DeviceEnv)
	switch only {
	case "emulated", "cuda":
		t.Run(only, func(t *testing.T) { f(t, GPU(t)) })
		return
	}
	levels := ISAs()
	best := levels[len(levels)-1]
	t.Run(best.String(), func(t *testing.T) { f(t, Device(t, best)) })
	if testing.Short() {
		return
	}
	others := map[string]func(t *testing.T) *tensor.Device{}
	for _, isa := range levels[:len(levels)-1] {
		others[isa.String()] = func(t *testing.T) *tensor.Device { return Device(t, isa) }
	}
	if only == "" {
		others["emulated"] = func(t *testing.T) *tensor.Device { return GPU(t) }
	}
	first := int(crc32.ChecksumIEEE([]byte(t.Name())))
	for i, name := range slices.Sorted(maps.Keys(others)) {
		if kernelstest.Turn(t, first+i, 3) {
			t.Run(name, func(t *testing.T) { f(t, others[name](t)) })
		}
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

// SkipSlow leaves out what takes plain Go or the interpreter many seconds, unless all tests are asked for ([kernelstest.All]) or the device alone is.
func SkipSlow(t testing.TB, d *tensor.Device) {
	t.Helper()
	if !kernelstest.All() && (Plain(d) && len(ISAs()) > 1 || Emulated(d) && os.Getenv(DeviceEnv) == "") {
		t.Skip("it takes long here; ONESTEP_TESTS=all runs it")
	}
}

// SkipEmulated is SkipSlow for what plain Go does soon.
func SkipEmulated(t testing.TB, d *tensor.Device) {
	t.Helper()
	if Emulated(d) {
		SkipSlow(t, d)
	}
}

// TooSlow says that networks of full size are not for a device: the interpreter, which takes an hour for one, and plain Go, which takes minutes, unless
// ONESTEP_CPU=generic asks for nothing else.
func TooSlow(d *tensor.Device) bool {
	return Emulated(d) || Plain(d) && !strings.EqualFold(os.Getenv(kernels.ISAEnv), kernels.Generic.String())
}

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
