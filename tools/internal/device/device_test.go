package device

import (
	"bytes"
	"strings"
	"testing"

	"onestep/kernels"
	"onestep/kernels/cuda"
)

func TestName(t *testing.T) {
	for s, want := range map[string]int{"auto": -1, "cpu": -1, "emulated": -1, "cuda": 3, "cuda:0": 0, "cuda:12": 12, "cuda+tf32": 3, "cuda:1+tf32": 1, "emulated+tf32": -1} {
		var n Name
		if err := n.Set(s); err != nil || n.String() != s {
			t.Errorf("%s: %q, %v", s, n, err)
		}
		base, _ := n.split()
		if i, ok := base.ordinal(3); ok != (want >= 0) || ok && i != want {
			t.Errorf("%s is GPU %d, %t", s, i, ok)
		}
	}
	for _, s := range []string{"", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:1:2", "CPU", "cpu+tf32", "auto+tf32", "cuda+tf3"} {
		var n Name
		if err := n.Set(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}

func TestOpen(t *testing.T) {
	var messages bytes.Buffer
	t.Setenv(kernels.ISAEnv, "avx")
	if _, err := Name("cpu").Open(2, 0, &messages); err == nil || err.Error() != "ONESTEP_CPU=avx: want generic, avx2, avx512" {
		t.Error(err)
	}
	t.Setenv(kernels.ISAEnv, "GENERIC")
	d, err := Name("cpu").Open(2, 0, &messages)
	if err != nil || d.Kind() != "cpu" {
		t.Fatal(d, err)
	}
	if d, err = Name("emulated").Open(0, 0, &messages); err != nil || d.Name() != "emulated" {
		t.Fatal(d, err)
	}
	_, err = cuda.Open(0)
	d, autoErr := Name("auto").Open(2, 0, &messages)
	if autoErr != nil || (d.Kind() == "cuda") != (err == nil) {
		t.Errorf("auto is %s: %v", d.Name(), autoErr)
	}
	if messages.Len() > 0 && err == nil {
		t.Errorf("messages: %s", &messages)
	}
	if _, err := Name("cuda:999").Open(2, 0, &messages); err == nil || !strings.HasPrefix(err.Error(), "--device cuda:999: ") {
		t.Errorf("cuda:999: %v", err)
	}
}
