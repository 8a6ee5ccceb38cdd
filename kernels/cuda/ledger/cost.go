package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"onestep/kernels/cuda/emulated"
	"onestep/kernels/cuda/simt"
)

// Cost is what one launch does.
type Cost struct {
	Blocks, Warps int
	Class         [10]float64 // instructions of warps of a block, by [simt.Class]
	Issue         float64     // all of them
	Stores        float64     // those that write global memory
	FLOPs, Matrix float64     // of the launch, as executed: without and with tensor cores
	Sectors       float64     // of global memory, of the launch
	Ideal         float64
	Wavefronts    float64 // of shared memory, of the launch
	IdealWaves    float64
	Traffic       []Traffic // of the launch, by the number of its buffer
}

// Traffic is the bytes of one buffer that a launch touches, each counted once.
type Traffic struct{ Read, Written float64 }

// Least is the bytes that a launch reads and writes at least.
func (c *Cost) Least() (bytes float64) {
	for _, t := range c.Traffic {
		bytes += t.Read + t.Written
	}
	return bytes
}

// Blocks of a launch are counted until there were enough of them, or enough instructions in at least fewBlocks.
const (
	enoughBlocks       = 8
	enoughOfTable      = 64 // where a table says what a block has, of sizes that differ
	fewBlocks          = 4
	enoughInstructions = 400_000
	smallBuffer        = 1 << 20 // bytes: up to here buffers have memory of their own
)

// counter counts launches one at a time. Its large buffers share memory, of which little is ever touched.
type counter struct{ shared []byte }

// samples are the numbers of at most so many blocks to count: the first, the last, then others all over the grid.
func samples(grid, most int) []int {
	if grid <= most {
		all := make([]int, grid)
		for i := range all {
			all[i] = i
		}
		return all
	}
	list := []int{0, grid - 1}
	for i := 1; len(list) < most; i++ { // multiples of the golden ratio spread evenly and fall into step with nothing
		_, at := math.Modf(float64(i) * math.Phi)
		list = append(list, 1+int(at*float64(grid-2)))
	}
	return list
}

// cost counts a launch: of the mean over its grid the first and the last block are one part each, and the others stand for the rest.
func (c *counter) cost(l *emulated.Launch) (*Cost, error) {
	mem := simt.NewMemory()
	program, err := simt.Compile(l.File, l.Entry, mem)
	if err != nil {
		return nil, err
	}
	for _, b := range l.Buffers {
		if err := mem.Map(b.Addr, c.contents(b)); err != nil {
			return nil, err
		}
	}
	grid, threads := l.Grid[0]*l.Grid[1]*l.Grid[2], l.Block[0]*l.Block[1]*l.Block[2]
	var blocks []*Cost
	issued, direct, most := 0.0, pointedAt(l), enoughBlocks
	if len(direct) < len(l.Buffers) {
		most = enoughOfTable
	}
	list := samples(grid, most)
	for _, n := range list {
		counters := simt.NewCounters(true)
		launch := simt.Launch{Grid: l.Grid, Block: l.Block, Shared: l.Shared, Params: bytes.Clone(l.Params)}
		if err := program.Run(mem, launch, simt.Options{Counters: counters, CountOnly: true, Blocks: []int{n}}); err != nil {
			return nil, fmt.Errorf("%s: %w", l.Entry, err)
		}
		b := block(l, counters)
		issued += b.Issue
		blocks = append(blocks, b)
		if len(blocks) >= fewBlocks && issued > enoughInstructions && most == enoughBlocks && len(list) < grid {
			break
		}
	}
	mean := &Cost{Blocks: grid, Warps: (threads + 31) / 32, Traffic: make([]Traffic, len(l.Buffers))}
	for i, b := range blocks {
		weight := 1.0
		if grid > most && i >= 2 {
			weight = float64(grid-2) / float64(len(blocks)-2)
		}
		mean.add(b, weight)
	}
	mean.Issue /= float64(grid)
	mean.Stores /= float64(grid)
	for i := range mean.Class {
		mean.Class[i] /= float64(grid)
	}
	for i, b := range l.Buffers {
		if t := &mean.Traffic[i]; direct[i] {
			t.Read, t.Written = min(t.Read, float64(b.Size)), min(t.Written, float64(b.Size))
		}
	}
	return mean, nil
}

