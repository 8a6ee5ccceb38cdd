package pickle_test

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"onestep/tensor/format/pickle"
)

// show writes a value as Python would, nearly.
func show(v any) string {
	list := func(open string, items []any, end string) string {
		var s []string
		for _, x := range items {
			s = append(s, show(x))
		}
		return open + strings.Join(s, " ") + end
	}
	dict := func(d *pickle.Dict) string {
		var items []any
		d.All(func(k, v any) bool { items = append(items, k, v); return true })
		if len(items) != 2*d.Len() {
			return "a dict of another length"
		}
		return list("{", items, "}")
	}
	switch v := v.(type) {
	case nil:
		return "None"
	case string:
		return fmt.Sprintf("%q", v)
	case []byte:
		return fmt.Sprintf("b%q", v)
	case pickle.Tuple:
		return list("(", v, ")")
	case *pickle.List:
		return list("[", v.Items, "]")
	case *pickle.Set:
		return list("<", v.Items, ">")
	case *pickle.Dict:
		return dict(v)
	case pickle.Global:
		return v.String()
	case *pickle.Object:
		s := show(v.Class) + show(v.Args)
		if v.State != nil {
			s += " state " + show(v.State)
		}
		if v.Items != nil {
			s += list(" items ", v.Items, "")
		}
		if v.Pairs.Len() > 0 {
			s += " pairs " + dict(&v.Pairs)
		}
		return s
	}
	return fmt.Sprintf("%T %v", v, v)
}

// hooks resolve persistent ids and calls of m.f.
var hooks = pickle.Hooks{
	Persistent: func(id any) (any, error) {
		if id == "bad" {
			return nil, errors.New("no such id")
		}
		return pickle.Tuple{"id", id}, nil
	},
	Call: func(g pickle.Global, args pickle.Tuple) (any, bool, error) {
		if g.Name == "fails" {
			return nil, false, errors.New("no such function")
		}
		return pickle.Tuple{"result", args}, g.Name == "f", nil
	},
}

