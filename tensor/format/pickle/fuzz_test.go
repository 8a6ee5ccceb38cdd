package pickle_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"onestep/nn/golden"
	"onestep/tensor/format/pickle"
)

// FuzzLoad reads anything as a pickle: it may be refused, but neither panic nor take memory that the bytes do not account for. Seeds are the
// golden pickles, good and bad, and the start of the large one.
func FuzzLoad(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join(golden.Dir(f), "ckpt", "*", "*.pkl"))
	if err != nil || len(paths) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:min(len(data), 10_000)])
	}
	f.Add([]byte("\x80\x02ccollections\nOrderedDict\n)R(X\x01\x00\x00\x00aK\x01u}q\x00b.")) // with attributes
	f.Add([]byte("\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x01m\x8c\x01c\x93)\x81}(K\x01K\x02ub."))
	hooks := pickle.Hooks{
		Persistent: func(id any) (any, error) { return id, nil },
		Call:       func(g pickle.Global, args pickle.Tuple) (any, bool, error) { return args, g.Name == "f", nil },
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v, n, err := pickle.Load(data, hooks)
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20+1024*uint64(len(data)) {
			t.Fatalf("%d bytes of memory for %d of data", taken, len(data))
		}
		if err != nil {
			return
		}
		if n < 1 || n > len(data) {
			t.Fatalf("a pickle of %d bytes in %d", n, len(data))
		}
		if pickle.Describe(v) == "" {
			t.Fatal("a value without a kind")
		}
		other := append(data[:n:n], make([]byte, len(data)-n)...) // what follows does not matter, but that frames fit into it
		if _, again, err := pickle.Load(other, hooks); err != nil || again != n {
			t.Fatalf("a pickle of %d bytes before others: %d, %v", n, again, err)
		}
	})
}
