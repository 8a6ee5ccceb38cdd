package format

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"onestep/tensor"
	"onestep/tensor/format/pickle"
)

// ErrNoPart says that a file has nothing of the name that was asked for.
var ErrNoPart = errors.New("no such part")

// pick follows a path of names joined by dots into dictionaries, as far as there are such names. rest is what of the path is left then.
func pick(v any, path string) (found any, rest string) {
	d, ok := v.(*pickle.Dict)
	if !ok || path == "" {
		return v, path
	}
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') { // names may have dots in them
		if x, ok := d.Get(path[:end]); ok {
			return pick(x, strings.TrimPrefix(path[end:], "."))
		}
	}
	return v, path
}

// anyKeyBegins says whether a key that is a string begins with the prefix.
func anyKeyBegins(d *pickle.Dict, prefix string) (found bool) {
	d.All(func(key, _ any) bool {
		name, ok := key.(string)
		found = ok && strings.HasPrefix(name, prefix)
		return !found
	})
	return found
}

// part is what lies in the file under a name, in the same order. The metadata stay: they are of the whole file.
func (f *File) part(name string) (*File, error) {
	if name == "" {
		return f, nil
	}
	entries := map[string]tensor.Entry{}
	p := &File{Format: f.Format, Scalars: map[string]any{}}
	for _, full := range f.Order {
		if own, ok := strings.CutPrefix(full, name+"."); ok {
			entries[own], _ = f.Entry(full)
			p.Order = append(p.Order, own)
		}
	}
	for path, v := range f.Scalars {
		if own, ok := strings.CutPrefix(path, name+"."); ok {
			p.Scalars[own] = v
		}
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%w: %s is not among %s", ErrNoPart, name, strings.Join(f.parts(), ", "))
	}
	p.SafeTensors = tensor.NewSafeTensors(f.Path, f.Metadata, entries)
	return p, nil
}

// parts are the beginnings, up to a dot, of the first few names: for messages.
func (f *File) parts() (parts []string) {
	for _, name := range f.Order {
		first, _, _ := strings.Cut(name, ".")
		if slices.Contains(parts, first) {
			continue
		}
		if parts = append(parts, first); len(parts) == 8 {
			return append(parts, "…")
		}
	}
	return parts
}