// opcodes are pickles, without their STOP, of every opcode, by their value.
var opcodes = []struct{ data, want string }{
	{"N", "None"}, {"\x88", "bool true"}, {"\x89", "bool false"}, {"I01\n", "bool true"}, {"I00\n", "bool false"},
	{"J\xfe\xff\xff\xff", "int64 -2"}, {"J\x01\x02\x03\x04", "int64 67305985"}, {"K\xff", "int64 255"}, {"M\x01\x02", "int64 513"},
	{"I-12\n", "int64 -12"}, {"I1\n", "int64 1"}, {"L123456789012L\n", "int64 123456789012"},
	{"L9223372036854775807L\n", "int64 9223372036854775807"}, {"L9223372036854775808L\n", "*big.Int 9223372036854775808"},
	{"\x8a\x00", "int64 0"}, {"\x8a\x01\x7f", "int64 127"}, {"\x8a\x01\x80", "int64 -128"}, {"\x8a\x02\xff\x00", "int64 255"}, {"\x8a\x02\x00\xff", "int64 -256"},
	{"\x8a\x08\x01\x00\x00\x00\x00\x00\x00\x80", "int64 -9223372036854775807"}, {"\x8a\x09\x01\x00\x00\x00\x00\x00\x00\x80\x00", "*big.Int 9223372036854775809"},
	{"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\xfe", "*big.Int -18446744073709551617"}, {"\x8b\x02\x00\x00\x00\x00\x01", "int64 256"},
	{"G\x3f\xf8\x00\x00\x00\x00\x00\x00", "float64 1.5"}, {"F-2.5e3\n", "float64 -2500"},
	{"\x8c\x02ab", `"ab"`}, {"X\x02\x00\x00\x00\xc3\xa9", `"é"`}, {"\x8d\x01\x00\x00\x00\x00\x00\x00\x00z", `"z"`},
	{"C\x02\xff\x00", `b"\xff\x00"`}, {"B\x01\x00\x00\x00a", `b"a"`}, {"\x8e\x01\x00\x00\x00\x00\x00\x00\x00a", `b"a"`},
	{"\x96\x01\x00\x00\x00\x00\x00\x00\x00a", `b"a"`}, {"U\x01a", `"a"`}, {"U\x01\xff", `b"\xff"`}, {"T\x01\x00\x00\x00a", `"a"`},
	{"Vline\n", `"line"`}, {"S'it'\n", `"it"`}, {"S\"it\"\n", `"it"`}, {"S''\n", `""`},
	{")", "()"}, {"]", "[]"}, {"}", "{}"}, {"\x8f", "<>"}, {"K\x01\x85", "(int64 1)"}, {"K\x01K\x02\x86", "(int64 1 int64 2)"}, {"K\x01NK\x02\x87", "(int64 1 None int64 2)"},
	{"(K\x01Nt", "(int64 1 None)"}, {"(t", "()"}, {"(K\x01Nl", "[int64 1 None]"}, {"(K\x01Nd", "{int64 1 None}"}, {"(K\x01N\x91", "<int64 1 None>"},
	{"]K\x01aNa", "[int64 1 None]"}, {"}K\x01Ns\x8c\x01aK\x02s", `{int64 1 None "a" int64 2}`}, {"]K\x00a(K\x01K\x02e", "[int64 0 int64 1 int64 2]"},
	{"}(K\x01NK\x02\x88u", "{int64 1 None int64 2 bool true}"}, {"\x8f(K\x01\x90(K\x02\x90", "<int64 1 int64 2>"},
	{"}K\x01K\x05sK\x02K\x06sK\x01K\x07s", "{int64 1 int64 7 int64 2 int64 6}"}, // a key that is set again stays where it is
	{"}\x8c\x01aNsC\x01aNsU\x01aK\x03s", `{"a" int64 3 b"a" None}`},
	{"}K\x01K\x02\x86Ns\x88K\x02\x86NsK\x01K\x02\x86\x88s", "{(int64 1 int64 2) bool true (bool true int64 2) None}"},
	{"}L9223372036854775808L\nNsL9223372036854775808L\nK\x01s", "{*big.Int 9223372036854775808 int64 1}"},
	{"}(" + strings.Repeat("K\x07", 16) + "tNs", "{(" + strings.TrimSpace(strings.Repeat("int64 7 ", 16)) + ") None}"},
	{"]q\x05K\x01ah\x05\x86", "([int64 1] [int64 1])"}, {"]r\x00\x00\x01\x00j\x00\x00\x01\x00\x86", "([] [])"}, {"]\x94N\x94h\x00\x87", "([] None [])"},
	{"]\x94N\x94h\x01\x87", "([] None None)"}, {"]p300\ng300\n\x86", "([] [])"}, {"NK\x010", "None"}, {"N(0", "None"}, {"N(K\x01K\x021", "None"}, {"N2\x86", "(None None)"},
	{"cm\nc\n", "m.c"}, {"\x8c\x01m\x8c\x01c\x93", "m.c"}, {"cm\nc\n(K\x01tR", "m.c(int64 1)"}, {"cm\nc\n)\x81", "m.c()"}, {"cm\nf\n(K\x01tR", `("result" (int64 1))`},
	{"cm\nc\n(K\x01t}\x92", "m.c(int64 1 {})"}, {"cm\nc\n)RK\x01b", "m.c() state int64 1"}, {"cm\nc\n)R(K\x01K\x02e", "m.c() items int64 1 int64 2"},
	{"cm\nc\n)RK\x01a", "m.c() items int64 1"}, {"cm\nc\n)RK\x01Ns", "m.c() pairs {int64 1 None}"}, {"ccollections\nOrderedDict\n)R", "{}"},
	{"}}b", "{}"},
	{"ccollections\nOrderedDict\n(((K\x01Nt(K\x02\x88lltR", "{int64 1 None int64 2 bool true}"},
	{"K\x07Q", `("id" int64 7)`}, {"Pseven\n", `("id" "seven")`}, {"\x80\x05N", "None"}, {"\x95\x02\x00\x00\x00\x00\x00\x00\x00N", "None"},
}

