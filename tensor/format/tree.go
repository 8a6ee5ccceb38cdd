package format

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"onestep/tensor"
	"onestep/tensor/format/pickle"
)

// persistentObj is EDM's class of networks that carry their own source [edm].
var persistentObj = pickle.Global{Module: "torch_utils.persistence", Name: "_reconstruct_persistent_obj"}

const maxDepth = 64 // of nested values in a file

// flattener turns the value of a pickle into named arrays and scalars.
type flattener struct {
	budget  *budget
	arrays  map[string]tensor.Entry
	order   []string
	scalars map[string]any // int64, *big.Int, float64, string, bool and nil, by path
	visits  int
}

// value adds what v holds under a path. A part that several values share is walked for each of them, up to a limit that only a
// malicious file reaches.
func (f *flattener) value(path string, v any, depth int) error {
	if f.visits++; f.visits > 1<<20 || depth > maxDepth {
		return fmt.Errorf("%s: nested too deep, or without end", path)
	}
	switch v := v.(type) {
	case *array:
		e, err := v.entry(f.budget)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return f.add(path, e)
	case *pickle.Dict:
		return f.dict(path, v, depth)
	case *pickle.List, pickle.Tuple:
		items, _ := pickle.Items(v)
		for i, x := range items {
			if err := f.value(join(path, strconv.Itoa(i)), x, depth+1); err != nil {
				return err
			}
		}
		return nil
	case *pickle.Set:
		return nil
	case *pickle.Object:
		if state := moduleState(v); state != nil {
			return f.module(path, state, depth)
		}
		return fmt.Errorf("%s: %s, which is no weight and is not run%s", path, pickle.Describe(v), partHint(path))
	case unread:
		return fmt.Errorf("%s: %s%s", path, v, partHint(path))
	case pickle.Global, *storage:
		return fmt.Errorf("%s: %s where a tensor or a number should be%s", path, pickle.Describe(v), partHint(path))
	}
	f.scalars[path] = v
	return nil
}

// partHint is what can be done about a value that is not read, if it is not all of the file.
func partHint(path string) string {
	if path == "" {
		return ""
	}
	return " (convert --part picks what lies beside it)"
}

func (f *flattener) dict(path string, d *pickle.Dict, depth int) (err error) {
	d.All(func(key, x any) bool {
		var name string
		switch k := key.(type) {
		case string:
			name = k
		case int64:
			name = strconv.FormatInt(k, 10)
		default:
			err = fmt.Errorf("%s: %s as a key", path, pickle.Describe(key))
			return false
		}
		err = f.value(join(path, name), x, depth+1)
		return err == nil
	})
	return err
}

func (f *flattener) add(path string, e tensor.Entry) error {
	if _, twice := f.arrays[path]; twice {
		return fmt.Errorf("%s: two tensors of this name", path)
	}
	f.arrays[path] = e
	f.order = append(f.order, path)
	return nil
}

// moduleState is the state of a torch module or of an EDM network: a dictionary with _parameters and _modules. nil for other objects.
func moduleState(o *pickle.Object) *pickle.Dict {
	state := o.State
	if o.Class == any(persistentObj) {
		meta, ok := first(o.Args).(*pickle.Dict)
		if !ok {
			return nil
		}
		state, _ = meta.Get("state")
	}
	d, ok := state.(*pickle.Dict)
	if !ok {
		return nil
	}
	if _, ok := d.Get("_parameters"); !ok {
		return nil
	}
	return d
}

// module adds parameters, buffers and then the modules within, as state_dict() does.
func (f *flattener) module(path string, state *pickle.Dict, depth int) error {
	skip := map[any]bool{}
	if v, ok := state.Get("_non_persistent_buffers_set"); ok {
		if s, ok := v.(*pickle.Set); ok {
			for _, name := range s.Items {
				if text, ok := name.(string); ok {
					skip[text] = true
				}
			}
		}
	}
	for _, part := range []string{"_parameters", "_buffers", "_modules"} {
		v, ok := state.Get(part)
		if !ok {
			continue
		}
		d, ok := v.(*pickle.Dict)
		if !ok {
			return fmt.Errorf("%s: %s as %s", path, pickle.Describe(v), part)
		}
		var err error
		d.All(func(key, x any) bool {
			name, ok := key.(string)
			switch {
			case !ok:
				err = fmt.Errorf("%s: %s as a key of %s", path, pickle.Describe(key), part)
			case x == nil || part == "_buffers" && skip[name]:
			default:
				err = f.value(join(path, name), x, depth+1)
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// config is the configuration of an EDM network in the words of its constructor, as JSON: the keywords that EDMPrecond passes on, or the
// network's own, and its class. "" if the object is neither.
func config(v any) string {
	o, ok := v.(*pickle.Object)
	if !ok || o.Class != any(persistentObj) {
		return ""
	}
	meta, ok := first(o.Args).(*pickle.Dict)
	if !ok {
		return ""
	}
	class, _ := meta.Get("class_name")
	state := moduleState(o)
	if state == nil {
		return ""
	}
	kwargs, _ := state.Get("_init_kwargs")
	d, ok := kwargs.(*pickle.Dict)
	if !ok {
		return ""
	}
	m, _ := plain(d, 0).(map[string]any)
	if m == nil {
		return ""
	}
	if n, ok := m["img_channels"]; ok {
		m["in_channels"], m["out_channels"] = n, n
	}
	if _, ok := m["model_type"]; !ok {
		if _, ok := m["img_resolution"]; !ok { // every network of EDM is told it
			return ""
		}
		m["model_type"] = class
	}
	m["class"] = plain(class, 0)
	text, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	return string(text)
}

// plain is a value in the types of package json; what JSON cannot hold becomes nil.
func plain(v any, depth int) any {
	if depth > maxDepth {
		return nil
	}
	switch v := v.(type) {
	case *pickle.Dict:
		m := map[string]any{}
		v.All(func(key, x any) bool {
			if k, ok := key.(string); ok {
				m[k] = plain(x, depth+1)
			}
			return true
		})
		return m
	case *pickle.List, pickle.Tuple:
		items, _ := pickle.Items(v)
		list := make([]any, len(items))
		for i, x := range items {
			list[i] = plain(x, depth+1)
		}
		return list
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil
		}
		return v
	case string, bool, int64:
		return v
	}
	return nil
}
