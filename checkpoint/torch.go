package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"

	"onestep/checkpoint/pickle"
)

// call explains the functions that PyTorch's and NumPy's pickles name. Others stay objects, which are an error where a weight is wanted.
func call(g pickle.Global, args pickle.Tuple) (v any, ok bool, err error) {
	switch g.String() {
	case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor":
		a, err := rebuild(args)
		return a, true, err
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
		if len(args) == 0 {
			return nil, true, fmt.Errorf("a parameter without a tensor")
		}
		a, ok := args[0].(*array)
		if !ok {
			return nil, true, fmt.Errorf("a parameter of %s", pickle.Describe(args[0]))
		}
		return a, true, nil
	case "torch.storage._load_from_bytes":
		b, ok := first(args).([]byte)
		if !ok {
			return nil, true, fmt.Errorf("a storage of %s", pickle.Describe(first(args)))
		}
		v, err := legacy(b)
		if err != nil {
			return nil, true, fmt.Errorf("a storage within: %w", err)
		}
		s, ok := v.(*storage)
		if !ok {
			return nil, true, fmt.Errorf("%s where a storage should be", pickle.Describe(v))
		}
		return s, true, nil
	case "torch.Size":
		items, err := pickle.Items(first(args))
		return pickle.Tuple(items), true, err
	case "__builtin__.set", "builtins.set", "__builtin__.frozenset", "builtins.frozenset":
		if len(args) == 0 {
			return &pickle.Set{}, true, nil
		}
		items, err := pickle.Items(args[0])
		return &pickle.Set{Items: items}, true, err
	case "_codecs.encode": // protocol 2's spelling of byte strings: text, 'latin1'
		s, ok := first(args).(string)
		if !ok {
			return nil, true, fmt.Errorf("bytes of %s", pickle.Describe(first(args)))
		}
		b := make([]byte, 0, len(s))
		for _, r := range s {
			if r > 0xff {
				return nil, true, fmt.Errorf("bytes with the character %q", r)
			}
			b = append(b, byte(r))
		}
		return b, true, nil
	case "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar":
		return scalar(args), true, nil
	}
	return nil, false, nil
}

func first(args pickle.Tuple) any {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

// scalar is a NumPy number: numpy.dtype('f8', …) and its bytes. Types other than numbers stay what they are: they only have to be passed over.
func scalar(args pickle.Tuple) any {
	opaque := &pickle.Object{Class: pickle.Global{Module: "numpy", Name: "scalar"}, Args: args}
	if len(args) != 2 {
		return opaque
	}
	dtype, _ := args[0].(*pickle.Object)
	b, ok := args[1].([]byte)
	if dtype == nil || !ok {
		return opaque
	}
	name, _ := first(dtype.Args).(string)
	switch {
	case name == "f8" && len(b) == 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	case name == "f4" && len(b) == 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case name == "i8" && len(b) == 8:
		return int64(binary.LittleEndian.Uint64(b))
	case name == "i4" && len(b) == 4:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	case name == "b1" && len(b) == 1:
		return b[0] != 0
	}
	return opaque
}

// legacyMagic starts a legacy file: the pickle of a number.
var legacyMagic = []byte{0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'}

// legacy reads PyTorch's format from before 1.6 [torch]: pickles of a magic number, a version, the machine's properties, the object and the
// list of storage keys; then each storage as an element count and its elements.
func legacy(data []byte) (any, error) {
	if len(data) < len(legacyMagic) || string(data[:len(legacyMagic)]) != string(legacyMagic) {
		return nil, fmt.Errorf("it does not start with the magic number of a torch file")
	}
	at := len(legacyMagic)
	next := func(what string, h pickle.Hooks) (any, error) {
		v, n, err := pickle.Load(data[at:], h)
		if err != nil {
			return nil, fmt.Errorf("%s, from byte %d: %w", what, at, err)
		}
		at += n
		return v, nil
	}
	version, err := next("version", pickle.Hooks{})
	if err != nil {
		return nil, err
	}
	if version != int64(1001) {
		return nil, fmt.Errorf("version %v of the legacy format, 1001 is known", version)
	}
	system, err := next("machine", pickle.Hooks{})
	if err != nil {
		return nil, err
	}
	if d, ok := system.(*pickle.Dict); ok {
		if little, ok := d.Get("little_endian"); ok && little == false {
			return nil, fmt.Errorf("written on a big-endian machine")
		}
	}
	storages := map[string]*storage{}
	root, err := next("object", pickle.Hooks{Call: call, Persistent: func(id any) (any, error) { return legacyStorage(storages, id) }})
	if err != nil {
		return nil, err
	}
	keys, err := next("storage keys", pickle.Hooks{})
	if err != nil {
		return nil, err
	}
	list, err := pickle.Items(keys)
	if err != nil {
		return nil, fmt.Errorf("storage keys: %w", err)
	}
	for _, k := range list {
		key, _ := k.(string)
		s := storages[key]
		switch {
		case s == nil:
			return nil, fmt.Errorf("storage %.40q is not used, or given twice", fmt.Sprint(k))
		case len(data)-at < 8:
			return nil, fmt.Errorf("storage %s: the file ends before its length", key)
		}
		n := binary.LittleEndian.Uint64(data[at:])
		at += 8
		if n != uint64(s.count) {
			return nil, fmt.Errorf("storage %s: %d elements, the object says %d", key, int64(n), s.count)
		}
		if s.count > (len(data)-at)/s.size {
			return nil, fmt.Errorf("storage %s: %d elements of %d bytes, %d bytes are left", key, n, s.size, len(data)-at)
		}
		s.data = data[at : at+s.count*s.size]
		at += s.count * s.size
		delete(storages, key)
	}
	for key := range storages {
		return nil, fmt.Errorf("storage %s is missing", key)
	}
	return root, nil
}

// legacyStorage is the storage of a persistent id, to be filled later. The views of old files, a part of another storage, are refused:
// no network of interest is that old.
func legacyStorage(storages map[string]*storage, id any) (any, error) {
	if t, ok := id.(pickle.Tuple); ok && len(t) > 1 && t[0] == "module" {
		return t[1], nil // the source of a class, of which the class is all that matters
	}
	dtype, size, key, count, rest, err := persistentID(id)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 && rest[0] != nil {
		return nil, fmt.Errorf("storage %s is a view of another one", key)
	}
	s := storages[key]
	if s == nil {
		s = &storage{dtype: dtype, size: size, count: count}
		storages[key] = s
	}
	if s.dtype != dtype || s.count != count {
		return nil, fmt.Errorf("storage %s is %d %s and %d %s", key, s.count, s.dtype, count, dtype)
	}
	return s, nil
}
