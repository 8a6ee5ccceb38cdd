package simt

import (
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Launch is one launch of a kernel.
type Launch struct {
	Grid, Block [3]int // zeros stand for 1
	Shared      int    // bytes of dynamic shared memory
	Params      []byte // the parameter block
}

// Options say how strictly a launch is watched.
type Options struct {
	Races         bool          // look for races on shared and global memory
	Uninitialized bool          // reads of memory and registers that nothing wrote are errors
	Unwaited      bool          // so are threads that end while asynchronous copies of theirs are under way, which PTX allows
	Seed          uint64        // of the schedule; 0: in order
	Counters      *Counters     // nil: nothing is counted
	CountOnly     bool          // numbers do not matter: matrix products, the slowest instruction by far, are counted and leave their registers as they are
	Blocks        []int         // run only these blocks of the grid, by number; nil: all
	Print         io.Writer     // where the kernel's printf goes; nil: nowhere
	MaxSteps      int           // instructions of warps without any block's end, after which the launch is taken for endless; 0: 2²⁶, some ten seconds
	MaxTime       time.Duration // of the launch; 0: any
}

// Strict looks for everything that is wrong in any kernel.
var Strict = Options{Races: true, Uninitialized: true}

// launch is a launch under way.
type launch struct {
	p      *Program
	mem    *Memory
	l      Launch
	o      Options
	params []byte
	epoch  uint32 // of the histories of global memory
	random *rand.Rand
	syncs  map[uint64]*passed // by address
	warps  int                // of a block
	ended  []*cta             // whose memory may be had
	began  time.Time
	after  map[[2]*instr]bool // what follows what, as far as it was asked
}

// warpOf is the block of a warp, and its number there.
func (r *launch) warpOf(id int32) (block, warp int) {
	return int(id-1) / r.warps, int(id-1) % r.warps
}

// resident is how many blocks run side by side when blocks wait for each other; the order in which they start is that of their numbers.
const resident = 64

// Run executes a launch. The error is a *[Fault] if the kernel did something wrong.
func (p *Program) Run(mem *Memory, l Launch, o Options) (err error) {
	for i := range 3 {
		l.Grid[i], l.Block[i] = max(1, l.Grid[i]), max(1, l.Block[i])
	}
	if err := p.check(l); err != nil {
		return err
	}
	if o.MaxSteps == 0 {
		o.MaxSteps = 1 << 26
	}
	threads := l.Block[0] * l.Block[1] * l.Block[2]
	r := &launch{p: p, mem: mem, l: l, o: o, params: l.Params, epoch: mem.newEpoch(), began: time.Now(), after: map[[2]*instr]bool{}, syncs: map[uint64]*passed{}, warps: (threads + lanes - 1) / lanes}
	if o.Seed != 0 {
		r.random = rand.New(rand.NewPCG(o.Seed, 0x51e57))
	}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *Fault:
			err = e
		default:
			panic(e)
		}
	}()
	blocks := o.Blocks
	if blocks == nil {
		blocks = make([]int, l.Grid[0]*l.Grid[1]*l.Grid[2])
		for i := range blocks {
			blocks[i] = i
		}
	}
	return r.all(blocks)
}

// check compares a launch with what the kernel declares.
func (p *Program) check(l Launch) error {
	threads := l.Block[0] * l.Block[1] * l.Block[2]
	fail := func(format string, args ...any) error {
		return &Fault{Kernel: p.name, File: p.file, Thread: -1, Msg: fmt.Sprintf(format, args...)}
	}
	switch {
	case threads > 1024:
		return fail("%d threads in a block, at most 1024 are possible", threads)
	case l.Block[2] > 64:
		return fail("a block of %v: its third dimension is at most 64", l.Block)
	case l.Grid[0] > 1<<31-1 || l.Grid[1] > 1<<16-1 || l.Grid[2] > 1<<16-1:
		return fail("a grid of %v: at most [2147483647 65535 65535] is possible", l.Grid)
	case p.exact && l.Block != p.limit:
		return fail("a block of %v, .reqntid says %v", l.Block, p.limit)
	case p.Threads() > 0 && threads > p.Threads():
		return fail("%d threads in a block, .maxntid says %d", threads, p.Threads())
	case len(l.Params) != p.paramSize:
		return fail("%d bytes of parameters, want %d", len(l.Params), p.paramSize)
	}
	return nil
}

// all runs blocks one after the other or, where one does not end soon, several in turns.
func (r *launch) all(blocks []int) error {
	soon, side := 1<<20, 1
	if r.random != nil {
		soon, side = 1<<10, 3
	}
	var running []*cta
	steps := 0 // since a block ended
	for len(blocks) > 0 || len(running) > 0 {
		for len(running) < side && len(blocks) > 0 {
			running = append(running, r.newBlock(blocks[0]))
			blocks = blocks[1:]
		}
		i := 0
		if r.random != nil {
			i = r.random.IntN(len(running))
		}
		c := running[i]
		n, done := c.advance(soon)
		steps += n
		running = append(running[:i], running[i+1:]...)
		switch {
		case done:
			c.end()
			steps, side = 0, max(side-1, 1)
			if r.random != nil {
				side = 3
			}
		case steps > r.o.MaxSteps:
			c.busy().fail(-1, "endless: %d instructions without the end of a block", steps)
		default: // it may wait for another block: let more of them run
			running = append(running, c)
			if n >= soon {
				side = min(side+1, resident)
			}
		}
	}
	return nil
}

// busy is a warp that runs, for a message.
func (c *cta) busy() *warp {
	for i := len(c.warps) - 1; i >= 0; i-- {
		if w := c.warps[i]; w.alive != 0 && w.waiting == nil {
			return w
		}
	}
	return c.warps[0]
}
