package format_test

import (
	"archive/zip"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"onestep/tensor"
	"onestep/tensor/format"
)

// npyFile is an array of version 1 with this header and data.
func npyFile(header, data string) string {
	return "\x93NUMPY\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(header)))) + header + data
}

// TestNPY reads arrays of every element type, version, and spelling of the header.
func TestNPY(t *testing.T) {
	const shape2 = ", 'fortran_order': False, 'shape': (2,)}"
	for data, want := range map[string]string{
		npyFile("{'descr': '<f4'"+shape2, "\x00\x00\x80\x3f\x00\x00\x00\xc0"):                                  "array F32 [2] [1 -2]",
		npyFile("{'descr': '<f8', 'fortran_order': False, 'shape': ()}", "\x00\x00\x00\x00\x00\x00\xf8\x3f"):   "array F64 [] [1.5]",
		npyFile("{'descr': '<f2'"+shape2, "\x00\x3c\x00\xc0"):                                                  "array F16 [2] [1 -2]",
		npyFile("{'descr': '|u1'"+shape2, "\x07\xff"):                                                          "array U8 [2] [7 255]",
		npyFile("{'descr': '|i1'"+shape2, "\x07\xff"):                                                          "array I8 [2] [7 -1]",
		npyFile("{'descr': '|b1'"+shape2, "\x01\x00"):                                                          "array BOOL [2] [1 0]",
		npyFile("{'descr': '<i2'"+shape2, "\x07\x01\xff\xff"):                                                  "array I16 [2] [263 -1]",
		npyFile("{'descr': '<u2'"+shape2, "\x07\x01\xff\xff"):                                                  "array U16 [2] [263 65535]",
		npyFile(`  { "shape" :(  2 , 1),"descr": "|u1","fortran_order":False , } `+"\n", "\x07\x08"):           "array U8 [2 1] [7 8]",
		npyFile("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3)}", "\x01\x02\x03\x04\x05\x06"):        "array U8 [2 3] [1 3 5 2 4 6]",
		npyFile("{'descr': '|u1', 'fortran_order': True, 'shape': (3,)}", "\x01\x02\x03"):                      "array U8 [3] [1 2 3]",
		npyFile("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 3), }", ""):                             "array U8 [0 3] []",
		npyFile("{'descr': '|u1', 'fortran_order': False, 'shape': (1"+strings.Repeat(", 1", 31)+")}", "\x05"): "array U8 [1" + strings.Repeat(" 1", 31) + "] [5]",
		"\x93NUMPY\x02\x00\x37\x00\x00\x00{'descr': '|u1', 'fortran_order': False, 'shape': ()}" + "  \x09":    "array U8 [] [9]",
	} {
		f, err := format.Read("x", []byte(data))
		if err != nil {
			t.Errorf("%q: %v, want %s", data, err, want)
		} else if got := contents(t, f); got != want || f.Format != "npy" {
			t.Errorf("%q: %s, want %s", data, got, want)
		}
	}
}

