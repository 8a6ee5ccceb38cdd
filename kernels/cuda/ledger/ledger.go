package ledger

import (
	"cmp"
	"encoding/binary"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"onestep/kernels/cuda"
	"onestep/kernels/cuda/chip"
	"onestep/kernels/cuda/emulated"
	"onestep/kernels/cuda/ptx"
	"onestep/kernels/cuda/simt"
)

// Registers is how many registers a thread of each kernel has on a chip, by the chip's SM and the kernel's name.
type Registers map[string]map[string]int

// Ledger is the account of a sequence of launches.
type Ledger struct {
	Chips  []chip.Chip
	Lines  []Line // in the order of the launches
	Copies int    // copies and fills by the driver, which are no launches
	Copied int    // bytes

	// Least is the bytes of DRAM that no fusion and no cache can save: what was written is written once, and what is read of it is read once.
	Least float64
}

// Line is one launch.
type Line struct {
	Kernel, Part string
	Shape        string // m×n×k of a product, else the grid
	Grid, Block  [3]int
	Shared       int // bytes, static and dynamic
	*Cost
	Useful float64 // FLOPs: 2·m·n·k of a product, else those that are executed
	On     []On    // by chip
}

// On is a launch on a chip.
type On struct {
	Occupancy chip.Occupancy
	DRAM      float64 // bytes, predicted
	chip.Prediction
}

// New makes the account of what a recorder noted.
func New(r *emulated.Recorder, registers Registers, chips ...chip.Chip) (*Ledger, error) {
	costs, err := count(r.Launches)
	if err != nil {
		return nil, err
	}
	g := &Ledger{Chips: chips, Copies: len(r.Copied)}
	for _, n := range r.Copied {
		g.Copied += n
	}
	caches := make([]cache, len(chips))
	for i, c := range chips {
		caches[i].size = float64(c.L2Bytes) / 2
	}
	parts := map[string]string{} // of a step, by kernel
	for _, k := range cuda.Kernels() {
		parts[k.Name] = k.Part
	}
	least := map[int]Traffic{} // by the life of a buffer
	for i := range r.Launches {
		l := &r.Launches[i]
		cost := costs[key(l)]
		line := newLine(l, cost)
		line.Part = cmp.Or(parts[l.Entry], "other")
		for j, c := range chips {
			registers := registers[c.SM][l.Entry]
			if registers == 0 {
				registers = unknownRegisters
			}
			on := On{Occupancy: c.Occupancy(32*cost.Warps, registers, line.Shared), DRAM: caches[j].launch(l.Buffers, cost.Traffic)}
			on.Prediction = c.Predict(line.work(c, on))
			line.On = append(line.On, on)
		}
		g.Lines = append(g.Lines, line)
		for k, b := range l.Buffers {
			t := least[b.Life]
			least[b.Life] = Traffic{min(t.Read+cost.Traffic[k].Read, float64(b.Size)), min(t.Written+cost.Traffic[k].Written, float64(b.Size))}
		}
	}
	for _, life := range slices.Sorted(maps.Keys(least)) { // in an order, for the same bits every time
		g.Least += least[life].Read + least[life].Written
	}
	return g, nil
}

// unknownRegisters is assumed where nothing is known of a kernel.
const unknownRegisters = 128

// count counts every launch that is not like another, with all processors.
func count(launches []emulated.Launch) (map[string]*Cost, error) {
	var mu sync.Mutex
	costs, errs := map[string]*Cost{}, []error(nil)
	work := make(chan *emulated.Launch)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var c counter
			for l := range work {
				cost, err := c.cost(l)
				mu.Lock()
				if costs[key(l)] = cost; err != nil {
					errs = append(errs, err)
				}
				mu.Unlock()
			}
		})
	}
	asked := map[string]bool{}
	for i := range launches {
		if k := key(&launches[i]); !asked[k] {
			asked[k] = true
			work <- &launches[i]
		}
	}
	close(work)
	wg.Wait()
	return costs, errors.Join(errs...)
}

// newLine describes a launch.
func newLine(l *emulated.Launch, cost *Cost) Line {
	line := Line{Kernel: l.Entry, Grid: l.Grid, Block: l.Block, Shared: l.Shared, Cost: cost, Useful: cost.FLOPs + cost.Matrix}
	for _, v := range l.File.Entry(l.Entry).Variables {
		if v.Space == ptx.Shared {
			line.Shared += v.Size
		}
	}
	line.Shape = dims(l.Grid)
	if size := product(l); size != [3]int{} {
		line.Useful, line.Shape = ProductFLOPs(l), dims(size)
	}
	return line
}

// product is m, n and k of an m×k by k×n product, which its kernels have as parameters, or zeros.
func product(l *emulated.Launch) [3]int {
	sizes := map[string]int{}
	for _, p := range l.File.Entry(l.Entry).Params {
		if p.Size == 4 {
			sizes[strings.TrimPrefix(p.Name, l.Entry+"_")] = int(int32(binary.LittleEndian.Uint32(l.Params[p.Offset:])))
		}
	}
	if sizes["slices"] == 0 {
		return [3]int{}
	}
	return [3]int{sizes["m"], sizes["n"], sizes["k"]}
}

// ProductFLOPs is 2·m·n·k of a product or convolution, 0 of all else.
func ProductFLOPs(l *emulated.Launch) float64 {
	s := product(l)
	return 2 * float64(s[0]) * float64(s[1]) * float64(s[2])
}

// work is the launch as a prediction wants it.
func (l *Line) work(c chip.Chip, on On) chip.Work {
	w := chip.Work{
		Grid: l.Blocks, Warps: l.Warps, Occupancy: on.Occupancy, DRAM: on.DRAM, Issue: l.Issue,
		Int: l.Class[simt.ClassOther], FP32: l.Class[simt.ClassFP32], FP64: l.Class[simt.ClassFP64], Special: l.Class[simt.ClassSpecial],
		Loads: l.Class[simt.ClassGlobal] - l.Stores, Syncs: l.Class[simt.ClassSync],
		Matrix: l.Matrix / float64(l.Blocks), Wavefronts: l.Wavefronts / float64(l.Blocks), Sectors: l.Sectors / float64(l.Blocks),
	}
	if strings.Contains(l.Kernel, "_tf32_") {
		w.MatrixPeak = c.TensorTF32
	}
	return w
}

// cache is the L2 as far as predictions go: it has what was used last of all buffers, up to its size.
type cache struct {
	size   float64
	recent []resident // the latest last
}

type resident struct {
	life  int
	bytes float64
}

// launch is the bytes that a launch moves to and from DRAM.
func (c *cache) launch(buffers []emulated.Buffer, traffic []Traffic) (dram float64) {
	had := map[int]bool{}
	for _, r := range c.recent {
		had[r.life] = true
	}
	for i, t := range traffic {
		if dram += t.Written; !had[buffers[i].Life] {
			dram += t.Read
		}
	}
	for i, t := range traffic {
		if t.Read+t.Written > 0 {
			c.recent = slices.DeleteFunc(c.recent, func(r resident) bool { return r.life == buffers[i].Life })
			c.recent = append(c.recent, resident{buffers[i].Life, max(t.Read, t.Written)})
		}
	}
	total := 0.0
	for i := len(c.recent) - 1; i >= 0; i-- {
		if total += c.recent[i].bytes; total > c.size {
			c.recent = c.recent[i+1:]
			break
		}
	}
	return dram
}
