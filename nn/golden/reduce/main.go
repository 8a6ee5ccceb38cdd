// Command reduce makes nn/golden/testdata from the folder of all golden files:
//
//	go run ./nn/golden/reduce from nn/golden/testdata
//
// Files that are not read by tests of networks, losses, optimisers and samplers are left out. Where a file holds the gradient at
// every parameter of a network, its moments replace it, as in the larger files of the folder (gradstat: length, and product with a hash
// tensor); of the LPIPS pairs some are kept.
package main

import (
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onestep/nn/golden"
	"onestep/tensor"
)

// pairs are the samples that are kept of an LPIPS file: the first must be, the last has equal images.
var pairs = map[string][]int{"lpips32": {0, 4}, "lpips64": {0, 4}}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: reduce from to")
	}
	if err := reduceAll(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func reduceAll(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, glob := range []string{"[a-j]_*.safetensors", "c2_*.safetensors", "lpips*.safetensors", "[a-c]*_*.weights.tsv", "shapes.*.tsv", "README*.md"} {
		paths, err := filepath.Glob(filepath.Join(from, glob))
		if err != nil {
			return err
		}
		for _, path := range paths {
			if err := reduce(path, filepath.Join(to, filepath.Base(path))); err != nil {
				return err
			}
		}
	}
	return nil
}

func reduce(from, to string) error {
	name := strings.TrimSuffix(filepath.Base(from), ".safetensors")
	gradients := strings.HasPrefix(name, "a_") || strings.HasPrefix(name, "b_") || strings.HasPrefix(name, "c_") || strings.HasPrefix(name, "g_")
	if filepath.Ext(from) != ".safetensors" || !gradients && pairs[name] == nil {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	}
	f, err := tensor.OpenSafeTensors(from)
	if err != nil {
		return err
	}
	defer f.Close()
	var list []tensor.Named
	for _, n := range f.Names() {
		e, _ := f.Entry(n)
		t := tensor.Named{Name: n, DType: e.DType, Shape: e.Shape, Data: e.Data}
		if strings.HasPrefix(name, "c_") && strings.HasPrefix(n, "act.") {
			continue // a and b have them
		}
		key, isGrad := strings.CutPrefix(n, "grad.")
		switch _, moments := f.Entry("gradstat." + key); {
		case gradients && isGrad && key != "x" && !strings.HasPrefix(key, "y_hat") && !moments:
			x, err := e.Float32s()
			if err != nil {
				return err
			}
			proj := golden.UNet.V(f.Metadata["salt"]+"proj/"+key, 1, len(x))
			t = tensor.F64Tensor("gradstat."+key, []float64{golden.L2(x), golden.Dot(x, proj)}, 2)
		case pairs[name] != nil && len(e.Shape) > 0 && !strings.Contains(n, "sample0"):
			t = pick(t, pairs[name])
		}
		list = append(list, t)
	}
	metadata := f.Metadata
	metadata["reduced"] = "by nn/golden/reduce of this project"
	return tensor.WriteSafeTensors(to, metadata, list)
}

// pick keeps some entries along the first dimension.
func pick(t tensor.Named, samples []int) tensor.Named {
	per := len(t.Data) / t.Shape[0]
	var data []byte
	for _, i := range samples {
		data = append(data, t.Data[i*per:(i+1)*per]...)
	}
	t.Data, t.Shape = data, slices.Clone(t.Shape)
	t.Shape[0] = len(samples)
	return t
}
