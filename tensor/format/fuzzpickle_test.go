package format_test

import (
	"bytes"
	"encoding/hex"
	"runtime"
	"testing"

	"onestep/tensor/format"
	"onestep/tensor/format/pickle"
)

// within is [read] that may not take memory that the data does not account for; what is freed again counts, too.
func within(t *testing.T, data []byte) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read(t, data)
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20+1024*uint64(len(data)) {
		t.Fatalf("%d bytes of memory for %d of data", taken, len(data))
	}
}

// legacyHead is what starts every legacy file of PyTorch: the magic number, the version, and the machine, here without properties.
var legacyHead, _ = hex.DecodeString("80028a0a6cfc9c46f9206aa850192e" + "80024de9032e" + "80027d2e")

// legacyParts are a legacy file's object, and its storage keys with the storages.
func legacyParts(data []byte) (object, storages []byte, err error) {
	hooks := pickle.Hooks{
		Persistent: func(id any) (any, error) { return id, nil },
		Call:       func(pickle.Global, pickle.Tuple) (any, bool, error) { return nil, true, nil },
	}
	for range 3 { // what legacyHead replaces
		_, n, err := pickle.Load(data, hooks)
		if err != nil {
			return nil, nil, err
		}
		data = data[n:]
	}
	_, n, err := pickle.Load(data, hooks)
	return data[:n], data[n:], err
}

// FuzzLegacy opens PyTorch's files from before 1.6, of an object, and of the storage keys with the storages. Seeds are the golden ones.
func FuzzLegacy(f *testing.F) {
	whole := 0
	seeds(f, "legacy_*.pt", func(data []byte) {
		object, storages, err := legacyParts(data)
		if err != nil {
			return // a bad one
		}
		f.Add(object, storages)
		if _, err := format.Read("parts", bytes.Join([][]byte{legacyHead, object, storages}, nil)); err == nil {
			whole++
		}
	})
	if whole == 0 {
		f.Fatal("no seed is read")
	}
	f.Fuzz(func(t *testing.T, object, storages []byte) {
		within(t, bytes.Join([][]byte{legacyHead, object, storages}, nil))
	})
}

// FuzzEDM opens EDM's pickles. Seeds, of testdata, are networks of some tensors that share storages, in two of pickle's protocols; the golden
// files are large.
func FuzzEDM(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		within(t, data)
		if part, err := format.ReadPart("fuzz", data, "ema.model"); err == nil && len(part.Order) != len(part.Names()) {
			t.Fatalf("%d names in order of %d", len(part.Order), len(part.Names()))
		}
	})
}
