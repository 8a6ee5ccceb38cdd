// Command peer compares this project's CPU kernels, the Inception network of FID and the whole CIFAR-10 training step with PyTorch's,
// alternating between the two in one run, and prints a table of ratios: PyTorch's time over ours, above 1 where ours is faster.
//
//	pip install -r bench/peer/requirements.txt
//	go run ./bench/peer [-python python3] [-rounds 5] [-out bench/README.md]
//
// PyTorch runs in a process of its own (peer.py) with two threads, in the faster of its memory layouts. Each round takes the shortest time
// of as many runs on either side; the ratio is the median over rounds. Other work on the machine harms PyTorch's threads more than ours,
// which claim work in small pieces: only an idle machine gives a fair table, and the run prints the load it saw.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"

	"onestep/bench"
	"onestep/kernels"
	"onestep/kernels/kernelstest"
	"onestep/nn"
	"onestep/tensor"
)

//go:embed shapes.json
var shapesJSON []byte

// shape is a distinct convolution of the network, how often it occurs counted.
type shape struct {
	H, In, Out, K, Count int
}

const threads = 2

func main() {
	python := flag.String("python", "python3", "Python that has PyTorch")
	script := flag.String("peer", filepath.Join("bench", "peer", "peer.py"), "peer.py")
	rounds := flag.Int("rounds", 5, "rounds of each comparison")
	batches := flag.String("batches", "4,8", "batch sizes of the convolutions")
	steps := flag.Bool("step", true, "compare the whole training step too")
	out := flag.String("out", "", "write the table into this file, between its markers")
	child := flag.Bool("memory", false, "used internally: run the step alone and print its peak memory")
	flag.Parse()
	if *child {
		ownMemory()
		return
	}
	if err := run(*python, *script, *rounds, *batches, *steps, *out); err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func run(python, script string, rounds int, batches string, steps bool, out string) error {
	var shapes []shape
	if err := json.Unmarshal(shapesJSON, &shapes); err != nil {
		return fmt.Errorf("shapes.json: %w", err)
	}
	p, err := start(python, script)
	if err != nil {
		return err
	}
	defer p.stop()
	info, err := p.ask(map[string]any{"op": "info"})
	if err != nil {
		return err
	}
	cpu := kernels.NewCPU(threads)
	defer cpu.Close()
	settle()
	var table strings.Builder
	fmt.Fprintf(&table, "%s, %d threads, %s, %s against PyTorch %v (%v), %s.\n\n", cpuid.CPU.BrandName, threads, cpu.Name(), runtime.Version(),
		info.Torch, info.Capability, time.Now().UTC().Format("2006-01-02"))
	fmt.Fprintf(&table, "FMA peak in this run: %.0f GFLOP/s. Load average before it: %s.\n\n", kernelstest.Peak(cpu), load())
	fmt.Fprintf(&table, "| work | ours, ms | GFLOP/s | of peak | PyTorch, ms | its layout | ratio |\n|---|---|---|---|---|---|---|\n")
	row := func(r result) {
		line := fmt.Sprintf("| %s | %.2f | %.0f | %.0f %% | %.2f | %s | **%.2f** |\n", r.name, 1e3*r.ours, r.flop/r.ours/1e9,
			100*r.flop/r.ours/1e9/kernelstest.Peak(cpu), 1e3*r.peer, r.layout, r.ratio)
		fmt.Print(line)
		table.WriteString(line)
	}
	fmt.Print(table.String())

	r, err := compareGEMM(cpu, p, 1024, rounds)
	if err != nil {
		return err
	}
	row(r)
	for _, b := range strings.Split(batches, ",") {
		var batch int
		if _, err := fmt.Sscan(b, &batch); err != nil {
			return fmt.Errorf("-batches %q: %w", batches, err)
		}
		for _, pass := range []string{"forward", "input_grad", "weight_grad"} {
			for _, s := range shapes {
				r, err := compareConv(cpu, p, s, pass, batch, rounds)
				if err != nil {
					return err
				}
				row(r)
			}
		}
	}
	if r, err = compareInception(cpu, p, rounds); err != nil {
		return err
	}
	row(r)
	p.stop()
	if steps {
		text, err := compareStep(python, script, rounds)
		if err != nil {
			return err
		}
		fmt.Print(text)
		table.WriteString(text)
	}
	if out == "" {
		return nil
	}
	return replace(out, table.String())
}

// result is one row.
type result struct {
	name, layout            string
	flop, ours, peer, ratio float64 // FLOP, seconds, seconds, PyTorch's time over ours
}

// compare alternates rounds of our work and the peer's. Each round runs ours for at least as long as the peer's iterations take.
func compare(p *peer, name string, flop float64, question map[string]any, rounds int, work func()) (result, error) {
	work()
	question["iters"] = 3
	reply, err := p.ask(question) // warm-up, and how long it takes
	if err != nil {
		return result{}, err
	}
	iters := min(50, max(3, int(0.2/reply.Seconds.Min)))
	question["iters"] = iters
	r := result{name: name, flop: flop}
	var ours, theirs, ratios []float64
	for range rounds {
		settle()
		var times []float64
		for range iters {
			start := time.Now()
			work()
			times = append(times, time.Since(start).Seconds())
		}
		reply, err := p.ask(question)
		if err != nil {
			return r, err
		}
		own := slices.Min(times)
		ours, theirs, ratios = append(ours, own), append(theirs, reply.Seconds.Min), append(ratios, reply.Seconds.Min/own)
		r.layout = reply.Layout
	}
	r.ours, r.peer, r.ratio = median(ours), median(theirs), median(ratios)
	return r, nil
}

// settle waits until PyTorch's idle threads, which look for work for a while after each of its operations, have left the processors.
func settle() { time.Sleep(300 * time.Millisecond) }

// load is the machine's one-minute load average.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	one, _, _ := strings.Cut(string(b), " ")
	return one
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

func compareGEMM(cpu *kernels.CPU, p *peer, n, rounds int) (result, error) {
	a, b, c := random(cpu, n*n), random(cpu, n*n), cpu.Alloc(kernels.F32, n*n)
	return compare(p, fmt.Sprintf("GEMM %d³", n), 2*float64(n)*float64(n)*float64(n),
		map[string]any{"op": "gemm", "m": n, "n": n, "k": n}, rounds, func() {
			kernels.GEMM.Run(cpu, kernels.GEMMArgs{C: c, A: a, B: b, M: n, N: n, K: n, LDA: n, LDB: n, LDC: n})
		})
}

func compareConv(cpu *kernels.CPU, p *peer, s shape, pass string, batch, rounds int) (result, error) {
	g := kernels.ConvShape{N: batch, H: s.H, W: s.H, I: s.In, O: s.Out, KH: s.K, KW: s.K, Stride: 1, PadH: s.K / 2, PadW: s.K / 2}.Out()
	x, y := random(cpu, batch*s.H*s.H*s.In), random(cpu, batch*s.H*s.H*s.Out)
	w, b := random(cpu, s.K*s.K*s.In*s.Out), random(cpu, s.Out)
	defer func() {
		for _, buf := range []kernels.Buf{x, y, w, b} {
			cpu.Free(buf)
		}
	}()
	work := map[string]func(){
		"forward": func() {
			kernels.Conv2D.Run(cpu, kernels.Conv2DArgs{Y: y, X: x, Weight: w, Bias: b, Scale: 1, ConvShape: g})
		},
		"input_grad": func() {
			kernels.Conv2DInputGrad.Run(cpu, kernels.Conv2DInputGradArgs{DX: x, DY: y, Weight: w, Scale: 1, ConvShape: g})
		},
		"weight_grad": func() {
			kernels.Conv2DWeightGrad.Run(cpu, kernels.Conv2DWeightGradArgs{DWeight: w, X: x, DY: y, Scale: 1, ConvShape: g})
		},
	}[pass]
	name := fmt.Sprintf("conv %dx%d %d→%d @%d, batch %d, %s", s.K, s.K, s.In, s.Out, s.H, batch, strings.ReplaceAll(pass, "_", " "))
	return compare(p, name, 2*float64(g.MACs()), map[string]any{
		"op": "conv", "pass": pass, "n": batch, "h": s.H, "w": s.H, "in": s.In, "out": s.Out, "k": s.K,
	}, rounds, work)
}

// random is a buffer of numbers in [−1,1).
func random(cpu *kernels.CPU, n int) kernels.Buf {
	x := make([]float32, n)
	tensor.Random{Seed: 1}.Uniform(x, tensor.Noise, 0, 0)
	for i := range x {
		x[i] = 2*x[i] - 1
	}
	b := cpu.Alloc(kernels.F32, n)
	cpu.Upload(b, x)
	return b
}

// compareStep compares the whole training step and its memory.
func compareStep(python, script string, rounds int) (string, error) {
	const batch = 4
	p, err := start(python, script)
	if err != nil {
		return "", err
	}
	defer p.stop()
	cpu := kernels.NewCPU(threads)
	defer cpu.Close()
	tr, err := bench.PIDStep(tensor.On(cpu), bench.Step{Net: nn.CIFAR10(), Batch: batch})
	if err != nil {
		return "", err
	}
	var failed error
	step := func() {
		if _, err := tr.Update(); err != nil {
			failed = err
		}
	}
	step()
	question := map[string]any{"op": "pid_step", "batch": batch, "iters": 1}
	best, err := p.ask(question) // tries its variants and keeps the fastest
	if err != nil {
		return "", err
	}
	var ours, theirs, ratios []float64
	for range rounds {
		settle()
		start := time.Now()
		step()
		o := time.Since(start).Seconds()
		reply, err := p.ask(question)
		if err != nil {
			return "", err
		}
		ours, theirs, ratios = append(ours, o), append(theirs, reply.Seconds.Median), append(ratios, reply.Seconds.Median/o)
	}
	if failed != nil {
		return "", failed
	}
	rate := bench.PIDStepFLOPs(bench.CIFAR10MACs, batch) / median(ours) / 1e9
	p.stop()

	alone, err := start(python, script)
	if err != nil {
		return "", err
	}
	defer alone.stop()
	fixed := map[string]any{"op": "pid_step", "batch": batch, "iters": 2, "layout": best.Layout, "passes": best.Passes}
	memory, err := alone.ask(fixed)
	if err != nil {
		return "", err
	}
	alone.stop()
	own, err := childMemory()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("| **PID step, CIFAR-10 network, l2, batch %d** | %.0f | %.0f | %.0f %% | %.0f | %s, %s | **%.2f** |\n\n"+
		"Peak resident memory of the step in a process of its own: ours %.2f GB, PyTorch's %.2f GB.\n",
		batch, 1e3*median(ours), rate, 100*rate/kernelstest.Peak(cpu), 1e3*median(theirs), best.Layout, best.Passes, median(ratios),
		float64(own)/1e9, float64(memory.PeakRSS)/1e9), nil
}

// replace puts text between the markers of a file.
func replace(path, text string) error {
	const begin, end = "<!-- peer -->\n", "<!-- /peer -->\n"
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok1 := bytes.Cut(old, []byte(begin))
	_, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: no markers %q and %q", path, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return os.WriteFile(path, slices.Concat(head, []byte(begin), []byte(text), []byte(end), tail), 0o666)
}
