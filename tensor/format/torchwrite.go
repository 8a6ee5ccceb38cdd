package format

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"

	"onestep/tensor"
)

// metadataEntry is where a file of ours has its metadata, as JSON: among the extra files of the format, which torch.load passes over.
const metadataEntry = "extra/metadata.json"

// WriteTorch writes arrays as a PyTorch state dict [torch], which torch.load reads with weights_only too: an OrderedDict in the given order, each
// tensor with a storage of its own. The data is written from where it is, and the file replaces an old one as a whole.
func WriteTorch(path string, metadata map[string]string, arrays []tensor.Named) error {
	var dict Ordered
	for _, a := range arrays {
		dict = append(dict, Pair{a.Name, a})
	}
	return WriteTorchTree(path, metadata, dict)
}

// WriteTorchTree is [WriteTorch] for any plain value with tensors in it.
func WriteTorchTree(path string, metadata map[string]string, v any) error {
	text, storages, err := tree(v)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return tensor.AtomicWrite(path, func(w io.Writer) error {
		z := newAligned(w)
		if err := z.entry("archive/data.pkl", text); err != nil {
			return err
		}
		for i, a := range storages {
			data, err := a.Bytes()
			if err == nil {
				err = z.entry("archive/data/"+strconv.Itoa(i), data)
			}
			if err != nil {
				return err
			}
		}
		if len(metadata) > 0 {
			text, err := json.Marshal(metadata)
			if err == nil {
				err = z.entry("archive/"+metadataEntry, text)
			}
			if err != nil {
				return err
			}
		}
		if err := z.entry("archive/version", []byte("3\n")); err != nil {
			return err
		}
		return z.zip.Close()
	})
}

// metadata adds to f what [WriteTorch] was given.
func (a *archive) metadata(root string, f *File) error {
	if a.entries[root+metadataEntry] == nil {
		return nil
	}
	text, err := a.stored(root + metadataEntry)
	if err != nil {
		return err
	}
	if f.Metadata == nil {
		f.Metadata = map[string]string{}
	}
	if err := json.Unmarshal(text, &f.Metadata); err != nil {
		return fmt.Errorf("zip: entry %s%s: %w", root, metadataEntry, err)
	}
	return nil
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

func newAligned(w io.Writer) *aligned {
	z := &aligned{w: w}
	z.zip = zip.NewWriter(z)
	return z
}

const localHeader = 30 // bytes before an entry's name

// entry stores one file, of parts. An extra field "FB" of zeros pads its header. For sizes beyond 4 GiB package zip adds a
// field of its own: such entries may lie unaligned, which readers accept.
func (z *aligned) entry(name string, parts ...[]byte) error {
	if err := z.zip.Flush(); err != nil {
		return err
	}
	pad := 64 - (z.at+localHeader+len(name)+4)%64
	extra := binary.LittleEndian.AppendUint16([]byte("FB"), uint16(pad))
	extra = append(extra, bytes.Repeat([]byte{'Z'}, pad)...)
	size, sum := 0, uint32(0)
	for _, p := range parts {
		size, sum = size+len(p), crc32.Update(sum, crc32.IEEETable, p)
	}
	w, err := z.zip.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Store, Extra: extra, CRC32: sum, CompressedSize64: uint64(size), UncompressedSize64: uint64(size),
	})
	for _, p := range parts {
		if err == nil {
			_, err = w.Write(p)
		}
	}
	return err
}
