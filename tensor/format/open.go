package format

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"onestep/tensor"
	"onestep/tensor/format/pickle"
)

// File is an open weight file: named arrays, as of safetensors, and what else it says.
type File struct {
	*tensor.SafeTensors
	Format  string         // "safetensors", "torch", "torch (legacy)", "EDM pickle", "pickle", "npz", "npy"
	Order   []string       // the names in the order of the file
	Scalars map[string]any // int64, *big.Int, float64, string, bool or nil beside the arrays, by path
}

// ConfigKey is the metadata of a network's configuration, as JSON in the words of EDM's constructors.
const ConfigKey = "config"

// Open opens a weight file of any format. Dictionaries within dictionaries give names joined by dots; of an EDM pickle, the averaged network's
// state_dict() is read, with the names that start with "model.", and its configuration becomes the metadata "config". Errors name the
// file and the place. The file must not change until Close.
func Open(path string) (*File, error) { return OpenPart(path, "") }

// OpenPart is Open for what the file holds under a name, "net" or "state_dict" say, and without that name in front. The rest of a pickle is
// then not looked at: it may hold what is no weight. "" is all of it or, of an EDM pickle, its "ema".
func OpenPart(path, part string) (*File, error) {
	data, unmap, err := tensor.MapFile(path)
	if err != nil {
		return nil, err
	}
	f, err := ReadPart(path, data, part)
	if err != nil {
		return nil, errors.Join(err, unmap())
	}
	f.OnClose(unmap)
	return f, nil
}

// Read is Open for bytes in memory, which the arrays go on to use. The name stands in errors for a path.
func Read(name string, data []byte) (*File, error) { return ReadPart(name, data, "") }

// ReadPart is [OpenPart] for bytes in memory.
func ReadPart(name string, data []byte, part string) (*File, error) {
	f, err := read(name, data, part)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.TrimSuffix(name, ": "), err)
	}
	return f, nil
}

func read(name string, data []byte, part string) (*File, error) {
	switch {
	case len(data) == 0:
		return nil, fmt.Errorf("the file is empty")
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return readArchive(name, data, part)
	case legacyStart(data) > 0:
		v, err := legacy(data)
		if err != nil {
			return nil, err
		}
		return flatten(name, "torch (legacy)", v, part, len(data))
	case bytes.HasPrefix(data, []byte(npyMagic)):
		e, err := npy(bytes.NewReader(data), uint64(len(data)))
		if err != nil {
			return nil, err
		}
		return arrays(name, "npy", map[string]tensor.Entry{"array": e}, nil).part(part)
	case len(data) >= 9 && data[8] == '{' && binary.LittleEndian.Uint64(data) < 1<<40:
		s, err := tensor.ReadSafeTensors(name, data)
		if err != nil {
			return nil, errors.New(strings.TrimPrefix(err.Error(), name+": "))
		}
		return (&File{SafeTensors: s, Format: "safetensors", Order: s.Names()}).part(part)
	case data[0] == 0x80 && len(data) > 1 && data[1] >= 2:
		return readPickle(name, data, part)
	}
	return nil, foreign(data)
}

func readArchive(name string, data []byte, part string) (*File, error) {
	a, err := openArchive(data)
	if err != nil {
		return nil, err
	}
	root, found, err := a.torchRoot()
	switch {
	case err != nil:
		return nil, err
	case found:
		v, err := a.torchZip(root)
		if err != nil {
			return nil, err
		}
		f, err := flatten(name, "torch", v, part, len(data))
		if err != nil {
			return nil, err
		}
		return f, a.metadata(root, f)
	}
	for _, n := range a.names {
		if strings.HasSuffix(n, ".npy") {
			es, err := a.npz(func(string) bool { return true })
			if err != nil {
				return nil, err
			}
			return arrays(name, "npz", es, nil).part(part)
		}
	}
	return nil, fmt.Errorf("a zip file with neither data.pkl nor .npy files in it")
}

// readPickle reads EDM's networks [edm], a dictionary whose "ema" is the averaged network, and other dictionaries of tensors.
func readPickle(name string, data []byte, part string) (*File, error) {
	v, n, err := pickle.Load(data, pickle.Hooks{Call: call})
	if err != nil {
		return nil, err
	}
	if n != len(data) {
		return nil, fmt.Errorf("%d bytes after the pickle's end", len(data)-n)
	}
	d, ok := v.(*pickle.Dict)
	if !ok {
		return nil, fmt.Errorf("a pickle of %s, not of a dictionary with a network", pickle.Describe(v))
	}
	if _, ok := d.Get("ema"); !ok {
		return flatten(name, "pickle", v, part, len(data))
	}
	return flatten(name, "EDM pickle", v, cmp.Or(part, "ema"), len(data))
}

// flatten makes a file of a part of the value of a pickle. One without any tensor is no weight file.
func flatten(name, format string, v any, part string, size int) (*File, error) {
	found, rest := pick(v, part)
	if d, ok := found.(*pickle.Dict); ok && rest != "" && !anyKeyBegins(d, rest+".") {
		return nil, fmt.Errorf("%w: %s", ErrNoPart, part)
	}
	fl := &flattener{budget: &budget{left: size + 32<<20}, arrays: map[string]tensor.Entry{}, scalars: map[string]any{}}
	if err := fl.value("", found, 0); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), ": "))
	}
	if len(fl.arrays) == 0 && rest == "" {
		return nil, fmt.Errorf("%s without a tensor in it", pickle.Describe(found))
	}
	for _, path := range fl.order {
		if err := fl.arrays[path].CheckBool(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	f := arrays(name, format, fl.arrays, fl.order)
	f.Scalars = fl.scalars
	if c := config(found); c != "" {
		f.Metadata = map[string]string{ConfigKey: c}
	}
	return f.part(rest)
}

func arrays(name, format string, entries map[string]tensor.Entry, order []string) *File {
	s := tensor.NewSafeTensors(name, nil, entries)
	if order == nil {
		order = s.Names()
	}
	return &File{SafeTensors: s, Format: format, Order: order}
}
