package format_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"onestep/tensor/format"
)

// Pickles by hand: each of these is the text of a value.
func str(s string) string { return "\x8c" + string(rune(len(s))) + s }

func num(n int32) string { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func nums(ns ...int32) string {
	var items []string
	for _, n := range ns {
		items = append(items, num(n))
	}
	return tuple(items...)
}

func tuple(items ...string) string { return "(" + strings.Join(items, "") + "t" }

func list(items ...string) string { return "(" + strings.Join(items, "") + "l" }

func set(items ...string) string { return "\x8f(" + strings.Join(items, "") + "\x90" }

func dict(pairs ...string) string { return "}(" + strings.Join(pairs, "") + "u" }

func global(name string) string {
	dot := strings.LastIndexByte(name, '.')
	return "c" + name[:dot] + "\n" + name[dot+1:] + "\n"
}

func calls(name string, args ...string) string { return global(name) + tuple(args...) + "R" }

// object is an object of a class with a state.
func object(name, state string) string { return calls(name) + state + "b" }

// store is a persistent id's storage.
func store(class, key string, count int32) string {
	return tuple(str("storage"), global(class), str(key), str("cpu"), num(count)) + "Q"
}

// view is a tensor of a storage.
func view(storage string, offset int32, shape, strides string) string {
	return calls("torch._utils._rebuild_tensor_v2", storage, num(offset), shape, strides, "\x89", "}")
}

const floats = "torch.FloatStorage"

// weight is a tensor of two numbers, in storage 0.
var weight = view(store(floats, "0", 2), 0, nums(2), nums(1))

// legacyFile is a file of before 1.6 with storages 0, 1, … of some numbers each, if its value has any.
func legacyFile(value string, storages ...[]float32) []byte {
	var keys []string
	var data bytes.Buffer
	for i, s := range storages {
		if !strings.Contains(value, str("storage")) {
			break
		}
		keys = append(keys, str(fmt.Sprint(i)))
		binary.Write(&data, binary.LittleEndian, uint64(len(s)))
		binary.Write(&data, binary.LittleEndian, s)
	}
	return slices.Concat(legacyHead, []byte("\x80\x02"+value+"."), []byte("\x80\x02"+list(keys...)+"."), data.Bytes())
}

// contents are a file's arrays in order, and its scalars by path.
func contents(t *testing.T, f *format.File) string {
	t.Helper()
	var text []string
	for _, name := range f.Order {
		e, _ := f.Entry(name)
		x, err := e.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, fmt.Sprint(name, " ", e.DType, " ", e.Shape, " ", x))
	}
	var scalars []string
	for name, v := range f.Scalars {
		scalars = append(scalars, fmt.Sprintf("%s=%v", name, v))
	}
	slices.Sort(scalars)
	return strings.Join(append(text, scalars...), "; ")
}
