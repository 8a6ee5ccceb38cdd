package tensor

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestSeal flips every bit of a sealed file, cuts it at every byte, and tears it: each is found.
func TestSeal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sealed")
	meta := map[string]string{"step": "7", "text": `"sha256":"` + noSeal + `"`, "zzz": noSeal}
	if err := WriteSealed(path, meta, []Named{F32Tensor("sha256", []float32{1, 0, -2}, 3), F16Tensor("b", []float32{4}, 1)}); err != nil {
		t.Fatal(err)
	}
	if len(meta) != 3 {
		t.Error("the metadata that was given is changed")
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenSealed(path)
	if err != nil {
		t.Fatal(err)
	}
	if s.Metadata["step"] != "7" || len(s.Names()) != 2 {
		t.Errorf("read %v %v", s.Metadata, s.Names())
	}
	s.Close()

	refused := func(what string, at int, data []byte) {
		t.Helper()
		s, err := ReadSafeTensors(path, data)
		if err == nil {
			err = s.checkSeal(data)
		}
		if err == nil {
			t.Errorf("%s %d: not found", what, at)
		}
	}
	for i := range 8 * len(whole) {
		data := append([]byte(nil), whole...)
		data[i/8] ^= 1 << (i % 8)
		refused("bit", i, data)
	}
	for n := range whole {
		refused("cut at byte", n, whole[:n])
		torn := append(append([]byte(nil), whole[:n]...), make([]byte, len(whole)-n)...)
		if string(torn) != string(whole) {
			refused("zeros from byte", n, torn)
		}
	}
	refused("longer by", 1, append(append([]byte(nil), whole...), 0))

	for name, write := range map[string]func() error{
		"cut":      func() error { return os.WriteFile(path, whole[:len(whole)-1], 0o666) },
		"unsealed": func() error { return WriteSafeTensors(path, nil, nil) },
		"short":    func() error { return WriteSafeTensors(path, map[string]string{sealKey: "0"}, nil) },
		"empty":    func() error { return os.WriteFile(path, nil, 0o666) },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenSealed(path); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: error %v, want ErrDamaged", name, err)
		}
	}
	if _, err := OpenSealed(path + "x"); !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrDamaged) {
		t.Errorf("no file: %v", err)
	}
}