// TestOpcodes reads a pickle of every opcode. What follows it is left, and without any one of its last bytes it is refused.
func TestOpcodes(t *testing.T) {
	for _, c := range opcodes {
		data := c.data + "."
		v, n, err := pickle.Load([]byte(data+"rest"), hooks)
		if err != nil || n != len(data) || show(v) != c.want {
			t.Errorf("%q: %s, %d of %d bytes, %v; want %s", c.data, show(v), n, len(data), err, c.want)
		}
		for end := range data {
			if v, _, err := pickle.Load([]byte(data[:end]), hooks); err == nil {
				t.Errorf("%q, the beginning of %q: %s", data[:end], data, show(v))
			}
		}
	}
	long := strings.Repeat("\x01", 1024)
	v, _, err := pickle.Load([]byte("\x8b\x00\x04\x00\x00"+long+"."), pickle.Hooks{})
	if n, is := v.(*big.Int); err != nil || !is || n.BitLen() != 8*1023+1 {
		t.Errorf("an integer of 1024 bytes: %v", err)
	}
}

// TestRefused wants each of what is no pickle of data refused, by a message that says why and at which byte.
func TestRefused(t *testing.T) {
	for data, says := range map[string]string{
		"U\x04N0.": "4 bytes wanted, 3 are left", "T\x04\x00\x00\x00N0.": "4 bytes wanted", "C\x04N0.": "4 bytes wanted", "\x8c\x04N0.": "4 bytes wanted", "X\x04\x00\x00\x00N0.": "4 bytes wanted",
		"\x8a\x04N0.": "4 bytes wanted", "\x8b\x04\x00\x00\x00N0.": "4 bytes wanted", "GN0.": "8 bytes wanted, 3 are left", "JN.": "4 bytes wanted", "M.": "2 bytes wanted", "U": "1 bytes wanted",
		"": "byte 0: no STOP: 1 bytes wanted, 0 are left", "N": "byte 1: no STOP", ".": "byte 0: STOP with 0 values", "NN.": "byte 2: STOP with 2 values",
		"(.": "byte 1: the stack is empty above a mark", "\x80\x06N.": "byte 0: protocol 6, at most 5", "\x95\x03\x00\x00\x00\x00\x00\x00\x00N.": "byte 0: a frame of 3 bytes, 2 are left",
		"\xf0.": "byte 0: opcode 0xf0 is not one of data", "Ix\n.": `"x" is no integer`, "F1x\n.": `parsing "1x"`, "L" + strings.Repeat("1", 1025) + "\n.": "is no integer",
		"\x8b\xff\xff\xff\xff.": "an integer of -1 bytes", "\x8b\x01\x04\x00\x00" + strings.Repeat("\x01", 1025) + ".": "an integer of 1025 bytes",
		"\x8c\x01\xff.": "not valid UTF-8", "X\xff\xff\xff\xff.": "4294967295 bytes wanted, 1 are left", "V\xff\n.": "not valid UTF-8", "Vabc": "a line without an end",
		"S'it\n.": "no quoted string", "S'\n.": "no quoted string", "Sit\n.": "no quoted string", "Sxitx\n.": "no quoted string", `S'\n'` + "\n.": "no quoted string",
		"K\x01\x86.": "byte 2: the stack is empty", "(K\x01\x86.": "the stack is empty above a mark", "K\x01t.": "there is no mark", "K\x01a.": "the stack is empty",
		"NK\x01a.": "items appended to None", "NK\x01K\x02s.": "items set in None", "K\x01K\x02s.": "the stack is empty", "}(K\x01u.": "a key without a value", "(K\x01d.": "a key without a value",
		"}]Ns.": "a list as a key", "}(]tNs.": "a tuple with a list as a key", "}(" + strings.Repeat("N", 17) + "tNs.": "a tuple of 17 items as a key", "](K\x01\x90.": "items added to a list", "(K\x01\x90.": "the stack is empty",
		"K\x01\x90.": "there is no mark", "K\x01e.": "there is no mark", "(K\x01e.": "the stack is empty", "h\x05.": "memo 5 is not set", "Ng5\n.": "memo 5 is not set", "q\x05.": "the stack is empty",
		"Npx\n.": `parsing "x"`, "Np4294967296\n.": "value out of range", "0.": "the stack is empty", "1.": "there is no mark", "2.": "the stack is empty",
		"cm\nc.": "a line without an end", "c\xff\nc\n.": "not valid UTF-8", "NN\x93.": "None and None as the name", "\x8c\x01mN\x93.": "a str and None as the name", "N\x93.": "the stack is empty",
		"cm\nc\nNR.": "None as the arguments of a call", "N)R.": "a call of None, which is no class", ")R.": "the stack is empty", "cm\nfails\n)R.": "no such function",
		"cm\nc\nN}\x92.": "None as the arguments of a call", "}\x92.": "the stack is empty", ")}\x92.": "the stack is empty", "\x92.": "the stack is empty",
		"cm\nc\n)RNbK\x01bK\x02b.": "state given twice to a call of m.c", "N}b.": "state given to None", "}Nb.": "None as the attributes of a dict", "}b.": "the stack is empty", "b.": "the stack is empty",
		"Q.": "the stack is empty", "P": "a line without an end", "Pbad\n.": "no such id", "\x8c\x03badQ.": "no such id",
		"ccollections\nOrderedDict\n(NtR.": "OrderedDict of None", "ccollections\nOrderedDict\n(]NtR.": "OrderedDict of a list",
		"ccollections\nOrderedDict\n((NltR.": "OrderedDict of None in place of pairs", "ccollections\nOrderedDict\n(((K\x01lltR.": "in place of pairs", "ccollections\nOrderedDict\n(((]NtltR.": "a list as a key",
		strings.Repeat("N", 1<<20+1) + ".": "byte 1048576: more than 1048576 values at a time",
	} {
		_, n, err := pickle.Load([]byte(data), hooks)
		if len(data) > 60 {
			data = data[:60]
		}
		if e := new(pickle.Error); !errors.As(err, &e) || !strings.Contains(err.Error(), says) || n != 0 {
			t.Errorf("%q: %v, %d bytes; want %s", data, err, n, says)
		}
	}
	if _, _, err := pickle.Load([]byte("NQ."), pickle.Hooks{}); err == nil || !strings.Contains(err.Error(), "has nothing it could mean") {
		t.Errorf("a persistent id without a meaning: %v", err)
	}
	if _, _, err := pickle.Load([]byte(strings.Repeat("N", 1<<20)+"0."), hooks); err == nil || !strings.Contains(err.Error(), "STOP with 1048575 values") {
		t.Errorf("as many values as may be: %v", err)
	}
}

