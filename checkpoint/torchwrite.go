package checkpoint

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"

	"onestep/tensor"
)

// storageNames are the storage classes by the element types of safetensors.
var storageNames = map[string]string{
	"F64": "DoubleStorage", "F32": "FloatStorage", "F16": "HalfStorage", "BF16": "BFloat16Storage", "I64": "LongStorage", "I32": "IntStorage",
	"I16": "ShortStorage", "I8": "CharStorage", "U8": "ByteStorage", "BOOL": "BoolStorage",
}

// WriteTorch writes arrays as a PyTorch state dict [torch], which torch.load reads with weights_only too: an OrderedDict in the given order, each
// tensor with a storage of its own. The data is written from where it is, and the file replaces an old one as a whole.
func WriteTorch(path string, arrays []tensor.Named) error {
	text, err := statePickle(arrays)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return tensor.AtomicWrite(path, func(w io.Writer) error {
		z := &aligned{w: w}
		z.zip = zip.NewWriter(z)
		if err := z.entry("archive/data.pkl", text); err != nil {
			return err
		}
		for i, a := range arrays {
			if err := z.entry("archive/data/"+strconv.Itoa(i), a.Data); err != nil {
				return err
			}
		}
		if err := z.entry("archive/version", []byte("3\n")); err != nil {
			return err
		}
		return z.zip.Close()
	})
}

// statePickle is the pickle, of protocol 2, of an OrderedDict of tensors.
func statePickle(arrays []tensor.Named) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\x80\x02ccollections\nOrderedDict\n)R(")
	seen := map[string]bool{}
	for i, a := range arrays {
		class, ok := storageNames[a.DType]
		if !ok {
			return nil, fmt.Errorf("%s: PyTorch has no tensors of %s", a.Name, a.DType)
		}
		if seen[a.Name] {
			return nil, fmt.Errorf("%s: name is given twice", a.Name)
		}
		seen[a.Name] = true
		count, strides := 1, make([]int, len(a.Shape))
		for k := len(a.Shape) - 1; k >= 0; k-- {
			strides[k] = max(count, 1)
			count *= a.Shape[k]
		}
		writeText(&b, a.Name)
		b.WriteString("ctorch._utils\n_rebuild_tensor_v2\n((")
		writeText(&b, "storage")
		fmt.Fprintf(&b, "ctorch\n%s\n", class)
		writeText(&b, strconv.Itoa(i))
		writeText(&b, "cpu")
		writeInt(&b, count)
		b.WriteString("tQK\x00") // persistent id; offset 0
		writeInts(&b, a.Shape)
		writeInts(&b, strides)
		b.WriteString("\x89ccollections\nOrderedDict\n)RtR") // requires_grad false, no hooks
	}
	b.WriteString("u.")
	return b.Bytes(), nil
}

func writeText(b *bytes.Buffer, s string) {
	b.WriteByte('X')
	_ = binary.Write(b, binary.LittleEndian, uint32(len(s)))
	b.WriteString(s)
}

// writeInt is BININT if the number fits, else LONG1 of eight bytes.
func writeInt(b *bytes.Buffer, n int) {
	if n <= 1<<31-1 {
		b.WriteByte('J')
		_ = binary.Write(b, binary.LittleEndian, int32(n))
		return
	}
	b.WriteString("\x8a\x08")
	_ = binary.Write(b, binary.LittleEndian, int64(n))
}

func writeInts(b *bytes.Buffer, ns []int) {
	b.WriteByte('(')
	for _, n := range ns {
		writeInt(b, n)
	}
	b.WriteByte('t')
}

// aligned writes a zip file whose entries' data start at multiples of 64 bytes, as readers that map the file want.
type aligned struct {
	w   io.Writer
	at  int
	zip *zip.Writer
}

func (z *aligned) Write(p []byte) (int, error) {
	n, err := z.w.Write(p)
	z.at += n
	return n, err
}

const localHeader = 30 // bytes before an entry's name

// entry stores one file. An extra field "FB" of zeros pads its header. Sizes beyond 4 GiB are package zip's matter, which then adds a field
// of its own: such entries may lie unaligned, which no reader minds.
func (z *aligned) entry(name string, data []byte) error {
	if err := z.zip.Flush(); err != nil {
		return err
	}
	pad := 64 - (z.at+localHeader+len(name)+4)%64
	extra := binary.LittleEndian.AppendUint16([]byte("FB"), uint16(pad))
	extra = append(extra, bytes.Repeat([]byte{'Z'}, pad)...)
	w, err := z.zip.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Store, Extra: extra, CRC32: crc32.ChecksumIEEE(data),
		CompressedSize64: uint64(len(data)), UncompressedSize64: uint64(len(data)),
	})
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
