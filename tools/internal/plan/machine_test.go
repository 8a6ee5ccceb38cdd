package plan

import (
	"os"
	"path/filepath"
	"testing"

	"onestep/kernels"
)

// root makes the files that Linux tells its memory by.
func root(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestHostMemory(t *testing.T) {
	const (
		meminfo = "MemTotal:       2000 kB\nMemAvailable:   1000 kB\n"
		status  = "Name:\tplan\nVmRSS:\t 10 kB\n"
	)
	for name, test := range map[string]struct {
		files map[string]string
		want  int64 // bytes
	}{
		"no Linux":    {nil, 0},
		"no groups":   {map[string]string{"proc/meminfo": meminfo}, 1000 << 10},
		"this counts": {map[string]string{"proc/meminfo": meminfo, "proc/self/status": status}, 1010 << 10},
		"no limit": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/b/memory.current": "7\n",
		}, 1000 << 10},
		"version 2, a group around it, and files that can go": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "500000\n", "sys/fs/cgroup/a/memory.current": "400000\n",
			"sys/fs/cgroup/a/memory.stat": "anon 5\ninactive_file 50000\n", "sys/fs/cgroup/a/b/memory.max": "900000\n", "sys/fs/cgroup/a/b/memory.current": "100\n",
		}, 150000},
		"version 1": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "5:memory:/job\n3:cpu:/x\n",
			"sys/fs/cgroup/memory/job/memory.limit_in_bytes": "300000\n", "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "100000\n",
		}, 200000},
		"all used up": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "100\n", "sys/fs/cgroup/memory.current": "400\n",
		}, 0},
	} {
		if got, limit := hostMemory(root(t, test.files)); got != test.want || (limit == "") != (name == "no Linux") {
			t.Errorf("%s: %d bytes (%q), want %d", name, got, limit, test.want)
		}
	}
}

// TestMachineOf looks at this machine.
func TestMachineOf(t *testing.T) {
	cpu := kernels.NewCPU(3)
	defer cpu.Close()
	m := MachineOf(cpu)
	if m.GPU || m.Threads != 3 || m.Name != cpu.Name() {
		t.Errorf("%+v", m)
	}
	if _, err := os.Stat("/proc/meminfo"); err == nil && (m.Free < 1<<20 || m.Limit == "") {
		t.Errorf("%+v", m)
	}
}
