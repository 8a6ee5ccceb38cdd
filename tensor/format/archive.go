package format

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"strings"

	"onestep/tensor/format/pickle"
)

// archive is a zip file in memory.
type archive struct {
	data    []byte
	entries map[string]*zip.File
	names   []string // in the order of the directory
}

func openArchive(data []byte) (*archive, error) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("zip: %w", err)
	}
	a, err := newArchive(r)
	if err == nil {
		a.data = data
	}
	return a, err
}

// newArchive is an archive of a zip file that is not in memory. Only its directory can be used: names, sizes, entries.
func newArchive(r *zip.Reader) (*archive, error) {
	a := &archive{entries: map[string]*zip.File{}}
	for _, f := range r.File {
		name := strings.TrimSuffix(f.Name, "/")
		if name == "" || path.Clean("/"+name) != "/"+name || strings.ContainsAny(name, `\:`) {
			return nil, fmt.Errorf("zip: entry %.60q climbs out of the archive", f.Name)
		}
		if a.entries[f.Name] != nil {
			return nil, fmt.Errorf("zip: entry %.60q is there twice", f.Name)
		}
		a.entries[f.Name] = f
		a.names = append(a.names, f.Name)
	}
	return a, nil
}

// stored is the contents of an entry that is not compressed, a part of the file, after its checksum.
func (a *archive) stored(name string) ([]byte, error) {
	f := a.entries[name]
	if f == nil {
		return nil, fmt.Errorf("zip: there is no entry %s", name)
	}
	if f.Method != zip.Store {
		return nil, fmt.Errorf("zip: entry %s is compressed, which torch never does", name)
	}
	at, err := f.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("zip: entry %s: %w", name, err)
	}
	n := f.UncompressedSize64
	if n != f.CompressedSize64 || at < 0 || at > int64(len(a.data)) || n > uint64(int64(len(a.data))-at) {
		return nil, fmt.Errorf("zip: entry %s: %d bytes at %d are not all in the file", name, n, at)
	}
	b := a.data[at : at+int64(n) : at+int64(n)]
	if crc32.ChecksumIEEE(b) != f.CRC32 {
		return nil, fmt.Errorf("zip: entry %s: the checksum is wrong: the file is damaged", name)
	}
	return b, nil
}

// contents is stored, or for a compressed entry a reader of exactly the size that the archive states.
func (a *archive) contents(name string) (io.Reader, uint64, error) {
	f := a.entries[name]
	if f.Method == zip.Store {
		b, err := a.stored(name)
		return bytes.NewReader(b), uint64(len(b)), err
	}
	const deflated = 1032 // bytes at most of one
	if f.CompressedSize64 > uint64(len(a.data)) || f.UncompressedSize64/deflated > f.CompressedSize64 {
		return nil, 0, fmt.Errorf("zip: entry %s: %d bytes of %d cannot be", name, f.UncompressedSize64, f.CompressedSize64)
	}
	r, err := f.Open()
	if err != nil {
		return nil, 0, fmt.Errorf("zip: entry %s: %w", name, err)
	}
	return r, f.UncompressedSize64, nil
}

// torchRoot is the folder in which data.pkl lies, with its slash, or "" if there is none.
func (a *archive) torchRoot() (root string, found bool, err error) {
	for _, name := range a.names {
		if dir, file := path.Split(name); file == "data.pkl" && dir != "" {
			if found {
				return "", true, fmt.Errorf("zip: both %sdata.pkl and %s", root, name)
			}
			root, found = dir, true
		}
	}
	return root, found, nil
}

// torchZip reads PyTorch's format since 1.6 [torch]: {root}/data.pkl, and a storage in each {root}/data/{key}.
func (a *archive) torchZip(root string) (any, error) {
	if a.entries[root+"byteorder"] != nil {
		order, err := a.stored(root + "byteorder")
		if err != nil {
			return nil, err
		}
		if s := strings.TrimSpace(string(order)); s != "little" {
			return nil, fmt.Errorf("byte order %.20q, only little is read", s)
		}
	}
	text, err := a.stored(root + "data.pkl")
	if err != nil {
		return nil, err
	}
	storages := map[string]*storage{}
	v, n, err := pickle.Load(text, pickle.Hooks{Call: call, Persistent: func(id any) (any, error) {
		dtype, size, key, count, _, err := persistentID(id)
		if err != nil {
			return nil, err
		}
		if s := storages[key]; s != nil {
			if s.dtype != dtype || s.count != count {
				return nil, fmt.Errorf("storage %s is %d %s and %d %s", key, s.count, s.dtype, count, dtype)
			}
			return s, nil
		}
		b, err := a.stored(root + "data/" + key)
		if err != nil {
			return nil, err
		}
		if len(b)/size != count || len(b)%size != 0 {
			return nil, fmt.Errorf("storage %s: %d bytes for %d %s", key, len(b), count, dtype)
		}
		s := &storage{dtype: dtype, size: size, count: count, data: b}
		storages[key] = s
		return s, nil
	}})
	if err != nil {
		return nil, fmt.Errorf("data.pkl: %w", err)
	}
	if n != len(text) {
		return nil, fmt.Errorf("data.pkl: %d bytes after its end", len(text)-n)
	}
	return v, nil
}
