package picture

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"onestep/data"
	"onestep/tensor"
)

// WriteNPZ writes images, and labels if there are any, in the form that OpenAI's, PID's and EDM's evaluations read: a zip file without
// compression of arr_0.npy, uint8 (N,H,W,C), and arr_1.npy, int64 (N).
func WriteNPZ(path string, m *data.Images) error {
	return tensor.AtomicWrite(path, func(w io.Writer) error {
		z := zip.NewWriter(w)
		if err := writeNPY(z, "arr_0.npy", "|u1", m.Pixels, m.N, m.H, m.W, m.C); err != nil {
			return err
		}
		if m.Labels != nil {
			labels := make([]byte, 0, 8*len(m.Labels))
			for _, l := range m.Labels {
				labels = binary.LittleEndian.AppendUint64(labels, uint64(l))
			}
			if err := writeNPY(z, "arr_1.npy", "<i8", labels, m.N); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

// writeNPY adds an array in version 1.0 of numpy's format: magic, length of the header, a Python dictionary that is
// padded so that the data starts at a multiple of 64 bytes, and the data.
func writeNPY(z *zip.Writer, name, dtype string, data []byte, shape ...int) error {
	// The earliest time that zip can express, so that equal images give equal files.
	f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		return err
	}
	tuple := ""
	for _, d := range shape {
		tuple += fmt.Sprintf("%d, ", d)
	}
	if len(shape) > 1 {
		tuple = strings.TrimSuffix(tuple, ", ")
	} else {
		tuple = strings.TrimSuffix(tuple, " ") // (N,) is a tuple, (N) is a number
	}
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", dtype, tuple)
	const before = 10 // bytes in front of the dictionary
	head += strings.Repeat(" ", 63-(before+len(head))%64) + "\n"
	if _, err := io.WriteString(f, "\x93NUMPY\x01\x00"+string(binary.LittleEndian.AppendUint16(nil, uint16(len(head))))+head); err != nil {
		return err
	}
	_, err = f.Write(data)
	return err
}