// TestDescribe names kinds, and takes ints and sequences.
func TestDescribe(t *testing.T) {
	f := pickle.Global{Module: "m", Name: "f"}
	for want, v := range map[string]any{
		"None": nil, "a bool": true, "an int": int64(1), "a float": 1.5, "a str": "", "bytes": []byte{}, "a tuple": pickle.Tuple{}, "a list": &pickle.List{}, "a set": &pickle.Set{},
		"a dict": &pickle.Dict{}, "the name m.f": f, "a call of m.f": &pickle.Object{Class: f}, "a call of None": &pickle.Object{}, "int32": int32(1),
	} {
		if got := pickle.Describe(v); got != want {
			t.Errorf("%T is %s, want %s", v, got, want)
		}
	}
	for _, v := range []any{pickle.Tuple{"x"}, &pickle.List{Items: []any{"x"}}} {
		if items, err := pickle.Items(v); err != nil || len(items) != 1 || items[0] != "x" {
			t.Errorf("items of %s: %v, %v", show(v), items, err)
		}
	}
	if n, err := pickle.Int(int64(-3)); n != -3 || err != nil {
		t.Error(n, err)
	}
	if _, err := pickle.Int(true); err == nil || err.Error() != "a bool where an int should be" {
		t.Error(err)
	}
	if _, err := pickle.Items(nil); err == nil || err.Error() != "None where a sequence should be" {
		t.Error(err)
	}
	d, _, err := pickle.Load([]byte("}\x8c\x01aK\x01sK\x01Ns."), hooks)
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := d.(*pickle.Dict).Get("a"); !ok || v != int64(1) {
		t.Errorf("a is %v, %t", v, ok)
	}
	if v, ok := d.(*pickle.Dict).Get("b"); ok || v != nil {
		t.Errorf("b is %v, %t", v, ok)
	}
	d.(*pickle.Dict).All(func(k, _ any) bool {
		if k != "a" {
			t.Errorf("key %v after the end", k)
		}
		return false
	})
}