// TestNPYRefused: every other header, and data of another length, is refused by a message that names what is wrong.
func TestNPYRefused(t *testing.T) {
	u1 := func(shape string) string { return "{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + "}" }
	whole := npyFile(u1("(2,)"), "ab")
	for data, says := range map[string]string{
		whole[:7]: "it ends within its first 8 bytes", whole[:9]: "it ends within its header's length", whole[:20]: "a header of 55 bytes in a file of 20",
		"\x93NUMPY\x04\x00" + whole[8:]: "version 4, 1 to 3 are known", "\x93NUMPY\x02\x00\x00\x00": "it ends within its header's length",
		"\x93NUMPY\x00\x00" + whole[8:]: "version 0, 1 to 3 are known", "\x93NUMPY\x02\x00\x01\x00\x01\x00" + strings.Repeat(" ", 1<<17): "a header of 65537 bytes",
		whole[:len(whole)-1]: "shape [2] of |u1 needs 2 bytes of data, there are 1", whole + "c": "shape [2] of |u1 needs 2 bytes of data, there are 3",
		npyFile(strings.Replace(u1("(2,)"), "|u1", "<f3", 1), "ab"): `element type "<f3" is not one of numbers`, npyFile(strings.Replace(u1("(2,)"), "|u1", ">f4", 1), "ab"): `element type ">f4" is not`,
		npyFile(u1("(16777216, 16777217)"), ""): "is too large", npyFile(u1("(281474976710655, 281474976710655, 2)"), ""): "is too large", npyFile(u1("(281474976710656,)"), ""): "dimension 281474976710656 is too large",
		npyFile(u1("(1"+strings.Repeat(", 1", 32)+")"), "a"): "dimension 1 is too large",
		npyFile("", ""): `header: "" where { should be`, npyFile("{", ""): `header: key "" is not known`, npyFile("{'descr' '|u1'}", ""): "where : should be",
		npyFile("{'descr': |u1}", ""): "where a string should be", npyFile("{'descr': '|u1", ""): "where a string should be", npyFile(`{'descr': '\u1'}`, ""): "where a string should be",
		npyFile(`{'descr": '|u1'}`, ""):                 `is not known`,
		npyFile("{'descr': '|u1', 'descr': '|u1'}", ""): "header: descr is given twice", npyFile("{'other': 1}", ""): `header: key "other" is not known`,
		npyFile("{'descr': '|u1'}", "a"): "header: descr, fortran_order and shape are wanted", npyFile("{'fortran_order': 1}", ""): `header: "1}" where False should be`,
		npyFile(u1("2"), "ab"): `header: "2}" where ( should be`, npyFile(u1("(2"), "ab"): `header: "}" where ) should be`, npyFile(u1("(x)"), "ab"): `header: "x)}" where a dimension should be`,
		npyFile(u1("(-2)"), "ab"): `header: "-2)}" where a dimension should be`, npyFile(u1("(2 3)"), "ab"): `header: "3)}" where ) should be`,
		npyFile(u1("(2,)")+"x", "ab"): `header: "x" after its end`, npyFile("{'descr': '|u1' 'shape': ()}", ""): `header: "'shape': ()}" where } should be`,
	} {
		if _, err := format.Read("x", []byte(data)); err == nil || !strings.HasPrefix(err.Error(), "x: npy: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("%.90q: %v, want %s", data, err, says)
		}
	}
}

// archived is a file of arrays, opened.
func archived(t *testing.T, arrays ...tensor.Named) *format.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.npz")
	if err := format.WriteNPZ(path, arrays); err != nil {
		t.Fatal(err)
	}
	f, err := format.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func u8(name string, shape ...int) tensor.Named {
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i + 1)
	}
	return tensor.Named{Name: name, DType: "U8", Shape: shape, Data: data}
}

func i64(name string, values ...int64) tensor.Named {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	return tensor.Named{Name: name, DType: "I64", Shape: []int{len(values)}, Data: data}
}

// TestImages reads images with labels and without, and refuses other arrays.
func TestImages(t *testing.T) {
	im, err := archived(t, u8("arr_0", 2, 3, 4, 1), i64("arr_1", 5, -1)).Images()
	if err != nil || im.N != 2 || im.H != 3 || im.W != 4 || im.C != 1 || len(im.Pixels) != 24 || im.Pixels[23] != 24 || !slices.Equal(im.Labels, []int64{5, -1}) {
		t.Errorf("%+v, %v", im, err)
	}
	if im, err := archived(t, u8("arr_0", 1, 1, 2, 3)).Images(); err != nil || im.C != 3 || len(im.Pixels) != 6 || im.Labels != nil {
		t.Errorf("%+v, %v", im, err)
	}
	for says, f := range map[string]*format.File{
		"arr_0: no such array": archived(t, u8("arr_1", 2)), "arr_0: U8 [2 3 4], want bytes of shape (N,H,W,3)": archived(t, u8("arr_0", 2, 3, 4)),
		"arr_0: U8 [2 3 4 2], want": archived(t, u8("arr_0", 2, 3, 4, 2)), "arr_0: U8 [0 3 4 3], want": archived(t, u8("arr_0", 0, 3, 4, 3)),
		"arr_0: F32 [1 1 1 1], want": archived(t, tensor.F32Tensor("arr_0", []float32{1}, 1, 1, 1, 1)),
		"arr_1: shape [3], want [2]": archived(t, u8("arr_0", 2, 3, 4, 1), i64("arr_1", 1, 2, 3)), "arr_1: dtype F32": archived(t, u8("arr_0", 1, 3, 4, 1), tensor.F32Tensor("arr_1", []float32{1}, 1)),
	} {
		if im, err := f.Images(); err == nil || !strings.Contains(err.Error(), f.Path) || !strings.Contains(err.Error(), says) || im.N != 0 && !strings.HasPrefix(says, "arr_1: dtype F32") {
			t.Errorf("%v, %v, want %s", im, err, says)
		}
	}
}

