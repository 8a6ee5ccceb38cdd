package conformance

import (
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHash holds the generator to the published values of the murmur3 finaliser, and to the seed's rule.
func TestHash(t *testing.T) {
	for i, want := range map[uint32]uint32{0: 0, 1: 0x514E28B7, 2: 0x30F4C306, 0xFFFFFFFF: 0x81F16F39} {
		if got := hash(i, 0); got != want {
			t.Errorf("hash(%d) = %#x, want %#x", i, got, want)
		}
	}
	if hash(5, 3) != hash(5+0xDAA66D2B, 0) { // 3·0x9E3779B9 mod 2³²
		t.Error("the seed is not added as it must be")
	}
}

// TestHalf takes every float16 there and back, and rounds what lies between two to even.
func TestHalf(t *testing.T) {
	for h := range 1 << 16 {
		v := fromHalf(uint16(h))
		if got := half(v); got != uint16(h) && v == v {
			t.Fatalf("%#x is %v, which is %#x", h, v, got)
		}
		next := fromHalf(uint16(h + 1))
		if h&0x7FFF >= 0x7BFF || v != v {
			continue
		}
		if got := half((v + next) / 2); got != uint16(h+h&1) {
			t.Fatalf("between %#x and the next is %#x", h, got)
		}
	}
	if half(65519.99) != 0x7BFF || half(-65520) != 0xFC00 || half(math.NaN())&0x7C00 != 0x7C00 || half(math.Inf(1)) != 0x7C00 {
		t.Error("the ends of the range are wrong")
	}
}

func TestContents(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f.bin"), []byte{1, 2, 3, 4}, 0o644); err != nil {
		t.Fatal(err)
	}
	c := &Case{dir: dir}
	for _, x := range []struct{ dtype, init, want string }{
		{"u8", `{"kind":"zero"}`, "0000"},
		{"f16", `{"kind":"fill","value":-1.5}`, "00be00be"},
		{"s64", `{"kind":"list","values":[-1,"9223372036854775807"]}`, "ffffffffffffffffffffffffffffff7f"},
		{"u64", `{"kind":"fill","value":18446744073709551615}`, "ffffffffffffffffffffffffffffffff"},
		{"f32", `{"kind":"list","values":["inf",0.1]}`, "0000807fcdcccc3d"},
		{"f32", `{"kind":"listbits","values":[1,"0x7fc00001"]}`, "010000000100c07f"},
		{"u16", `{"kind":"file","file":"f.bin"}`, "01020304"},
		{"u32", `{"kind":"bits32","seed":0}`, "00000000b7284e51"},
		{"s32", `{"kind":"ints","seed":0,"lo":-3,"hi":6}`, "fdffffff04000000"},
		{"f32", `{"kind":"ints","seed":0,"lo":-3,"hi":6}`, "000040c000008040"}, // −3, 4: 0x514E28B7 mod 10 is 7
		{"f64", `{"kind":"uniform","seed":0,"lo":-1,"hi":3}`, "000000000000f0bf00000000284ed13f"},
	} {
		b := Buffer{DType: DType(x.dtype), Count: 2}
		if err := decode([]byte(x.init), &b.Init); err != nil {
			t.Fatal(err)
		}
		data, err := c.contents(b)
		if got := hex.EncodeToString(data); err != nil || got != x.want {
			t.Errorf("%s %s: %s, %v; want %s", x.dtype, x.init, got, err, x.want)
		}
	}
	for _, x := range []struct{ dtype, init, want string }{
		{"u8", `{"kind":"fill","value":256}`, "256 is no u8"}, {"s32", `{"kind":"fill","value":2147483648}`, "is no s32"},
		{"u32", `{"kind":"fill","value":1.5}`, "1.5 is no u32"}, {"u8", `{"kind":"list","values":[1]}`, "1 values for 2"},
		{"u8", `{"kind":"magic"}`, "unknown init"}, {"f32", `{"kind":"uniform","lo":1}`, "want a number"}, {"u8", `{"kind":"file","file":"f.bin"}`, "want 2"},
		{"s32", `{"kind":"ints","lo":1,"hi":0}`, "ints from 1 to 0"},
	} {
		b := Buffer{DType: DType(x.dtype), Count: 2}
		if err := decode([]byte(x.init), &b.Init); err != nil {
			t.Fatal(err)
		}
		if _, err := c.contents(b); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s %s: %v, want %s", x.dtype, x.init, err, x.want)
		}
	}
}

