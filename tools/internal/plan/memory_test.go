package plan

import (
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"onestep/kernels"
	"onestep/kernels/cuda"
	"onestep/kernels/kernelstest"
	"onestep/nn"
	"onestep/pid"
	"onestep/tensor"
)

// variants are the settings that decide where memory goes.
func variants(c pid.Config) (list []pid.Config) {
	for _, half := range []bool{false, true} {
		for _, again := range []bool{false, true} {
			c.FP16, c.Recompute = half, again
			list = append(list, c)
		}
	}
	return list
}

func name(c pid.Config) string {
	return fmt.Sprintf("%s,fp16=%t,checkpoint-blocks=%t,batch=%d/%d", c.Loss, c.FP16, c.Recompute, c.Batch, c.Micro)
}

// really makes the first steps of a job on a device that computes, from random weights.
func really(t testing.TB, d *dry, j Job, micro int) Memory {
	t.Helper()
	d.fill = func(net *nn.Params) { net.Init(tensor.Random{Seed: 1}) }
	s, err := d.setUp(j.firstSteps(micro), j.Net)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.measure(d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// onCPU is a job's memory as a CPU has it that computes.
func onCPU(t testing.TB, j Job, micro int) Memory {
	cpu := kernels.NewCPU(j.Machine.Threads)
	defer cpu.Close()
	return really(t, &dry{Device: tensor.On(cpu), cpu: cpu, held: cpu.Held}, j, micro)
}

// within fails the test unless two figures are within a tenth.
func within(t *testing.T, what string, predicted, real int64) {
	t.Helper()
	if r := float64(predicted) / float64(real); r < 0.9 || r > 1.1 {
		t.Errorf("%s: %d bytes predicted, %d really: a ratio of %.3f", what, predicted, real, r)
	}
}

// TestMemory compares predictions with the peak of real steps, and sample grids, of tiny networks.
func TestMemory(t *testing.T) {
	for _, loss := range []string{"l2", "lpips"} {
		base := settings(loss, 20, 8)
		if loss == "lpips" {
			base = pid.DefaultJob // the embedded perceptual network, and drawing
			base.Batch, base.Micro, base.EvalImages = 6, 3, 10
		}
		for _, c := range variants(base) {
			t.Run(name(c), func(t *testing.T) {
				j := Job{Config: c, Net: tiny(), Machine: Machine{Threads: 2}}
				if loss == "lpips" {
					j.Net.Resolution, j.Net.InChannels, j.Net.OutChannels = 16, 1, 1
				}
				p, err := New(j)
				if err != nil {
					t.Fatal(err)
				}
				real := onCPU(t, j, p.Memory.Micro)
				if p.Memory.Peak != real.Peak {
					t.Errorf("%d bytes in use are predicted, there were %d", p.Memory.Peak, real.Peak)
				}
				within(t, "held", p.Memory.Total-program, real.Total-program)
			})
		}
	}
}

// TestMemoryOfFID does so for a run that is judged by the Inception network.
func TestMemoryOfFID(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the Inception network takes a second")
	}
	c := settings("l2", 4, 2)
	c.Inception, c.Ref, c.FIDImages = "any", "any", 3
	j := Job{Config: c, Net: tiny(), Machine: Machine{Threads: 2}}
	p, err := New(j)
	if err != nil {
		t.Fatal(err)
	}
	real := onCPU(t, j, p.Memory.Micro)
	if p.Memory.Peak != real.Peak || p.Memory.Inception != real.Inception || real.Inception < 2*4*21e6 {
		t.Errorf("%d bytes in use are predicted, %d of Inception, there were %d and %d", p.Memory.Peak, p.Memory.Inception, real.Peak, real.Inception)
	}
	const beside = program + matrices
	within(t, "held", p.Memory.Total-beside, real.Total-beside)
}

// TestMemoryOfGPU does so on the interpreter of a GPU, whose allocator is the same.
func TestMemoryOfGPU(t *testing.T) {
	if !kernelstest.All() {
		t.Skip("three steps on the interpreter take half a minute; ONESTEP_TESTS=all runs it")
	}
	c := settings("l2", 2, 1)
	c.FP16 = true
	j := Job{Config: c, Net: tiny(), Machine: Machine{GPU: true}}
	p, err := New(j)
	if err != nil {
		t.Fatal(err)
	}
	gpu, err := cuda.Emulated()
	if err != nil {
		t.Fatal(err)
	}
	defer gpu.Close()
	real := really(t, &dry{Device: tensor.On(gpu), gpu: gpu, held: gpu.Held}, j, p.Memory.Micro)
	within(t, "in use", p.Memory.Peak, real.Peak)
}

// childEnv has a case for this test's own process, started again.
const childEnv = "ONESTEP_PLAN_CHILD"

// TestMemoryOfProcess compares the prediction with the largest resident set of a process of its own that makes steps of a network like CIFAR-10's, of
// half the width, or with ONESTEP_TESTS=all of CIFAR-10's own. The settings take turns.
func TestMemoryOfProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: steps of 14 million parameters take seconds")
	}
	net := nn.CIFAR10()
	if !kernelstest.All() {
		net.ModelChannels /= 2
	}
	c := settings("l2", 1, 1)
	c.EMA = []float64{0.999}
	for i, c := range variants(c) {
		if os.Getenv(childEnv) == strconv.Itoa(i) {
			j := Job{Config: c, Net: net, Machine: Machine{Threads: 2}}
			p, err := New(j)
			if err != nil {
				t.Fatal(err)
			}
			debug.SetGCPercent(p.Memory.GCPercent()) // as distill does
			onCPU(t, j, c.Micro)
			text, err := os.ReadFile("/proc/self/status")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Printf("peak %d\n", field(string(text), "VmHWM:")*1024)
			return
		}
	}
	if os.Getenv(childEnv) != "" {
		t.Fatal("no such case")
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("this system does not tell a process's peak")
	}
	for i, c := range variants(c) {
		if !kernelstest.Turn(t, i, 4) {
			continue
		}
		t.Run(name(c), func(t *testing.T) {
			p, err := New(Job{Config: c, Net: net, Machine: Machine{Threads: 2}})
			if err != nil {
				t.Fatal(err)
			}
			child := exec.Command(os.Args[0], "-test.run", "^TestMemoryOfProcess$")
			child.Env = append(os.Environ(), childEnv+"="+strconv.Itoa(i))
			out, err := child.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var peak int64
			for line := range strings.Lines(string(out)) {
				fmt.Sscanf(line, "peak %d", &peak)
			}
			t.Logf("%s predicted, %s really", Bytes(p.Memory.Total), Bytes(peak))
			within(t, "the process", p.Memory.Total, peak)
		})
	}
}