// contents is the memory of a buffer: what the host put there, or float32 ones, with which the optimiser's plan says that the step is to be made.
func (c *counter) contents(b emulated.Buffer) []byte {
	if b.Size > smallBuffer {
		if len(c.shared) < b.Size {
			c.shared = make([]byte, b.Size)
		}
		return c.shared[:b.Size]
	}
	if b.Data != nil {
		return bytes.Clone(b.Data)
	}
	one := binary.LittleEndian.AppendUint32(nil, math.Float32bits(1))
	return bytes.Repeat(one, (b.Size+3)/4)[:b.Size]
}

// block is what one block did.
func block(l *emulated.Launch, n *simt.Counters) *Cost {
	b := &Cost{
		Stores: float64(n.Stores), FLOPs: float64(n.FLOPs), Matrix: float64(n.MatrixFLOPs), Sectors: float64(n.Sectors), Ideal: float64(n.IdealSectors),
		Wavefronts: float64(n.Wavefronts), IdealWaves: float64(n.IdealWavefronts), Traffic: make([]Traffic, len(l.Buffers)),
	}
	for i, k := range n.Warp {
		b.Class[i] = float64(k)
		b.Issue += float64(k)
	}
	for s := range n.Read {
		if i := bufferOf(l, s*32); i >= 0 {
			b.Traffic[i].Read += 32
		}
	}
	for s := range n.Written {
		if i := bufferOf(l, s*32); i >= 0 {
			b.Traffic[i].Written += 32
		}
	}
	return b
}

// add adds a block so many times.
func (c *Cost) add(b *Cost, times float64) {
	for i := range c.Class {
		c.Class[i] += times * b.Class[i]
	}
	for i := range c.Traffic {
		c.Traffic[i].Read += times * b.Traffic[i].Read
		c.Traffic[i].Written += times * b.Traffic[i].Written
	}
	c.Issue += times * b.Issue
	c.Stores += times * b.Stores
	c.FLOPs += times * b.FLOPs
	c.Matrix += times * b.Matrix
	c.Sectors += times * b.Sectors
	c.Ideal += times * b.Ideal
	c.Wavefronts += times * b.Wavefronts
	c.IdealWaves += times * b.IdealWaves
}

// bufferOf is the number of the launch's buffer around an address, or −1.
func bufferOf(l *emulated.Launch, addr uint64) int {
	return slices.IndexFunc(l.Buffers, func(b emulated.Buffer) bool { return addr >= b.Addr && addr < b.Addr+uint64(b.Size) })
}

// pointedAt says which buffers a parameter points into. Blocks may touch the same parts of these; those that tables name are gone through once.
func pointedAt(l *emulated.Launch) map[int]bool {
	at := map[int]bool{}
	for _, p := range l.File.Entry(l.Entry).Params {
		if p.Size == 8 {
			if i := bufferOf(l, binary.LittleEndian.Uint64(l.Params[p.Offset:])); i >= 0 {
				at[i] = true
			}
		}
	}
	return at
}

// key is the same for launches of the same cost: all but where their buffers lie.
func key(l *emulated.Launch) string {
	var b bytes.Buffer
	fmt.Fprintln(&b, l.File.Name, l.Entry, l.Grid, l.Block, l.Shared)
	direct := pointedAt(l)
	for _, p := range l.File.Entry(l.Entry).Params {
		bits := l.Params[p.Offset : p.Offset+p.Size]
		if p.Size == 8 {
			if i := bufferOf(l, binary.LittleEndian.Uint64(bits)); i >= 0 {
				fmt.Fprintln(&b, "buffer", i, l.Buffers[i].Size, binary.LittleEndian.Uint64(bits)-l.Buffers[i].Addr)
				if len(direct) < len(l.Buffers) { // a table: where its buffers lie is in it
					b.Write(l.Buffers[i].Data)
				}
				continue
			}
		}
		fmt.Fprintf(&b, "%x\n", bits)
	}
	return b.String()
}
