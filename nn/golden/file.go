package golden

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"onestep/tensor"
)

// Env names the environment variable with a folder of golden files to use instead of this package's testdata.
const Env = "ONESTEP_GOLDEN"

// File is an open golden file. Its methods fail the test it was opened by.
type File struct {
	*tensor.SafeTensors
	Name string // without folder and extension
	t    testing.TB
}

// Dir is the folder of the golden files.
func Dir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv(Env); dir != "" {
		return dir
	}
	dir, err := os.Getwd() // the package's folder
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "nn", "golden", "testdata")
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("golden: no go.mod above the test's folder")
		}
		dir = filepath.Dir(dir)
	}
}

// Tables lists the tab-separated files of the golden folder whose first line has these columns.
func Tables(t testing.TB, columns ...string) (paths []string) {
	t.Helper()
	first := strings.Join(columns, "\t") + "\n"
	for _, path := range glob(t, "*.tsv") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(text), first) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		Missing(t, "table of "+strings.Join(columns, ", "))
	}
	return paths
}

// Missing ends a test for want of a golden file. The project's own folder must have it; of another one, which [Env] names, the test is skipped.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(Env) != "" {
		t.Skipf("no golden file in %s: %s", Dir(t), what)
	}
	t.Fatalf("no golden file in %s: %s", Dir(t), what)
}

// Each runs f as a subtest on every golden file of a form, whatever its name, of which there must be one: see [Missing]. The form is a list of words,
// arrays and keys of metadata that the file must have; one that ends in a dot stands for any name that begins so.
func Each(t *testing.T, form string, f func(t *testing.T, g *File)) {
	t.Helper()
	found := false
	for _, path := range glob(t, "*.safetensors") {
		if !hasForm(t, path, form) {
			continue
		}
		found = true
		t.Run(strings.TrimSuffix(filepath.Base(path), ".safetensors"), func(t *testing.T) { f(t, Open(t, path)) })
	}
	if !found {
		Missing(t, "of the form "+form)
	}
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(Dir(t), pattern))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func hasForm(t testing.TB, path, form string) bool {
	t.Helper()
	s, err := tensor.OpenSafeTensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	names := slices.AppendSeq(s.Names(), maps.Keys(s.Metadata))
	for word := range strings.FieldsSeq(form) {
		if !slices.ContainsFunc(names, func(name string) bool {
			return name == word || strings.HasSuffix(word, ".") && strings.HasPrefix(name, word)
		}) {
			return false
		}
	}
	return true
}

// Open opens a golden file until the test ends.
func Open(t testing.TB, path string) *File {
	t.Helper()
	s, err := tensor.OpenSafeTensors(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &File{SafeTensors: s, Name: strings.TrimSuffix(filepath.Base(path), ".safetensors"), t: t}
}

// Has says whether the file holds an array.
func (g *File) Has(name string) bool {
	_, ok := g.Entry(name)
	return ok
}

func (g *File) entry(name string) tensor.Entry {
	g.t.Helper()
	e, ok := g.Entry(name)
	if !ok {
		g.t.Fatalf("%s: no array %q", g.Path, name)
	}
	return e
}

// Shape is the shape of an array, as published.
func (g *File) Shape(name string) []int {
	g.t.Helper()
	return g.entry(name).Shape
}

// F32 is an array, as published; F64 is rounded.
func (g *File) F32(name string) []float32 {
	g.t.Helper()
	x, err := g.entry(name).Float32s()
	if err != nil {
		g.t.Fatal(err)
	}
	return x
}

// F64 is an array of any type, as published.
func (g *File) F64(name string) []float64 {
	g.t.Helper()
	x, err := g.entry(name).Float64s()
	if err != nil {
		g.t.Fatal(err)
	}
	return x
}

// Ints is an array of integers.
func (g *File) Ints(name string) []int {
	g.t.Helper()
	x, err := g.entry(name).Int64s()
	if err != nil {
		g.t.Fatal(err)
	}
	y := make([]int, len(x))
	for i, v := range x {
		y[i] = int(v)
	}
	return y
}

// Tensor is an array on a device; one with four dimensions is an image and becomes NHWC.
func (g *File) Tensor(d *tensor.Device, name string) *tensor.Tensor {
	g.t.Helper()
	x, shape := g.F32(name), g.Shape(name)
	if len(shape) == 4 {
		return d.FromFloat32(NHWC(x, shape), shape[0], shape[2], shape[3], shape[1])
	}
	return d.FromFloat32(x, shape...)
}

// Salt stands in front of the keys of all hash tensors of the file. The perceptual files call it weight_key_prefix.
func (g *File) Salt() string { return g.Metadata["salt"] + g.Metadata["weight_key_prefix"] }

// JSON decodes metadata.
func (g *File) JSON(key string, into any) {
	g.t.Helper()
	if err := json.Unmarshal([]byte(g.Metadata[key]), into); err != nil {
		g.t.Fatalf("%s: metadata %q: %v", g.Path, key, err)
	}
}

// Cases lists the names that follow "case." in the metadata.
func (g *File) Cases() []string {
	var names []string
	for key := range g.Metadata {
		if name, ok := strings.CutPrefix(key, "case."); ok {
			names = append(names, name)
		}
	}
	return sorted(names)
}

// className is the class of a network in what a file calls it.
var className = regexp.MustCompile(`\w+UNet`)

// UNetJSON describes the network of a file, given the name of its class ("SongUNet", "PID DhariwalUNet", "EDMPrecond(SongUNet)") and its
// configuration in JSON. It returns the configuration in EDM's words, for [onestep/nn.UNetConfig]; what is missing is a default.
func UNetJSON(t testing.TB, class, config string) (modelType string, edm []byte) {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(config), &m); err != nil {
		t.Fatalf("golden: configuration %s: %v", config, err)
	}
	for pid, edm := range map[string]string{ // the PID repository's words
		"attention_resolutions": "attn_resolutions", "image_size": "img_resolution", "num_classes": "label_dim", "num_res_blocks": "num_blocks",
	} {
		if v, ok := m[pid]; ok {
			m[edm] = v
		}
	}
	if v, ok := m["img_channels"]; ok {
		m["in_channels"], m["out_channels"] = v, v
	}
	modelType, _ = m["model_type"].(string)
	if modelType == "" {
		modelType = className.FindString(class)
	}
	if modelType == "" {
		t.Fatalf("golden: network %q with configuration %s has no class whose name ends in UNet", class, config)
	}
	m["model_type"] = modelType
	if d := m["decoder_type"]; d != nil && d != "standard" {
		t.Fatalf("golden: decoder_type %v", d)
	}
	edm, err := json.Marshal(m)
	if err != nil {
		t.Fatal(fmt.Errorf("golden: %w", err))
	}
	return modelType, edm
}
