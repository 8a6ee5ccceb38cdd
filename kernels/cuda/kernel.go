package cuda

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"onestep/kernels/cuda/driver"
)

// kernel is an entry that is loaded.
type kernel struct {
	name    string // "groupnorm.ptx: groupnorm_f32"
	fn      driver.Func
	info    driver.FuncInfo
	params  []int // bytes of each
	offsets []int
	block   []byte // the parameters of the launch that is being made
	dynamic int    // bytes of dynamic shared memory that it may use so far
}

// defaultShared is the dynamic shared memory in bytes that a kernel may use without asking.
const defaultShared = 48 << 10

type kernelKey struct {
	m     *Module
	entry string
}

// kernel finds an entry, and loads it at its first launch.
func (d *Device) kernel(m *Module, entry string) *kernel {
	key := kernelKey{m, entry}
	if k := d.kernels[key]; k != nil {
		return k
	}
	k := &kernel{name: m.Name + ": " + entry, dynamic: defaultShared}
	text := excerpt(m.PTX, entry)
	var err error
	if k.params, err = signature(text, entry); err != nil {
		panic(fmt.Errorf("kernels/cuda: %s: %w", m.Name, err))
	}
	at := 0
	for _, size := range k.params {
		at = (at + size - 1) / size * size
		k.offsets = append(k.offsets, at)
		at += size
	}
	k.block = make([]byte, at)
	d.check(k.name, d.aside(func() (err error) {
		mod, err := d.drv.Load(m.Name, text)
		if err != nil {
			return err
		}
		if k.fn, err = d.drv.Func(mod, entry); err != nil {
			return err
		}
		k.info, err = d.drv.FuncInfo(k.fn)
		return err
	}))
	d.kernels[key] = k
	return k
}

// aside calls f, which prepares launches and is no part of a graph that is being captured.
func (d *Device) aside(f func() error) error {
	if d.pool.capture != nil {
		return d.drv.Relaxed(f)
	}
	return f()
}

// start makes a launch with the parameters in k.block.
func (d *Device) start(k *kernel, grid, block Dim, shared int) {
	grid, block = whole(grid), whole(block)
	threads := block.X * block.Y * block.Z
	if grid.X < 1 || grid.Y < 1 || grid.Z < 1 || grid.Y > 65535 || grid.Z > 65535 || threads < 1 || threads > k.info.MaxThreads {
		panic(fmt.Errorf("kernels/cuda: %s: grid %v of blocks %v, of at most %d threads", k.name, grid, block, k.info.MaxThreads))
	}
	if shared > k.dynamic {
		if most := d.info.SharedPerBlock - k.info.Shared; shared > most {
			panic(fmt.Errorf("kernels/cuda: %s: %d bytes of dynamic shared memory; %s has %d", k.name, shared, d.info.Name, most))
		}
		d.check(k.name, d.aside(func() error { return d.drv.MaxDynamicShared(k.fn, shared) }))
		k.dynamic = shared
	}
	d.launch = driver.Launch{Func: k.fn, Grid: grid, Block: block, Shared: shared, Params: k.block, Offsets: k.offsets, Stream: d.stream}
	d.note(k.name)
	d.check(k.name, d.drv.Launch(&d.launch))
	d.settle(k.name)
}

func whole(d Dim) Dim { return Dim{X: d.X, Y: max(d.Y, 1), Z: max(d.Z, 1)} }

var comment = regexp.MustCompile(`//.*|/\*(?s:.*?)\*/`)

var paramType = regexp.MustCompile(`^\s*\.param\s+(?:\.align\s+\d+\s+)?\.([a-z])(\d+)\s`)

// signature reads the sizes of an entry's parameters from its declaration: numbers and addresses of 4 and 8 bytes.
func signature(ptx, entry string) ([]int, error) {
	for rest := comment.ReplaceAllString(ptx, ""); ; {
		_, after, found := strings.Cut(rest, ".entry")
		if !found {
			return nil, fmt.Errorf("no entry %s", entry)
		}
		rest = after
		name := strings.TrimLeft(after, " \t\r\n")
		tail, is := strings.CutPrefix(name, entry)
		tail = strings.TrimLeft(tail, " \t\r\n")
		if !is || tail == "" || !strings.ContainsRune("({.", rune(tail[0])) {
			continue
		}
		list, open := strings.CutPrefix(tail, "(")
		if !open {
			return nil, nil
		}
		list, _, _ = strings.Cut(list, ")")
		if strings.TrimSpace(list) == "" {
			return nil, nil
		}
		var sizes []int
		for i, p := range strings.Split(list, ",") {
			f := paramType.FindStringSubmatch(p)
			if f == nil {
				return nil, fmt.Errorf("entry %s: parameter %d is no plain number: %s", entry, i, strings.TrimSpace(p))
			}
			bits, err := strconv.Atoi(f[2])
			if err != nil || bits != 32 && bits != 64 {
				return nil, fmt.Errorf("entry %s: parameter %d has %s bits", entry, i, f[2])
			}
			sizes = append(sizes, bits/8)
		}
		return sizes, nil
	}
}
