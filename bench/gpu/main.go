// Command gpu times the kernels of a GPU, and the step of the CIFAR-10 network, by the GPU's own clock:
//
//	gpu [--device cuda:0|emulated] [--small] [--peer FILE] [--time SECONDS]
//
// Every kernel is recorded a number of times into a graph, each time with other buffers so that the second-level cache does not hold them, and the
// graph is launched between two events. The table has TFLOP/s or GB/s and the share of the chip's published peak; with the JSON file that
// bench/gpu/peer.py writes beside, PyTorch's time on the same GPU too. --small takes sizes that the interpreter manages: a rehearsal, whose
// times mean nothing.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"

	"onestep/kernels/cuda"
	"onestep/kernels/cuda/chip"
)

func main() {
	device := flag.String("device", "cuda:0", "which `DEVICE`: cuda:N or emulated")
	small := flag.Bool("small", false, "sizes for the interpreter")
	peer := flag.String("peer", "", "PyTorch's times, a JSON `FILE` of peer.py")
	seconds := flag.Float64("time", 0.1, "`SECONDS` to spend on each kernel")
	list := flag.Bool("list", false, "print the work as JSON, for peer.py, and do nothing")
	flag.Parse()
	if err := run(*device, *small, *peer, *seconds, *list); err != nil {
		fmt.Fprintln(os.Stderr, "gpu:", err)
		os.Exit(1)
	}
}

func run(device string, small bool, peerFile string, seconds float64, list bool) error {
	all := works(small)
	if list {
		return json.NewEncoder(os.Stdout).Encode(all)
	}
	d, err := open(device)
	if err != nil {
		return err
	}
	defer d.Close()
	peer := map[string]float64{} // milliseconds by name
	if peerFile != "" {
		text, err := os.ReadFile(peerFile)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &peer); err != nil {
			return fmt.Errorf("%s: %w", peerFile, err)
		}
	}
	c := chipOf(d)
	fmt.Printf("%s, %d multiprocessors, driver for CUDA %d.%d; shares are of the published peaks of the %s.\n\n",
		d.Name(), d.SMs(), d.Info().Version/1000, d.Info().Version%1000/10, c.Name)
	fmt.Println("| work | ms | rate | of peak | PyTorch, ms | ratio |\n|---|---|---|---|---|---|")
	for _, w := range all {
		ms, err := w.measure(d, seconds)
		if err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
		fmt.Println(w.row(c, ms, peer[w.Name]))
	}
	for _, half := range []bool{false, true} {
		ms, name, err := measureStep(d, small, half)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Printf("| %s | %.3f | | | | |\n", name, ms)
	}
	return nil
}

func open(device string) (*cuda.Device, error) {
	if device == "emulated" {
		return cuda.Emulated()
	}
	var n int
	if _, err := fmt.Sscanf(device, "cuda:%d", &n); err != nil {
		return nil, fmt.Errorf("--device %q: want cuda:N or emulated", device)
	}
	return cuda.Open(n)
}

// chipOf is the published chip that shares are of: the one of the device's architecture.
func chipOf(d *cuda.Device) chip.Chip {
	if d.Info().Major >= 9 {
		return chip.H100
	}
	return chip.A100
}

// row is the work's line in the table.
func (w work) row(c chip.Chip, ms, peer float64) string {
	rate, share := "", ""
	peak := map[string]float64{"f16": c.TensorF16, "tf32": c.TensorTF32, "f32": c.FP32}[w.Peak]
	if w.Peak == "dram" {
		r := w.Bytes / (ms / 1e3)
		rate, share = fmt.Sprintf("%.0f GB/s", r/1e9), fmt.Sprintf("%.0f %%", 100*r/c.DRAM)
	} else {
		r := w.FLOPs / (ms / 1e3)
		rate, share = fmt.Sprintf("%.1f TFLOP/s", r/1e12), fmt.Sprintf("%.0f %%", 100*r/peak)
	}
	line := fmt.Sprintf("| %s | %.4f | %s | %s |", w.Name, ms, rate, share)
	if peer == 0 {
		return line + " | |"
	}
	return line + fmt.Sprintf(" %.4f | **%.2f** |", peer, peer/ms)
}

// median of a few times.
func median(xs []float64) float64 {
	sort.Float64s(xs)
	return xs[len(xs)/2]
}

// label joins the parts of a name.
func label(parts ...any) string {
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = fmt.Sprint(p)
	}
	return strings.Join(words, " ")
}
