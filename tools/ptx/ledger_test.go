package main

import (
	"bytes"
	"encoding/csv"
	"math"
	"strings"
	"sync"
	"testing"

	"onestep/bench"
	"onestep/kernels"
	"onestep/kernels/cuda"
	"onestep/kernels/cuda/chip"
	"onestep/kernels/cuda/driver"
	"onestep/kernels/cuda/emulated"
	"onestep/kernels/cuda/ledger"
	"onestep/kernels/cuda/simt"
	"onestep/nn"
	"onestep/tensor"
)

// launches is a driver that counts what is launched, and what a graph has that is recorded.
type launches struct {
	*emulated.Driver
	n int
}

func (d *launches) Launch(l *driver.Launch) error { d.n++; return d.Driver.Launch(l) }

var tinyStep = bench.Step{Net: presets[2].net(), Batch: 1, Half: true}

// tiny is the account of a tiny network's step.
var tiny = sync.OnceValues(func() (*ledger.Ledger, error) {
	r, err := record(tinyStep)
	if err != nil {
		return nil, err
	}
	return ledger.New(r, nil, chip.All...)
})

// TestLedger compares the account of a tiny network's step, in which most launches are larger than what is counted of them, with that step on the
// interpreter, all of which is counted.
func TestLedger(t *testing.T) {
	g, err := tiny()
	if err != nil {
		t.Fatal(err)
	}
	drv := &launches{Driver: emulated.New(simt.Options{})}
	d, err := cuda.On(drv, "emulated")
	if err != nil {
		t.Fatal(err)
	}
	tr, err := bench.PIDStep(tensor.On(d), tinyStep)
	if err != nil {
		t.Fatal(err)
	}
	all := simt.NewCounters(false)
	for i := range 2 {
		if i == 1 { // the one that is recorded
			drv.n = 0
			drv.SetOptions(simt.Options{Counters: all})
		}
		if _, err := tr.Update(); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.Lines) != drv.n || drv.n < 100 {
		t.Errorf("%d launches, the interpreter makes %d", len(g.Lines), drv.n)
	}
	var matrix, flops, sectors, ideal, waves, warps float64
	for _, l := range g.Lines {
		matrix, flops, sectors, ideal, waves = matrix+l.Matrix, flops+l.FLOPs, sectors+l.Sectors, ideal+l.Ideal, waves+l.Wavefronts
		warps += l.Issue * float64(l.Blocks)
	}
	issued := int64(0)
	for _, n := range all.Warp {
		issued += n
	}
	for _, c := range []struct {
		name            string
		got, want, most float64 // relative difference
	}{
		{"FLOPs of matrices", matrix, float64(all.MatrixFLOPs), 0},
		{"FLOPs", flops, float64(all.FLOPs), 0.01},
		{"sectors", sectors, float64(all.Sectors), 0.01},
		{"ideal sectors", ideal, float64(all.IdealSectors), 0.01},
		{"wavefronts", waves, float64(all.Wavefronts), 0.01},
		{"instructions", warps, float64(issued), 0.01},
	} {
		t.Logf("%s: %.0f, counted in full %.0f", c.name, c.got, c.want)
		if c.want == 0 || math.Abs(c.got/c.want-1) > c.most {
			t.Errorf("%s: %.0f, counted in full %.0f", c.name, c.got, c.want)
		}
	}
}

