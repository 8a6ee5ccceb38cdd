package kernelstest

import (
	"fmt"
	"reflect"

	"onestep/kernels"
)

// slot is a place in an argument struct that holds a buffer: a field, or an element or field of an element of a slice.
type slot struct {
	name string // "X", "Params[3].G"
	buf  *kernels.Buf
	tag  string // of the field
}

var bufType = reflect.TypeFor[kernels.Buf]()

// holdsBufs says whether values of a type have slots.
func holdsBufs(t reflect.Type) bool {
	switch {
	case t == bufType:
		return true
	case t.Kind() == reflect.Slice:
		return holdsBufs(t.Elem())
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			if holdsBufs(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// slots lists the slots of an argument struct in order.
func slots[A any](a *A) []slot { return walk(nil, reflect.ValueOf(a).Elem(), "", "") }

func walk(found []slot, v reflect.Value, name, tag string) []slot {
	switch {
	case v.Type() == bufType:
		return append(found, slot{name, v.Addr().Interface().(*kernels.Buf), tag})
	case !holdsBufs(v.Type()):
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			found = walk(found, v.Index(i), fmt.Sprintf("%s[%d]", name, i), tag)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			full := f.Name
			if name != "" {
				full = name + "." + f.Name
			}
			found = walk(found, v.Field(i), full, f.Tag.Get("kernel"))
		}
	}
	return found
}

func given(all []slot) []slot {
	var some []slot
	for _, s := range all {
		if s.buf.Given() {
			some = append(some, s)
		}
	}
	return some
}

// cloneArgs copies an argument struct, with the slices that hold buffers but not the buffers' memory.
func cloneArgs[A any](a A) A {
	v := reflect.ValueOf(&a).Elem()
	for i := range v.NumField() {
		cloneSlices(v.Field(i))
	}
	return a
}

func cloneSlices(v reflect.Value) {
	switch {
	case v.Type() == bufType || !holdsBufs(v.Type()):
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			cloneSlices(v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		for i := range c.Len() {
			cloneSlices(c.Index(i))
		}
		v.Set(c)
	}
}
