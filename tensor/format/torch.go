package format

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"onestep/tensor/format/pickle"
)

// call explains the functions that PyTorch's and NumPy's pickles name. Others stay objects, which are an error where a weight is wanted.
func call(g pickle.Global, args pickle.Tuple) (v any, ok bool, err error) {
	switch g.String() {
	case "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor":
		v, err := rebuildLazy(args, 6)
		return v, true, err
	case "torch._utils._rebuild_tensor_v3":
		v, err := rebuildTyped(args)
		return v, true, err
	case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
		if len(args) == 0 {
			return nil, true, fmt.Errorf("a parameter without a tensor")
		}
		switch args[0].(type) {
		case *array, *pickle.Object, unread:
			return args[0], true, nil
		}
		return nil, true, fmt.Errorf("a parameter of %s", pickle.Describe(args[0]))
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

// legacyMagic is the number that a legacy file starts with.
var legacyMagic, _ = new(big.Int).SetString("1950a86a20f9469cfc6c", 16)

// legacyStart is the length of that number's pickle, of any protocol, or 0 for other files.
func legacyStart(data []byte) int {
	v, n, err := pickle.Load(data[:min(len(data), 64)], pickle.Hooks{})
	if magic, ok := v.(*big.Int); err != nil || !ok || magic.Cmp(legacyMagic) != 0 {
		return 0
	}
	return n
}

// legacy reads PyTorch's format from before 1.6 [torch]: pickles of a magic number, a version, the machine's properties, the object and the
// list of storage keys; then each storage as an element count and its elements.
func legacy(data []byte) (any, error) {
	at := legacyStart(data)
	if at == 0 {
		return nil, fmt.Errorf("it does not start with the magic number of a torch file")
	}
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
	if missing := slices.Sorted(maps.Keys(storages)); len(missing) > 0 {
		return nil, fmt.Errorf("storage %s is missing", missing[0])
	}
	return root, nil
}

// legacyStorage is the storage of a persistent id, to be filled later. The views of old files, a part of another storage, are refused:
// no network of interest is that old.
func legacyStorage(storages map[string]*storage, id any) (any, error) {
	if t, ok := id.(pickle.Tuple); ok && len(t) > 1 && t[0] == "module" {
		return t[1], nil // a class with its source code, which is not needed
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