// TestLedgerBytes has sums of tensors: what they move from and to memory follows by hand, with what a cache of half the L2 saves.
func TestLedgerBytes(t *testing.T) {
	r := emulated.NewRecorder()
	d, err := cuda.On(r, "recorder")
	if err != nil {
		t.Fatal(err)
	}
	const small, large = 1 << 20, 32 << 20 // halves: 2 MiB, 64 MiB
	x, y, z := d.Alloc(kernels.F16, large), d.Alloc(kernels.F16, large), d.Alloc(kernels.F16, large)
	sum := func(y, x, z kernels.Buf, n int) {
		kernels.Axpby.Run(d, kernels.AxpbyArgs{Y: y.Slice(0, n), X: x.Slice(0, n), Z: z.Slice(0, n), A: 1, B: 2, N: n})
	}
	r.Reset()
	sum(y, x, z, small) // from memory
	sum(x, y, z, small) // y and z from the cache
	sum(y, x, z, large) // x and z too: an account by buffers does not see that only their beginnings are there
	sum(y, x, z, large) // nothing is left
	g, err := ledger.New(r, nil, chip.A100)
	if err != nil {
		t.Fatal(err)
	}
	const s, l = 2 * small, 2 * large
	for i, want := range []struct{ least, dram float64 }{{3 * s, 3 * s}, {3 * s, s}, {3 * l, l}, {3 * l, 3 * l}} {
		if got := g.Lines[i]; got.Least() != want.least || got.On[0].DRAM != want.dram {
			t.Errorf("launch %d: %.0f bytes, %.0f of DRAM, want %.0f, %.0f", i, got.Least(), got.On[0].DRAM, want.least, want.dram)
		}
	}
	if want := 3.0*l + 2*s; g.Least != want { // x and z are read and y is written; of y the beginning is read too, and of x written
		t.Errorf("lower bound %.0f, want %.0f", g.Least, want)
	}
}

// TestLedgerCIFAR10 holds the launches of the paper's step to the operations that are known: 388.7 GFLOP an image.
func TestLedgerCIFAR10(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it builds networks of 56 M parameters")
	}
	r, err := record(bench.Step{Net: nn.CIFAR10(), Batch: 64, Half: true, LPIPS: true})
	if err != nil {
		t.Fatal(err)
	}
	registers, err := bench.Registers()
	if err != nil {
		t.Fatal(err)
	}
	flops := 0.0
	for i := range r.Launches {
		for _, c := range chip.All {
			if n := registers[c.SM][r.Launches[i].Entry]; n < 8 || n > 255 {
				t.Errorf("%s: %d registers on %s", r.Launches[i].Entry, n, c.Name)
			}
		}
		flops += ledger.ProductFLOPs(&r.Launches[i])
	}
	if got := flops / 64 / 1e9; math.Abs(got/388.7-1) > 0.01 {
		t.Errorf("%.1f GFLOP an image", got)
	}
	if got := (bench.PIDStepFLOPs(bench.CIFAR10MACs, 64) + bench.LPIPSFLOPs(64)) / 64 / 1e9; math.Abs(got-388.7) > 0.1 {
		t.Errorf("the floor is that of %.1f GFLOP an image", got)
	}
}

// TestLedgerPrints has every launch as a row, and calls a prediction what is one.
func TestLedgerPrints(t *testing.T) {
	g, err := tiny()
	if err != nil {
		t.Fatal(err)
	}
	var text, table bytes.Buffer
	if err := g.Print(&text, 5, 1e9, func(c chip.Chip) float64 { return c.FP32 }); err != nil {
		t.Fatal(err)
	}
	out := text.String()
	if strings.Count(out, "predicted") < 8 || !strings.Contains(out, "more kinds of launches") || !strings.Contains(out, "the floor of 0.1 ms (1.0 GFLOP at 20 TFLOP/s)") {
		t.Error(out)
	}
	for line := range strings.Lines(out) {
		if (strings.Contains(line, " ms ") || strings.Contains(line, "µs")) && !strings.Contains(line, "predicted") {
			t.Errorf("a time that is not said to be predicted: %s", line)
		}
	}
	if err := g.CSV(&table); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(rows) != len(g.Lines)+1 || rows[0][0] != "launch" {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// TestLedgerCommand runs the command whole.
func TestLedgerCommand(t *testing.T) {
	if _, err := record(bench.Step{Net: presets[2].net(), Batch: 1}); err != nil {
		t.Errorf("float32: %v", err)
	}
	for _, bad := range [][]string{{"ledger", "--preset", "huge"}, {"ledger", "--batch", "0"}, {"ledger", "--batch", "1000000000000"}, {"ledger", "file"}} {
		if _, err := call(t, bad...); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
	if testing.Short() {
		return
	}
	out, err := call(t, "ledger", "--preset", "tiny", "--batch", "1", "--lpips=false")
	if err != nil || !strings.HasPrefix(out, "PREDICTED, not measured: a PID step of tiny, batch 1, half precision, L2") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err = call(t, "ledger", "--preset", "tiny", "--batch", "1", "--lpips=false", "--csv"); err != nil || !strings.HasPrefix(out, "launch,") {
		t.Errorf("%v\n%s", err, out)
	}
}