func TestParams(t *testing.T) {
	at := func(name string) (uint64, error) {
		if name == "a" {
			return 0x1122, nil
		}
		return 0, fmt.Errorf("no buffer %s", name)
	}
	for text, want := range map[string]string{
		`{"type":"ptr","buffer":"a"}`:                                                                "2211000000000000",
		`{"type":"ptr","buffer":null}`:                                                               "0000000000000000",
		`{"type":"ptr"}`:                                                                             "ERROR no buffer",
		`{"type":"f32","value":1}`:                                                                   "0000803f",
		`{"type":"s32","value":-2}`:                                                                  "feffffff",
		`{"type":"u32","value":4294967295}`:                                                          "ffffffff",
		`{"type":"u64","value":"18446744073709551615"}`:                                              "ffffffffffffffff",
		`{"type":"bytes","hex":"0a0b","align":2}`:                                                    "0a0b",
		`{"type":"bytes","value":"0a0b","align":2}`:                                                  "0a0b",
		`{"type":"struct","ptrs":["a",0],"s32":[1],"f32":[2]}`:                                       "22110000000000000000000000000000" + "01000000" + "00000040",
		`{"type":"struct","fields":{"s32":7,"ptrs":["a"]}}`:                                          "07000000" + "2211000000000000",
		`{"type":"struct","fields":[{"ptrs":[null]},{"f32":[1]}]}`:                                   "0000000000000000" + "0000803f",
		`{"type":"struct","fields":[{"kind":"s32","values":[3,4]}]}`:                                 "0300000004000000",
		`{"type":"struct","fields":[{"type":"ptrs","buffers":["a",null]},{"type":"f32","value":1}]}`: "22110000000000000000000000000000" + "0000803f",
		`{"type":"f64","value":1}`:                                                                   "000000000000f03f",
		`{"type":"v128","value":1}`:                                                                  "ERROR unknown type",
		`{"type":"ptr","buffer":"b"}`:                                                                "ERROR no buffer b",
		`{"type":"s32"}`:                                                                             "ERROR want a number",
		`{"type":"bytes"}`:                                                                           "ERROR hexadecimal",
		`{"type":"struct"}`:                                                                          "ERROR without fields",
		`{"type":"struct","fields":[{"kind":"x","values":[1]}]}`:                                     "ERROR unknown field",
		`{"type":"struct","ptrs":[5]}`:                                                               "ERROR want a buffer",
	} {
		var p Param
		if err := decode([]byte(text), &p); err != nil {
			t.Fatal(text, err)
		}
		data, err := p.bytes(at)
		if message, isError := strings.CutPrefix(want, "ERROR "); isError {
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("%s: %v, want %s", text, err, message)
			}
		} else if got := hex.EncodeToString(data); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestCompare(t *testing.T) {
	f := func(v float32) uint64 { return uint64(math.Float32bits(v)) }
	nan := uint64(0x7FC00001)
	zero := math.Float32frombits(1 << 31)
	for i, c := range []struct {
		how       Compare
		got, want uint64
		same      bool
	}{
		{Compare{Mode: "exact"}, f(1), f(1), true},
		{Compare{Mode: "exact"}, f(1), f(1) + 1, false},
		{Compare{Mode: "exact"}, nan, 0x7FFFFFFF, false},
		{Compare{Mode: "exact", NaN: "any"}, nan, 0x7FFFFFFF, true},
		{Compare{Mode: "exact", NaN: "any"}, nan, f(1), false},
		{Compare{Mode: "exact"}, f(zero), f(0), false},
		{Compare{Mode: "exact", SignedZero: "any"}, f(zero), f(0), true},
		{Compare{Mode: "close", Abs: 0.5}, f(1), f(1.5), true},
		{Compare{Mode: "close", Abs: 0.5}, f(1), f(1.6), false},
		{Compare{Mode: "close", Rel: 0.1}, f(11), f(10), true},
		{Compare{Mode: "close", Rel: 0.1}, f(9), f(10.5), false},
		{Compare{Mode: "close", Rel: 1e9}, f(1), nan, false},
		{Compare{Mode: "close"}, f(float32(math.Inf(1))), f(float32(math.Inf(1))), true},
	} {
		if got := c.how.same("f32", c.got, c.want); got != c.same {
			t.Errorf("%d: %+v of %#x and %#x is %v", i, c.how, c.got, c.want, got)
		}
	}
	b := Buffer{DType: "u8", Count: 4, Expect: &Expect{Compare: Compare{Mode: "exact"}}}
	if err := decode([]byte(`[{"from":1,"to":3,"mode":"close","abs":2},{"range":[3,4],"compare":{"mode":"close","abs":9}}]`), &b.Expect.Ranges); err != nil {
		t.Fatal(err)
	}
	if err := b.compare("x", []byte{0, 2, 2, 9}, []byte{0, 0, 0, 0}); err != nil {
		t.Error(err)
	}
	if err := b.compare("x", []byte{1, 2, 3, 9}, []byte{0, 0, 0, 0}); err == nil || err.Error() != "x, 0, 1, 0 (2 differ)" {
		t.Error(err)
	}
}

// TestPlace names where a case's JSON is wrong.
func TestPlace(t *testing.T) {
	for text, want := range map[string]string{
		"{\"name\": \"a\",\n \"grid\": [1,1,]}": "case.json:2:",
		"{\n\n\"grid\": \"x\"}":                 "case.json:3:",
		"{\"name\": 5}":                         "case.json:1:",
		"{\"name\":\n":                          "case.json:2:",
		"":                                      "case.json:1:0: EOF",
	} {
		path := filepath.Join(t.TempDir(), "case.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