// TestStatistics reads a mean and a covariance, and refuses what does not fit together.
func TestStatistics(t *testing.T) {
	mu, sigma := tensor.F64Tensor("mu", []float64{1, 2}, 2), tensor.F64Tensor("sigma", []float64{3, 4, 5, 6}, 2, 2)
	if s, err := archived(t, mu, sigma).Statistics("mu", "sigma"); err != nil || !slices.Equal(s.Mu, []float64{1, 2}) || !slices.Equal(s.Sigma, []float64{3, 4, 5, 6}) {
		t.Errorf("%v, %v", s, err)
	}
	zero := 0.0
	for says, f := range map[string]*format.File{
		"mu: no such array": archived(t, sigma), "sigma: no such array": archived(t, mu), "mu: shape [2 1], want one dimension": archived(t, tensor.F64Tensor("mu", []float64{1, 2}, 2, 1), sigma),
		"mu: shape [0], want one dimension": archived(t, tensor.F64Tensor("mu", nil, 0), sigma), "sigma: shape [4], want [2 2]": archived(t, mu, tensor.F64Tensor("sigma", []float64{3, 4, 5, 6}, 4)),
		"sigma: ": archived(t, mu, tensor.F64Tensor("sigma", []float64{3, 4, 5, 1 / zero}, 2, 2)), "mu: ": archived(t, tensor.F64Tensor("mu", []float64{1, -1 / zero}, 2), sigma),
	} {
		if s, err := f.Statistics("mu", "sigma"); err == nil || !strings.Contains(err.Error(), says) || s.Mu != nil {
			t.Errorf("%v, %v, want %s", s, err, says)
		}
	}
}

// TestNPZBytes: the file that is written is the one NumPy's savez would write, but for its zip file's dates: stored entries of version 1 whose data
// begins at a multiple of 64 bytes.
func TestNPZBytes(t *testing.T) {
	f := archived(t, u8("a", 3), u8("s"), u8("b", 2, 3))
	raw, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for i, want := range []string{
		"{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", "{'descr': '|u1', 'fortran_order': False, 'shape': (), }", "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }",
	} {
		at, err := z.File[i].DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		entry := raw[at:]
		n := int(binary.LittleEndian.Uint16(entry[8:]))
		header := string(entry[10 : 10+n])
		if string(entry[:8]) != "\x93NUMPY\x01\x00" || (10+n)%64 != 0 || at%64 != 0 || strings.TrimRight(header, " \n") != want || !strings.HasSuffix(header, "\n") || entry[10+n] != 1 {
			t.Errorf("entry %s at %d: %q", z.File[i].Name, at, entry[:10+n])
		}
	}
	for _, arrays := range [][]tensor.Named{{u8("")}, {u8("a"), u8("a")}, {u8("a/b")}, {u8(`a\b`)}, {u8("a:b")}, {{Name: "a", DType: "BF16"}}} {
		path := filepath.Join(t.TempDir(), "y.npz")
		err := format.WriteNPZ(path, arrays)
		if _, missing := os.Stat(path); err == nil || !strings.HasPrefix(err.Error(), path+": ") || missing == nil {
			t.Errorf("arrays named %q: %v", arrays[0].Name, err)
		}
	}
}
