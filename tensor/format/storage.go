package format

import (
	"fmt"
	"math/bits"
	"strings"

	"onestep/tensor"
	"onestep/tensor/format/pickle"
)

// storage is a run of elements that tensors are views of.
type storage struct {
	dtype string // as in safetensors
	size  int    // bytes of an element
	count int    // elements
	data  []byte // little-endian; of legacy files nil until the pickle was read

	untyped *storage // has the bytes, in place of data, where the file keeps them without a type; or nil
}

func (s *storage) bytes() []byte {
	if s.untyped != nil {
		return s.untyped.data
	}
	return s.data
}

// array is a tensor of a pickle: a view of a storage. Counts are of elements.
type array struct {
	of             *storage
	offset         int64
	shape, strides []int64
}

// storageTypes are PyTorch's storage classes.
var storageTypes = map[string]struct {
	dtype string
	size  int
}{
	"DoubleStorage": {"F64", 8}, "FloatStorage": {"F32", 4}, "HalfStorage": {"F16", 2}, "BFloat16Storage": {"BF16", 2},
	"LongStorage": {"I64", 8}, "IntStorage": {"I32", 4}, "ShortStorage": {"I16", 2}, "CharStorage": {"I8", 1},
	"ByteStorage": {"U8", 1}, "BoolStorage": {"BOOL", 1}, untypedStorage: {"U8", 1},
}

const untypedStorage = "UntypedStorage" // bytes whose type the tensor says

// storageClass is the storage class of tensors of an element type, or "" if PyTorch has no such tensors.
func storageClass(dtype string) string {
	for class, t := range storageTypes {
		if t.dtype == dtype && class != untypedStorage {
			return class
		}
	}
	return ""
}

// storageType finds the element type of a storage class.
func storageType(v any) (dtype string, size int, err error) {
	if g, ok := v.(pickle.Global); ok && (g.Module == "torch" || g.Module == "torch.storage") {
		if t, ok := storageTypes[g.Name]; ok {
			return t.dtype, t.size, nil
		}
	}
	return "", 0, fmt.Errorf("%s as the type of a storage", pickle.Describe(v))
}

// persistentID takes apart ('storage', type, key, location, count[, view]).
func persistentID(id any) (dtype string, size int, key string, count int, rest pickle.Tuple, err error) {
	t, ok := id.(pickle.Tuple)
	if !ok || len(t) < 5 || t[0] != "storage" {
		return "", 0, "", 0, nil, fmt.Errorf("%s as a persistent id", pickle.Describe(id))
	}
	if dtype, size, err = storageType(t[1]); err != nil {
		return "", 0, "", 0, nil, err
	}
	key, ok = t[2].(string)
	if !ok || key == "" || strings.Trim(key, "0123456789") != "" {
		return "", 0, "", 0, nil, fmt.Errorf("storage key %.40q is not a number", fmt.Sprint(t[2]))
	}
	n, err := pickle.Int(t[4])
	if err != nil || n < 0 || n > 1<<48 {
		return "", 0, "", 0, nil, fmt.Errorf("storage %s of %v elements", key, t[4])
	}
	return dtype, size, key, int(n), t[5:], nil
}

// rebuild is torch._utils._rebuild_tensor_v2(storage, offset, size, stride, …).
func rebuild(args pickle.Tuple) (*array, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("a tensor of %d arguments", len(args))
	}
	s, ok := args[0].(*storage)
	if !ok {
		return nil, fmt.Errorf("a tensor of %s", pickle.Describe(args[0]))
	}
	a := &array{of: s}
	var err error
	if a.offset, err = pickle.Int(args[1]); err != nil {
		return nil, fmt.Errorf("a tensor's offset: %w", err)
	}
	if a.shape, err = ints(args[2]); err != nil {
		return nil, fmt.Errorf("a tensor's shape: %w", err)
	}
	if a.strides, err = ints(args[3]); err != nil {
		return nil, fmt.Errorf("a tensor's strides: %w", err)
	}
	return a, a.check()
}

