package format

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"onestep/tensor"
)

// WriteNPZ writes arrays as NumPy's archive [npy], stored without compression. There are no metadata in it, and no BF16. The data is written from
// where it is, and the file replaces an old one as a whole.
func WriteNPZ(path string, arrays []tensor.Named) error {
	heads, seen := make([][]byte, len(arrays)), map[string]bool{}
	for i, a := range arrays {
		var err error
		switch heads[i], err = npyHead(a); {
		case err != nil:
			return fmt.Errorf("%s: %s: %w", path, a.Name, err)
		case a.Name == "" || seen[a.Name] || strings.ContainsAny(a.Name, `/\:`):
			return fmt.Errorf("%s: %q: no name of an array, or given twice", path, a.Name)
		}
		seen[a.Name] = true
	}
	return tensor.AtomicWrite(path, func(w io.Writer) error {
		z := newAligned(w)
		for i, a := range arrays {
			data, err := a.Bytes()
			if err == nil {
				err = z.entry(a.Name+".npy", heads[i], data)
			}
			if err != nil {
				return err
			}
		}
		return z.zip.Close()
	})
}

// npyHead is everything before the data of a .npy file of version 1.
func npyHead(a tensor.Named) ([]byte, error) {
	descr := ""
	for d, t := range npyTypes {
		if t.dtype == a.DType {
			descr = d
		}
	}
	if descr == "" {
		return nil, fmt.Errorf("NumPy has no arrays of %s", a.DType)
	}
	shape := "("
	for _, n := range a.Shape {
		shape += strconv.Itoa(n) + ", "
	}
	if len(a.Shape) > 1 {
		shape = strings.TrimSuffix(shape, ", ")
	} else {
		shape = strings.TrimSuffix(shape, " ")
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s), }", descr, shape)
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n" // the data starts at a multiple of 64
	head := binary.LittleEndian.AppendUint16([]byte(npyMagic+"\x01\x00"), uint16(len(text)))
	return append(head, text...), nil
}
