package emulated

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"onestep/kernels/cuda/driver"
	"onestep/kernels/cuda/ptx"
	"onestep/kernels/cuda/simt"
)

// Env names the environment variable that says how [FromEnv] checks, with commas between: races, and seed=N.
const Env = "ONESTEP_EMULATED"

// FromEnv reads options from the environment. Without it, what is cheap is checked.
func FromEnv() (o simt.Options, err error) {
	o.Uninitialized = true
	for word := range strings.SplitSeq(os.Getenv(Env), ",") {
		switch n, isSeed := strings.CutPrefix(word, "seed="); {
		case word == "":
		case word == "races":
			o.Races = true
		case isSeed:
			o.Seed, err = strconv.ParseUint(n, 10, 64)
		default:
			err = fmt.Errorf("%q", word)
		}
		if err != nil {
			return o, fmt.Errorf("%s: %w: want races or seed=N, with a comma between", Env, err)
		}
	}
	return o, nil
}

// a100 is what launches go by. Guard bytes between buffers let the interpreter see what reaches over their ends.
var a100 = driver.Info{
	Name: "emulated A100", Version: 11040, Major: 8, Minor: 0, SMs: 108, SharedPerBlock: 163 << 10, SharedPerSM: 164 << 10, ThreadsPerSM: 2048,
	RegistersPerSM: 64 << 10, L2: 40 << 20, ClockKHz: 1_410_000, MemoryClockKHz: 1_215_000, BusBits: 5120, Memory: 16 << 30, Guard: 512,
}

// New is an interpreter as a device.
func New(o simt.Options) *Driver {
	return newDriver(&interpreter{memory: simt.NewMemory(), options: o}, a100)
}

// interpreter is the machine of the package simt.
type interpreter struct {
	memory  *simt.Memory
	options simt.Options
}

// SetOptions changes how kernels are run from now on, those of recorded launches too.
func (d *Driver) SetOptions(o simt.Options) { d.m.(*interpreter).options = o }

func (i *interpreter) alloc(bytes int) (uint64, error)     { return i.memory.Alloc(bytes) }
func (i *interpreter) free(addr uint64) error              { return i.memory.Free(addr) }
func (i *interpreter) read(dst []byte, addr uint64) error  { return i.memory.Read(dst, addr) }
func (i *interpreter) write(addr uint64, src []byte) error { return i.memory.Write(addr, src) }
func (i *interpreter) mark(addr uint64, bytes int) error   { return i.memory.Mark(addr, bytes) }

func (i *interpreter) load(name, text string) (program, error) {
	f, err := parsed(name, text)
	if err != nil {
		return nil, err
	}
	return module{i, f}, nil
}

// source is a parsed file, and what was compiled of it, for every device.
type source struct {
	*ptx.Module
	own bool // it has global variables, which every device has for itself

	mu       sync.Mutex
	programs map[string]*simt.Program // by entry
}

// sources are what was parsed so far, by name and text.
var sources = struct {
	sync.Mutex
	by map[[2]string]*source
}{by: map[[2]string]*source{}}

// parsed parses a file once.
func parsed(name, text string) (*source, error) {
	sources.Lock()
	defer sources.Unlock()
	key := [2]string{name, text}
	if f := sources.by[key]; f != nil {
		return f, nil
	}
	m, err := ptx.Parse(name, text)
	if err != nil {
		return nil, err
	}
	f := &source{Module: m, programs: map[string]*simt.Program{}}
	global := func(v *ptx.Variable) bool { return v.Space == ptx.Global }
	f.own = slices.ContainsFunc(m.Variables, global)
	for _, g := range m.Functions {
		f.own = f.own || slices.ContainsFunc(g.Variables, global)
	}
	sources.by[key] = f
	return f, nil
}

// module is a file on a device.
type module struct {
	on *interpreter
	*source
}

func (m module) kernel(entry string) (kernel, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.programs[entry]
	if p == nil || m.own {
		var err error
		if p, err = simt.Compile(m.Module, entry, m.on.memory); err != nil {
			return nil, err
		}
		m.programs[entry] = p
	}
	return &compiled{m.on, p}, nil
}

// compiled is a kernel that can run.
type compiled struct {
	on *interpreter
	*simt.Program
}

func (c *compiled) info() driver.FuncInfo {
	threads := c.Threads()
	if threads == 0 {
		threads = 1024
	}
	return driver.FuncInfo{Local: c.LocalSize(), Shared: c.SharedSize(), MaxThreads: threads}
}

func (c *compiled) launch(grid, block driver.Dim, shared int, params []byte) error {
	return c.Run(c.on.memory, simt.Launch{
		Grid: [3]int{grid.X, grid.Y, grid.Z}, Block: [3]int{block.X, block.Y, block.Z}, Shared: shared, Params: params,
	}, c.on.options)
}
