package format_test

import (
	"archive/zip"
	"slices"
	"strings"
	"testing"

	"onestep/tensor/format"
)

// TestTorchZip reads PyTorch's zip files, and refuses those that are not as torch writes them, by a message that names the entry.
func TestTorchZip(t *testing.T) {
	const storage = "\x00\x00\x80\x3f\x00\x00\x00\x40"
	shared := dict(str("a"), weight, str("b"), view(store(floats, "0", 2), 1, nums(1), nums(1)))
	pickled := "\x80\x02" + shared + "."
	type entries = []string // name, contents, …
	read := func(method uint16, e entries) (*format.File, error) {
		var names []string
		var contents [][]byte
		for pair := range slices.Chunk(e, 2) {
			names, contents = append(names, pair[0]), append(contents, []byte(pair[1]))
		}
		return format.Read("x", pack(t, method, names, contents...))
	}
	for name, e := range map[string]entries{
		"plain": {"a/data.pkl", pickled, "a/data/0", storage}, "byte order": {"a/data.pkl", pickled, "a/data/0", storage, "a/byteorder", "little\n"},
		"deeper": {"a/b/data.pkl", pickled, "a/b/data/0", storage, "a/b/version", "3"},
	} {
		f, err := read(zip.Store, e)
		if err != nil || contents(t, f) != "a F32 [2] [1 2]; b F32 [1] [2]" || f.Format != "torch" {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := func(value string) entries {
		return entries{"a/data.pkl", "\x80\x02" + value + ".", "a/data/0", storage}
	}
	for says, e := range map[string]entries{
		`byte order "big", only little is read`:                 {"a/data.pkl", pickled, "a/data/0", storage, "a/byteorder", "big"},
		"zip: both a/data.pkl and b/data.pkl":                   {"a/data.pkl", pickled, "b/data.pkl", pickled},
		"zip: there is no entry a/data/0":                       {"a/data.pkl", pickled},
		"storage 0: 7 bytes for 2 F32":                          {"a/data.pkl", pickled, "a/data/0", storage[:7]},
		"storage 0: 9 bytes for 2 F32":                          {"a/data.pkl", pickled, "a/data/0", storage + "x"},
		"storage 0: 12 bytes for 2 F32":                         {"a/data.pkl", pickled, "a/data/0", storage + "1234"},
		"data.pkl: 1 bytes after its end":                       {"a/data.pkl", pickled + "x", "a/data/0", storage},
		"data.pkl: pickle, byte 0: no STOP":                     {"a/data.pkl", "", "a/data/0", storage},
		"storage 0 is 2 F32 and 3 F32":                          other(list(weight, view(store(floats, "0", 3), 0, nums(1), nums(1)))),
		"storage 0 is 2 F32 and 2 I32":                          other(list(weight, view(store("torch.IntStorage", "0", 2), 0, nums(1), nums(1)))),
		"an int as a persistent id":                             other(num(1) + "Q"),
		`zip: entry "../a" climbs out of the archive`:           {"../a", "x"},
		`zip: entry "/a" climbs out of the archive`:             {"/a", "x"},
		`zip: entry "a//b" climbs out of the archive`:           {"a//b", "x"},
		`zip: entry "a\\b" climbs out of the archive`:           {`a\b`, "x"},
		`zip: entry "c:a" climbs out of the archive`:            {"c:a", "x"},
		`zip: entry "a" is there twice`:                         {"a", "x", "a", "y"},
		"a zip file with neither data.pkl nor .npy files in it": {"data.pkl", pickled, "data/0", storage},
		`zip: entry "b.txt" is no .npy file`:                    {"a.npy", npyFile("{'descr': '|u1', 'fortran_order': False, 'shape': ()}", "a"), "b.txt", "x"},
		`zip: entry ".npy" is no .npy file`:                     {".npy", "x"},
		"a.npy: npy: it ends within its first 8 bytes":          {"a.npy", "x"},
	} {
		if _, err := read(zip.Store, e); err == nil || !strings.HasPrefix(err.Error(), "x: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
	if _, err := read(zip.Deflate, entries{"a/data.pkl", pickled, "a/data/0", storage}); err == nil || err.Error() != "x: zip: entry a/data.pkl is compressed, which torch never does" {
		t.Error(err)
	}
	f, err := read(zip.Deflate, entries{"v.npy", npyFile("{'descr': '|u1', 'fortran_order': False, 'shape': (300,)}", strings.Repeat("a", 300)), "b.npy", npyFile("{'descr': '|u1', 'fortran_order': False, 'shape': ()}", "b")})
	if err != nil || f.Format != "npz" || !slices.Equal(f.Names(), []string{"b", "v"}) {
		t.Errorf("%v", err)
	}
	data := pack(t, zip.Store, []string{"a/data.pkl", "a/data/0"}, []byte(pickled), []byte(storage))
	at := strings.Index(string(data), storage)
	data[at] ^= 1
	if _, err := format.Read("x", data); err == nil || !strings.Contains(err.Error(), "zip: entry a/data/0: the checksum is wrong: the file is damaged") {
		t.Error(err)
	}
	if _, err := format.Read("x", data[:len(data)-1]); err == nil || !strings.HasPrefix(err.Error(), "x: zip: ") {
		t.Error(err)
	}
}

// TestParts picks what lies under a name of a pickle, a module, and of files of plain names.
func TestParts(t *testing.T) {
	value := dict(str("net"), dict(str("a.b"), weight, str("n"), num(3)), str("list"), list(weight), str("x.y"), dict(str("z"), weight), str("deep"), dict(str("a"), dict(str("b"), weight)))
	file := legacyFile(value, []float32{1, 2})
	for part, want := range map[string]string{
		"net": "a.b F32 [2] [1 2]; n=3", "list": "0 F32 [2] [1 2]", "list.0": "", "net.a": "b F32 [2] [1 2]", "x.y": "z F32 [2] [1 2]", "deep": "a.b F32 [2] [1 2]", "deep.a": "b F32 [2] [1 2]",
		"":   "net.a.b F32 [2] [1 2]; list.0 F32 [2] [1 2]; x.y.z F32 [2] [1 2]; deep.a.b F32 [2] [1 2]; net.n=3",
		"no": "", "ne": "", "net.n": "", "deep.b": "",
	} {
		f, err := format.ReadPart("x", file, part)
		switch {
		case want == "" && err == nil:
			t.Errorf("part %q: %s", part, contents(t, f))
		case want == "":
		case err != nil:
			t.Errorf("part %q: %v", part, err)
		case contents(t, f) != want:
			t.Errorf("part %q: %s, want %s", part, contents(t, f), want)
		}
	}
}
