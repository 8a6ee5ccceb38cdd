package format

import (
	"fmt"

	"onestep/tensor/format/pickle"
)

// unread is a tensor of a kind that is not read, and says which kind. It is an error only where a weight is wanted.
type unread string

// tensorTypes are the element types of tensors whose storages PyTorch saves as bytes; all others that it has are not read.
var tensorTypes = map[string]struct {
	dtype string
	size  int
}{"uint16": {"U16", 2}, "uint32": {"U32", 4}, "uint64": {"U64", 8}}

// rebuildTyped is torch._utils._rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, type[, metadata]) of an untyped storage.
func rebuildTyped(args pickle.Tuple) (any, error) {
	if len(args) < 7 {
		return nil, fmt.Errorf("a tensor of %d arguments", len(args))
	}
	s, ok := args[0].(*storage)
	dtype, named := args[6].(pickle.Global)
	if !ok || !named {
		return nil, fmt.Errorf("a tensor of %s of type %s", pickle.Describe(args[0]), pickle.Describe(args[6]))
	}
	t, ok := tensorTypes[dtype.Name]
	if !ok {
		return unread("a tensor of type " + dtype.String() + ", which is not read"), nil
	}
	if s.size != 1 || s.count%t.size != 0 {
		return nil, fmt.Errorf("a storage of %d %s for a tensor of type %s", s.count, s.dtype, dtype)
	}
	typed := append(pickle.Tuple{&storage{dtype: t.dtype, size: t.size, count: s.count / t.size, untyped: s}}, args[1:]...)
	return rebuildLazy(typed, 7)
}

// rebuildLazy is [rebuild] of a tensor with metadata, in the argument of this index. Those of {'neg': True} or {'conj': True} are not read: they are views
// of complex tensors whose bytes are still to be negated.
func rebuildLazy(args pickle.Tuple, metadata int) (any, error) {
	a, err := rebuild(args)
	if err != nil || len(args) <= metadata {
		return a, err
	}
	if d, ok := args[metadata].(*pickle.Dict); ok {
		for _, key := range []string{"neg", "conj"} {
			if put, _ := d.Get(key); put == true {
				return unread("a view whose negation was put off (" + key + "), which is not read: save it after resolve_" + key + "()"), nil
			}
		}
	}
	return a, nil
}
