package format

import (
	"encoding/binary"
	"math"
	"math/big"

	"onestep/tensor"
	"onestep/tensor/format/pickle"
)

// scalar is a NumPy number: numpy.dtype('f8', …) and its bytes. What is no number of a usual type stays what it is.
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
	if state, ok := dtype.State.(pickle.Tuple); ok && len(state) > 1 && state[1] == ">" {
		return opaque // big-endian
	}
	name, _ := first(dtype.Args).(string)
	t, ok := npyTypes["<"+name]
	if !ok {
		t = npyTypes["|"+name]
	}
	if t.size == 0 || len(b) != t.size {
		return opaque
	}
	var word [8]byte
	copy(word[:], b)
	u := binary.LittleEndian.Uint64(word[:])
	switch name[0] {
	case 'b':
		return u != 0
	case 'i':
		unused := 64 - 8*t.size
		return int64(u) << unused >> unused
	case 'u':
		if u > math.MaxInt64 {
			return new(big.Int).SetUint64(u)
		}
		return int64(u)
	}
	x, err := tensor.Entry{DType: t.dtype, Data: b}.Float64s()
	if err != nil {
		return opaque
	}
	return x[0]
}
