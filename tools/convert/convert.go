package main

import (
	"path/filepath"
	"strings"

	"onestep/tensor"
	"onestep/tensor/format"
)

// writers are the functions that write a format, by the suffix of its files.
var writers = map[string]func(path string, metadata map[string]string, arrays []tensor.Named) error{
	".safetensors": tensor.WriteSafeTensors,
	".pt":          format.WriteTorch,
	".pth":         format.WriteTorch,
	".ckpt":        format.WriteTorch,
	".npz": func(path string, _ map[string]string, arrays []tensor.Named) error {
		return format.WriteNPZ(path, arrays)
	},
}

// convert writes the file's arrays from where they lie.
func convert(out string, f *format.File) error {
	arrays := make([]tensor.Named, len(f.Order))
	for i, name := range f.Order {
		e, _ := f.Entry(name)
		arrays[i] = tensor.Named{Name: name, DType: e.DType, Shape: e.Shape, Data: e.Data}
	}
	return writers[strings.ToLower(filepath.Ext(out))](out, f.Metadata, arrays)
}
