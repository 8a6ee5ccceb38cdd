package emulated

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"

	"onestep/kernels/cuda/driver"
	"onestep/kernels/cuda/ptx"
	"onestep/kernels/cuda/simt"
)

// Launch is a launch as a [Recorder] saw it.
type Launch struct {
	File        *ptx.Module // with the entry
	Entry       string
	Grid, Block [3]int
	Shared      int // bytes of dynamic shared memory
	Params      []byte
	Buffers     []Buffer // that the parameters point into, in their order, then those that tables there point into
}

// Buffer is memory in use at a launch.
type Buffer struct {
	Addr uint64
	Size int    // bytes
	Life int    // numbers its use from one [driver.Driver.Mark] to the next: the same address serves many
	Data []byte // what the host copied there last, if that is a table with addresses of buffers; else nil, since kernels may have changed it
}

// tableBytes is the most that a table of buffers may have.
const tableBytes = 1 << 20

// recorderBase is where addresses begin, away from those of the interpreter itself.
const recorderBase = 0x7f80_0000_0000

// Recorder is a device that runs nothing: it has addresses, but no memory behind them, and notes what is launched.
type Recorder struct {
	*Driver
	Launches []Launch
	Copied   []int // bytes of every copy and fill

	next  uint64
	live  []Buffer // by address
	life  int
	files map[string]*file // that were loaded, by their text
}

// NewRecorder is a recorder of a device with the sizes of an A100 of 80 GB.
func NewRecorder() *Recorder {
	info := a100
	info.Name, info.Memory, info.Guard = "recorded A100", 80<<30, 0
	r := &Recorder{next: recorderBase, files: map[string]*file{}}
	r.Driver = newDriver(r, info)
	return r
}

// Fresh is a recorder like a new one, which shares with r the files that either loads, as parsing them takes a second, and has as much memory as is
// asked for.
func (r *Recorder) Fresh() *Recorder {
	n := NewRecorder()
	n.files, n.Driver.info.Memory = r.files, math.MaxInt64
	return n
}

// Reset forgets what was noted, but not the memory.
func (r *Recorder) Reset() { r.Launches, r.Copied = nil, nil }

func (r *Recorder) alloc(bytes int) (uint64, error) {
	addr := r.next
	r.next = (r.next + uint64(bytes) + 4095) / 4096 * 4096
	return addr, nil
}

func (r *Recorder) free(uint64) error { return nil }

func (r *Recorder) mark(addr uint64, bytes int) error {
	i := sort.Search(len(r.live), func(i int) bool { return r.live[i].Addr >= addr })
	if i < len(r.live) && r.live[i].Addr == addr {
		r.live = slices.Delete(r.live, i, i+1)
	}
	if bytes > 0 {
		r.life++
		r.live = slices.Insert(r.live, i, Buffer{Addr: addr, Size: bytes, Life: r.life})
	}
	return nil
}

// at is the number in live of the buffer around an address, or −1.
func (r *Recorder) at(addr uint64) int {
	i := sort.Search(len(r.live), func(i int) bool { return r.live[i].Addr > addr }) - 1
	if i >= 0 && addr < r.live[i].Addr+uint64(r.live[i].Size) {
		return i
	}
	return -1
}

// read gives float32 ones, so that what a step reports is a good step.
func (r *Recorder) read(dst []byte, _ uint64) error {
	for i := range dst {
		dst[i] = byte(math.Float32bits(1) >> (8 * (i % 4)))
	}
	return nil
}

func (r *Recorder) write(addr uint64, src []byte) error {
	r.Copied = append(r.Copied, len(src))
	if i := r.at(addr); i >= 0 {
		b := &r.live[i]
		b.Data = nil
		if addr == b.Addr && len(src) == b.Size && len(src) <= tableBytes {
			b.Data = slices.Clone(src)
		}
	}
	return nil
}

// addresses lists the 8-byte words that are addresses of buffers in use, by their numbers in live.
func (r *Recorder) addresses(table []byte) (list []int) {
	for ; len(table) >= 8; table = table[8:] {
		if i := r.at(binary.LittleEndian.Uint64(table)); i >= 0 {
			list = append(list, i)
		}
	}
	return list
}

func (r *Recorder) load(name, text string) (program, error) {
	f := r.files[text]
	if f == nil {
		m, err := ptx.Parse(name, text)
		if err != nil {
			return nil, err
		}
		f = &file{m, map[string]driver.FuncInfo{}}
		r.files[text] = f
	}
	return recorded{r, f}, nil
}

// file is a module, and what is known of those of its kernels that were asked for.
type file struct {
	*ptx.Module
	kernels map[string]driver.FuncInfo
}

// recorded is a module that is not run.
type recorded struct {
	by *Recorder
	*file
}

func (m recorded) kernel(entry string) (kernel, error) {
	info, known := m.kernels[entry]
	if !known {
		p, err := simt.Compile(m.Module, entry, simt.NewMemory())
		if err != nil {
			return nil, err
		}
		info = (&compiled{Program: p}).info()
		m.kernels[entry] = info
	}
	return &unrun{m, entry, info, m.Entry(entry)}, nil
}

// unrun is a kernel whose launches are noted.
type unrun struct {
	m      recorded
	entry  string
	about  driver.FuncInfo
	kernel *ptx.Function
}

func (k *unrun) info() driver.FuncInfo { return k.about }

func (k *unrun) launch(grid, block driver.Dim, shared int, params []byte) error {
	if len(params) != k.kernel.ParamSize {
		return fmt.Errorf("emulated: %s: %d bytes of parameters, want %d", k.entry, len(params), k.kernel.ParamSize)
	}
	l := Launch{
		File: k.m.Module, Entry: k.entry, Grid: [3]int{grid.X, grid.Y, grid.Z}, Block: [3]int{block.X, block.Y, block.Z}, Shared: shared, Params: params,
	}
	r := k.m.by
	use := func(i int) {
		if b := r.live[i]; !slices.ContainsFunc(l.Buffers, func(x Buffer) bool { return x.Addr == b.Addr }) {
			l.Buffers = append(l.Buffers, b)
		}
	}
	for _, p := range k.kernel.Params {
		if p.Size == 8 {
			if i := r.at(binary.LittleEndian.Uint64(params[p.Offset:])); i >= 0 {
				use(i)
			}
		}
	}
	for j := range len(l.Buffers) { // those that are there before
		in := r.addresses(l.Buffers[j].Data)
		if len(in) == 0 {
			l.Buffers[j].Data = nil
		}
		for _, i := range in {
			use(i)
		}
	}
	r.Launches = append(r.Launches, l)
	return nil
}