func ints(v any) ([]int64, error) {
	items, err := pickle.Items(v)
	if err != nil {
		return nil, err
	}
	ns := make([]int64, len(items))
	for i, x := range items {
		if ns[i], err = pickle.Int(x); err != nil {
			return nil, err
		}
	}
	return ns, nil
}

// check refuses views that reach outside of their storage. Counts stay below 2⁶² on the way.
func (a *array) check() error {
	if len(a.shape) != len(a.strides) || len(a.shape) > 64 {
		return fmt.Errorf("a tensor of shape %v with strides %v", a.shape, a.strides)
	}
	if a.offset < 0 {
		return fmt.Errorf("a tensor at offset %d", a.offset)
	}
	last, empty := uint64(a.offset), false
	for i, n := range a.shape {
		if n < 0 || a.strides[i] < 0 {
			return fmt.Errorf("a tensor of shape %v with strides %v", a.shape, a.strides)
		}
		if n == 0 {
			empty = true
			continue
		}
		over, step := bits.Mul64(uint64(n-1), uint64(a.strides[i]))
		if last += step; over != 0 || last >= 1<<62 || step >= 1<<62 {
			return fmt.Errorf("a tensor of shape %v with strides %v is too large", a.shape, a.strides)
		}
	}
	if empty {
		last = uint64(a.offset)
	}
	if limit := uint64(a.of.count); last > limit || !empty && last == limit {
		return fmt.Errorf("a tensor of shape %v, strides %v at offset %d reaches outside of its storage of %d elements", a.shape, a.strides, a.offset, a.of.count)
	}
	_, err := a.elements()
	return err
}

// elements is the product of the dimensions.
func (a *array) elements() (int, error) {
	n, empty := uint64(1), false
	for _, d := range a.shape {
		if d == 0 {
			empty = true
			continue
		}
		over, p := bits.Mul64(n, uint64(d))
		if n = p; over != 0 || n >= 1<<48 {
			return 0, fmt.Errorf("a tensor of shape %v is too large", a.shape)
		}
	}
	if empty {
		return 0, nil
	}
	return int(n), nil
}

// contiguous says whether the elements lie in row-major order without gaps.
func (a *array) contiguous() bool {
	want := int64(1)
	for i := len(a.shape) - 1; i >= 0; i-- {
		if a.shape[i] != 1 && a.strides[i] != want {
			return false
		}
		want *= a.shape[i]
	}
	return true
}

// budget is how many bytes of copies a file may still cause.
type budget struct{ left int }

// entry is the array as contiguous bytes: a part of the file or, of other views, a copy that the budget must allow.
func (a *array) entry(b *budget) (tensor.Entry, error) {
	n, err := a.elements()
	if err != nil {
		return tensor.Entry{}, err
	}
	size := a.of.size
	e := tensor.Entry{DType: a.of.dtype, Shape: make([]int, len(a.shape))}
	for i, d := range a.shape {
		e.Shape[i] = int(d)
	}
	if n == 0 || a.contiguous() {
		from := int(a.offset) * size
		e.Data = a.of.bytes()[from : from+n*size : from+n*size]
		return e, nil
	}
	if b.left -= n * size; b.left < 0 {
		return e, fmt.Errorf("a view of shape %v, strides %v is larger than the file allows", a.shape, a.strides)
	}
	e.Data = make([]byte, 0, n*size)
	data := a.of.bytes()
	index := make([]int64, len(a.shape))
	at := a.offset
	for range n {
		e.Data = append(e.Data, data[int(at)*size:int(at+1)*size]...)
		for i := len(index) - 1; i >= 0; i-- {
			index[i]++
			at += a.strides[i]
			if index[i] < a.shape[i] {
				break
			}
			at -= a.strides[i] * a.shape[i]
			index[i] = 0
		}
	}
	return e, nil
}
