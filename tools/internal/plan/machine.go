package plan

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"onestep/kernels"
	"onestep/kernels/cuda"
)

// Machine is where a job is to run.
type Machine struct {
	Name    string // of the device
	GPU     bool   // a GPU, or its interpreter
	Threads int    // of the CPU
	Free    int64  // bytes that the job may take; 0: not known
	Limit   string // what says so
}

// MachineOf is the machine around a device, before anything is on it.
func MachineOf(d kernels.Device) Machine {
	m := Machine{Name: d.Name(), Threads: runtime.GOMAXPROCS(0)}
	switch d := d.Self().(type) {
	case *kernels.CPU:
		m.Threads = d.Threads()
		m.Free, m.Limit = hostMemory("/")
	case *cuda.Device:
		m.GPU = true
		if free, _, err := d.Driver().MemInfo(); err == nil {
			m.Free, m.Limit = int64(free), "free on the GPU"
		}
	}
	return m
}

// A100 is a process's GPU where there is none to ask: of 80 GB, less what the driver takes for itself.
var A100 = Machine{Name: "an A100 of 80 GB", GPU: true, Free: 79 << 30, Limit: "free on an A100 of 80 GB"}

// hostMemory is the bytes that the system has to give, where it is Linux: those that the kernel calls available, or what the process's control
// group has left, whichever is less. What this process holds already counts as free, since it is part of what it will hold. All is below root.
func hostMemory(root string) (free int64, limit string) {
	text, err := os.ReadFile(filepath.Join(root, "proc/meminfo"))
	if err != nil {
		return 0, ""
	}
	free, limit = field(string(text), "MemAvailable:")*1024, "available on this machine"
	if left, ok := groupMemory(root); ok && left < free {
		free, limit = left, "left of the control group's limit"
	}
	if status, err := os.ReadFile(filepath.Join(root, "proc/self/status")); err == nil {
		free += field(string(status), "VmRSS:") * 1024
	}
	return free, limit
}

// groupMemory is what is left of the control group's limits, the group's own and those of the groups around it, in version 2 or 1.
func groupMemory(root string) (left int64, limited bool) {
	groups, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return 0, false
	}
	left = math.MaxInt64
	for line := range strings.Lines(string(groups)) { // 0::/path, or 5:memory:/path
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		base, most, used := "sys/fs/cgroup", "memory.max", "memory.current"
		if parts[1] == "memory" {
			base, most, used = "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
		} else if parts[0] != "0" {
			continue
		}
		for path := filepath.Clean("/" + parts[2]); ; path = filepath.Dir(path) {
			dir := filepath.Join(root, base, path)
			if n, ok := number(filepath.Join(dir, most)); ok {
				now, _ := number(filepath.Join(dir, used))
				left = min(left, n-now+cached(filepath.Join(dir, "memory.stat")))
			}
			if path == "/" {
				break
			}
		}
	}
	return max(0, left), left < 1<<60
}

// cached is the bytes of a group that the kernel can drop: files that nobody used of late.
func cached(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return max(field(string(text), "inactive_file"), field(string(text), "total_inactive_file"))
}

// number is the whole number that is all of a file.
func number(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil // "max" is no limit
}

// field is the number behind a name at the start of a line, or 0.
func field(text, name string) int64 {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}
