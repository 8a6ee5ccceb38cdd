package format_test

import (
	"slices"
	"strings"
	"testing"

	"onestep/tensor/format"
)

// TestViews reads tensors that are views of storages, in every arrangement, and the values that lie beside them.
func TestViews(t *testing.T) {
	six := []float32{0, 1, 2, 3, 4, 5}
	whole := store(floats, "0", 6)
	for value, want := range map[string]string{
		dict(str("a"), view(whole, 0, nums(2, 3), nums(3, 1))):                                                                          "a F32 [2 3] [0 1 2 3 4 5]",
		dict(str("a"), view(whole, 0, nums(3, 2), nums(1, 3))):                                                                          "a F32 [3 2] [0 3 1 4 2 5]",
		dict(str("a"), view(whole, 1, nums(2, 2), nums(3, 1))):                                                                          "a F32 [2 2] [1 2 4 5]",
		dict(str("a"), view(whole, 4, nums(2), nums(1))):                                                                                "a F32 [2] [4 5]",
		dict(str("a"), view(whole, 5, nums(3), nums(0))):                                                                                "a F32 [3] [5 5 5]",
		dict(str("a"), view(whole, 2, nums(), nums())):                                                                                  "a F32 [] [2]",
		dict(str("a"), view(whole, 6, nums(0, 2), nums(2, 1))):                                                                          "a F32 [0 2] []",
		dict(str("a"), view(whole, 0, nums(2, 1, 2), nums(1, 9, 3))):                                                                    "a F32 [2 1 2] [0 3 1 4]",
		dict(str("a"), view(whole, 1, nums(1, 2), nums(77, 1))):                                                                         "a F32 [1 2] [1 2]", // the stride of a dimension of 1 does not matter
		dict(str("a"), view(whole, 0, nums(2, 2, 1), nums(1, 2, 1))):                                                                    "a F32 [2 2 1] [0 2 1 3]",
		dict(str("b"), view(whole, 3, nums(1), nums(1)), str("a"), view(whole, 0, nums(1), nums(1))):                                    "b F32 [1] [3]; a F32 [1] [0]",
		list(view(whole, 3, nums(1), nums(1)), num(7), list(str("x"))):                                                                  "0 F32 [1] [3]; 1=7; 2.0=x",
		dict(num(3), view(whole, 3, nums(1), nums(1))):                                                                                  "3 F32 [1] [3]",
		dict(str("p"), calls("torch._utils._rebuild_parameter", view(whole, 3, nums(1), nums(1)), "\x88", "}")):                         "p F32 [1] [3]",
		dict(str("p"), calls("torch._utils._rebuild_parameter_with_state", view(whole, 3, nums(1), nums(1)), "\x88", "}")):              "p F32 [1] [3]",
		dict(str("p"), calls("torch._utils._rebuild_tensor", whole, num(1), nums(1), nums(1))):                                          "p F32 [1] [1]",
		dict(str("p"), view(whole, 3, nums(1), nums(1)), str("s"), calls("torch.Size", nums(4, 5)), str("e"), calls("builtins.set")):    "p F32 [1] [3]; s.0=4; s.1=5",
		dict(str("p"), view(whole, 3, nums(1), nums(1)), str("s"), calls("__builtin__.frozenset", list(num(1))), str("n"), "N"):         "p F32 [1] [3]; n=<nil>",
		dict(str("p"), view(whole, 3, nums(1), nums(1)), str("b"), calls("_codecs.encode", "X\x02\x00\x00\x00\xc3\xbf", str("latin1"))): "p F32 [1] [3]; b=[255]",
	} {
		f, err := format.Read("x", legacyFile(value, six))
		if err != nil {
			t.Errorf("%q: %v, want %s", value, err, want)
			continue
		}
		if got := contents(t, f); got != want || f.Format != "torch (legacy)" {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
	two := dict(str("a"), view(store(floats, "0", 1), 0, nums(1), nums(1)), str("b"), view(store(floats, "1", 2), 0, nums(2), nums(1)))
	f, err := format.Read("x", legacyFile(two, []float32{7}, []float32{8, 9}))
	if err != nil || contents(t, f) != "a F32 [1] [7]; b F32 [2] [8 9]" {
		t.Errorf("two storages: %v", err)
	}
}

// TestViewsRefused: what is no tensor of its storage is refused, by a message that says what is wrong with it.
func TestViewsRefused(t *testing.T) {
	s := store(floats, "0", 2)
	rebuild := func(args ...string) string { return calls("torch._utils._rebuild_tensor_v2", args...) }
	id := func(items ...string) string { return dict(str("a"), tuple(items...)+"Q") }
	for value, says := range map[string]string{
		rebuild(s, num(0), nums(2)):             "a tensor of 3 arguments",
		rebuild("N", num(0), nums(2), nums(1)):  "a tensor of None",
		rebuild(s, "N", nums(2), nums(1)):       "a tensor's offset: None where an int",
		rebuild(s, num(0), "N", nums(1)):        "a tensor's shape: None where a sequence",
		rebuild(s, num(0), tuple("N"), nums(1)): "a tensor's shape: None where an int",
		rebuild(s, num(0), nums(2), "N"):        "a tensor's strides: None where a sequence",
		view(s, 0, nums(2), nums(1, 1)):         "shape [2] with strides [1 1]",
		view(s, -1, nums(2), nums(1)):           "a tensor at offset -1",
		view(s, 0, nums(-1), nums(1)):           "shape [-1] with strides [1]$",
		view(s, 0, nums(2), nums(-1)):           "shape [2] with strides [-1]$",
		view(s, 0, nums(3), nums(1)):            "reaches outside of its storage of 2 elements",
		view(s, 1, nums(2), nums(1)):            "reaches outside of its storage of 2 elements",
		view(s, 0, nums(2), nums(2)):            "reaches outside of its storage of 2 elements",
		view(s, 2, nums(), nums()):              "reaches outside of its storage of 2 elements",
		view(s, 3, nums(0), nums(1)):            "reaches outside of its storage of 2 elements",
		view(s, 0, nums(2000000000, 2000000000, 2), nums(2000000000, 2000000000, 1)):              "is too large",
		view(s, 0, nums(65536, 65536, 65536), nums(0, 0, 0)):                                      "shape [65536 65536 65536] is too large",
		view(s, 0, nums(1000, 1000, 1000), nums(0, 0, 0)):                                         "is larger than the file allows",
		calls("torch._utils._rebuild_parameter"):                                                  "a parameter without a tensor",
		calls("torch._utils._rebuild_parameter", num(1)):                                          "a parameter of an int",
		calls("torch.storage._load_from_bytes", num(1)):                                           "a storage of an int",
		calls("torch.storage._load_from_bytes", "C\x01a"):                                         "a storage within: it does not start with the magic number",
		calls("torch.Size", num(1)):                                                               "an int where a sequence should be",
		calls("builtins.set", num(1)):                                                             "an int where a sequence should be",
		calls("_codecs.encode", num(1)):                                                           "bytes of an int",
		calls("_codecs.encode", "X\x02\x00\x00\x00\xc4\x80"):                                      "bytes with the character 'Ā'",
		dict(str("a"), calls("m.f")):                                                              "a: a call of m.f, which is no weight and is not run (convert --part picks",
		calls("m.f"):                                                                              "x: a call of m.f, which is no weight and is not run",
		dict(str("a"), global("m.f")):                                                             "a: the name m.f where a tensor or a number should be",
		dict("N", num(1)):                                                                         "None as a key",
		dict(str("d"), dict("N", num(1))):                                                         "d: None as a key",
		dict(str("a"), num(1)):                                                                    "a dict without a tensor in it",
		list(weight, dict(str("a.b"), weight, str("a"), dict(str("b"), weight))):                  "1.a.b: two tensors of this name",
		"N" + strings.Repeat("\x85", 66):                                                          "nested too deep, or without end",
		num(1) + "Q":                                                                              "an int as a persistent id",
		id(str("storage"), global(floats), str("0"), str("cpu")):                                  "a tuple as a persistent id",
		id(str("other"), global(floats), str("0"), str("cpu"), num(2)):                            "a tuple as a persistent id",
		id(str("storage"), global("torch.QUInt8Storage"), str("0"), "N", num(2)):                  "the name torch.QUInt8Storage as the type of a storage",
		id(str("storage"), global("m.FloatStorage"), str("0"), "N", num(2)):                       "the name m.FloatStorage as the type of a storage",
		id(str("storage"), str("f"), str("0"), "N", num(2)):                                       "a str as the type of a storage",
		id(str("storage"), global(floats), str(""), "N", num(2)):                                  `storage key "" is not a number`,
		id(str("storage"), global(floats), str("0x"), "N", num(2)):                                `storage key "0x" is not a number`,
		id(str("storage"), global(floats), num(0), "N", num(2)):                                   `storage key "0" is not a number`,
		id(str("storage"), global(floats), str("0"), "N", num(-1)):                                "storage 0 of -1 elements",
		id(str("storage"), global(floats), str("0"), "N", "N"):                                    "storage 0 of <nil> elements",
		id(str("storage"), global(floats), str("0"), "N", "\x8a\x07\x01\x00\x00\x00\x00\x00\x01"): "storage 0 of 281474976710657 elements",
		id(str("storage"), global(floats), str("0"), "N", num(2), tuple(num(1))):                  "storage 0 is a view of another one",
		list(weight, view(store(floats, "0", 3), 0, nums(2), nums(1))):                            "storage 0 is 2 F32 and 3 F32",
		list(weight, view(store("torch.IntStorage", "0", 2), 0, nums(2), nums(1))):                "storage 0 is 2 F32 and 2 I32",
	} {
		f, err := format.Read("x", legacyFile(value, []float32{1, 2}))
		if err == nil || !strings.HasPrefix(err.Error(), "x: ") || !strings.Contains(err.Error()+"$", says) {
			got := ""
			if err == nil {
				got = contents(t, f)
			}
			t.Errorf("%q: %v %s, want %s", value, err, got, says)
		}
	}
}

// TestLegacyRefused: files that are cut off, or whose parts do not fit each other.
func TestLegacyRefused(t *testing.T) {
	value, keys := "\x80\x02"+weight+".", "\x80\x02"+list(str("0"))+"."
	head, storage := string(legacyHead), "\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x3f\x00\x00\x00\x40"
	if f, err := format.Read("x", []byte(head+value+keys+storage)); err != nil || contents(t, f) != " F32 [2] [1 2]" {
		t.Fatalf("the file that is whole: %v", err)
	}
	for data, says := range map[string]string{
		head[:15] + "\x80\x02M\xea\x03.": "version 1002 of the legacy format, 1001 is known",
		head[:15]:                        "version, from byte 15: pickle, byte 0: no STOP",
		head[:15] + "\x80\x02M\xe9\x03.": "machine, from byte 21: pickle, byte 0",
		head[:15] + "\x80\x02M\xe9\x03." + "\x80\x02" + dict(str("little_endian"), "\x89") + ".": "written on a big-endian machine",
		head:                                     "object, from byte 25",
		head + value:                             "storage keys, from byte",
		head + value + "\x80\x02N.":              "storage keys: None where a sequence should be",
		head + value + "\x80\x02" + list() + ".": "storage 0 is missing",
		head + value + "\x80\x02" + list(str("1")) + "." + storage:           `storage "1" is not used, or given twice`,
		head + value + "\x80\x02" + list(num(0)) + "." + storage:             `storage "0" is not used, or given twice`,
		head + value + "\x80\x02" + list(str("0"), str("0")) + "." + storage: `storage "0" is not used, or given twice`,
		head + value + keys + storage[:7]:                                    "storage 0: the file ends before its length",
		head + value + keys + storage[:15]:                                   "storage 0: 2 elements of 4 bytes, 7 bytes are left",
		head + value + keys + "\x01" + storage[1:]:                           "storage 0: 1 elements, the object says 2",
	} {
		if _, err := format.Read("x", []byte(data)); err == nil || !strings.HasPrefix(err.Error(), "x: "+says) {
			t.Errorf("%q: %v, want %s", data, err, says)
		}
	}
	little := head[:15] + "\x80\x02M\xe9\x03." + "\x80\x02" + dict(str("little_endian"), "\x88") + "."
	module := "\x80\x02" + tuple(tuple(str("module"), str("class"), str("f.py"), str("text"))+"Q", weight) + "."
	if f, err := format.Read("x", []byte(little+module+keys+storage)); err != nil || contents(t, f) != "1 F32 [2] [1 2]; 0=class" {
		t.Errorf("a file with the source of a class: %v", err)
	}
	inner := legacyFile(store(floats, "0", 2), []float32{5, 6})
	within := calls("torch.storage._load_from_bytes", "C"+string([]byte{byte(len(inner))})+string(inner))
	bare := "\x80\x02" + dict(str("a"), view(within, 0, nums(2), nums(1))) + "."
	if f, err := format.Read("x", []byte(bare)); err != nil || contents(t, f) != "a F32 [2] [5 6]" || f.Format != "pickle" {
		t.Errorf("a storage within a pickle: %v", err)
	}
	none := string(legacyFile("N"))
	for data, says := range map[string]string{
		bare + "\n": "1 bytes after the pickle's end", "\x80\x02N.": "a pickle of None, not of a dictionary with a network", "": "the file is empty",
		"\x80\x02" + dict(str("a"), calls("torch.storage._load_from_bytes", "C"+string([]byte{byte(len(none))})+none)) + ".": "pickle, byte 77: None where a storage should be",
	} {
		if _, err := format.Read("x", []byte(data)); err == nil || !strings.HasPrefix(err.Error(), "x: "+says) {
			t.Errorf("%q: %v, want %s", data, err, says)
		}
	}
}

// module is a torch module's state.
func module(parts ...string) string { return object("m.Net", dict(parts...)) }

// TestModules reads whole modules as their state_dict() would be: parameters, buffers that are kept, the modules within; and EDM's networks with
// the configuration of their constructors.
func TestModules(t *testing.T) {
	v := func(offset int32) string { return view(store(floats, "0", 4), offset, nums(1), nums(1)) }
	inner := module(str("_parameters"), dict(str("w"), v(2)))
	net := module(
		str("_modules"), dict(str("sub"), inner, str("gone"), "N"),
		str("_buffers"), dict(str("kept"), v(1), str("dropped"), v(3)),
		str("_non_persistent_buffers_set"), set(str("dropped"), num(1)),
		str("_parameters"), dict(str("bias"), "N", str("w"), v(0)), str("training"), "\x88")
	f, err := format.Read("x", legacyFile(net, []float32{10, 11, 12, 13}))
	if err != nil || contents(t, f) != "w F32 [1] [10]; kept F32 [1] [11]; sub.w F32 [1] [12]" || f.Metadata[format.ConfigKey] != "" {
		t.Errorf("a module: %v", err)
	}
	for value, says := range map[string]string{
		module(str("_parameters"), "N"): "None as _parameters",
		module(str("_parameters"), "}", str("_modules"), dict(str("a"), module(str("_parameters"), "}", str("_buffers"), num(1)))): "a: an int as _buffers",
		module(str("_parameters"), dict(num(1), v(0))): "an int as a key of _parameters",
		module(str("_buffers"), dict(str("b"), v(0))):  "a call of m.Net, which is no weight",
		object("m.Net", "N"):                           "a call of m.Net, which is no weight",
	} {
		if _, err := format.Read("x", legacyFile(value, []float32{10, 11, 12, 13})); err == nil || !strings.HasPrefix(err.Error(), "x: "+says) {
			t.Errorf("%q: %v, want %s", value, err, says)
		}
	}
	edm := func(class, kwargs string) string {
		state := dict(str("_parameters"), dict(str("w"), v(0)), str("_init_kwargs"), kwargs)
		return calls("torch_utils.persistence._reconstruct_persistent_obj", dict(str("class_name"), class, str("state"), state))
	}
	for value, want := range map[string]string{
		edm(str("EDMPrecond"), dict(str("model_type"), str("SongUNet"), str("img_channels"), num(3), str("a"), list(num(1), "N", "\x88", "G\x3f\xf8\x00\x00\x00\x00\x00\x00", "G\x7f\xf0\x00\x00\x00\x00\x00\x00"), num(1), num(2))): `{"a":[1,null,true,1.5,null],"class":"EDMPrecond","img_channels":3,"in_channels":3,"model_type":"SongUNet","out_channels":3}`,
		edm(str("DhariwalUNet"), dict(str("img_resolution"), num(8))):                                             `{"class":"DhariwalUNet","img_resolution":8,"model_type":"DhariwalUNet"}`,
		edm(str("SongUNet"), dict(str("d"), dict(str("e"), "N"), str("img_resolution"), num(8))):                  `{"class":"SongUNet","d":{"e":null},"img_resolution":8,"model_type":"SongUNet"}`,
		edm(str("SongUNet"), dict(str("img_resolution"), num(8), str("deep"), num(5)+strings.Repeat("\x85", 70))): `{"class":"SongUNet","deep":` + strings.Repeat("[", 64) + "null" + strings.Repeat("]", 64) + `,"img_resolution":8,"model_type":"SongUNet"}`,
		edm(str("Other"), "}"):    "",
		edm(str("SongUNet"), "N"): "",
		module(str("_parameters"), dict(str("w"), v(0)), str("_init_kwargs"), "}"): "",
	} {
		f, err := format.Read("x", legacyFile(value, []float32{10, 11, 12, 13}))
		if err != nil || contents(t, f) != "w F32 [1] [10]" || f.Metadata[format.ConfigKey] != want {
			t.Errorf("%q: %v, want %s", value, err, want)
		}
	}
}

// TestTyped reads tensors whose storage is of bytes, which say their type themselves.
func TestTyped(t *testing.T) {
	bytesOf := func(n int32) string { return store("torch.storage.UntypedStorage", "0", n) }
	typed := func(args ...string) string { return calls("torch._utils._rebuild_tensor_v3", args...) }
	u16 := typed(bytesOf(8), num(1), nums(3), nums(1), "\x89", "}", global("torch.uint16"))
	f, err := format.Read("x", slices.Concat(legacyHead, []byte("\x80\x02"+u16+".\x80\x02"+list(str("0"))+".\x08\x00\x00\x00\x00\x00\x00\x00\x01\x00\x02\x00\x03\x01\xff\xff")))
	if err != nil || contents(t, f) != " U16 [3] [2 259 65535]" {
		t.Errorf("%v", err)
	}
	for says, value := range map[string]string{
		"a tensor of 6 arguments":                                        typed(bytesOf(8), num(1), nums(3), nums(1), "\x89", "}"),
		"a tensor of None of type the name torch.uint16":                 typed("N", num(1), nums(3), nums(1), "\x89", "}", global("torch.uint16")),
		"of type None":                                                   typed(bytesOf(8), num(1), nums(3), nums(1), "\x89", "}", "N"),
		"a tensor of type torch.float8_e5m2, which is not read":          typed(bytesOf(8), num(1), nums(3), nums(1), "\x89", "}", global("torch.float8_e5m2")),
		"a storage of 7 U8 for a tensor of type torch.uint16":            typed(bytesOf(7), num(1), nums(2), nums(1), "\x89", "}", global("torch.uint16")),
		"a storage of 8 F32 for a tensor of type torch.uint16":           typed(store(floats, "0", 8), num(1), nums(2), nums(1), "\x89", "}", global("torch.uint16")),
		"reaches outside of its storage of 4 elements":                   typed(bytesOf(8), num(1), nums(4), nums(1), "\x89", "}", global("torch.uint16")),
		"a view whose negation was put off (conj), which is not read: s": calls("torch._utils._rebuild_tensor_v2", store(floats, "0", 8), num(0), nums(2), nums(1), "\x89", "}", dict(str("conj"), "\x88")),
	} {
		if _, err := format.Read("x", legacyFile(value, make([]float32, 8))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
	plain := calls("torch._utils._rebuild_tensor_v2", store(floats, "0", 2), num(0), nums(2), nums(1), "\x89", "}", dict(str("neg"), "\x89"))
	if f, err := format.Read("x", legacyFile(plain, []float32{1, 2})); err != nil || contents(t, f) != " F32 [2] [1 2]" {
		t.Errorf("%v", err)
	}
}

// TestBooleans: a boolean is 0 or 1.
func TestBooleans(t *testing.T) {
	read := func(data string) (*format.File, error) {
		value := dict(str("b"), view(store("torch.BoolStorage", "0", 2), 0, nums(2), nums(1)))
		return format.Read("x", slices.Concat(legacyHead, []byte("\x80\x02"+value+".\x80\x02"+list(str("0"))+".\x02\x00\x00\x00\x00\x00\x00\x00"+data)))
	}
	if f, err := read("\x01\x00"); err != nil || contents(t, f) != "b BOOL [2] [1 0]" {
		t.Error(err)
	}
	if _, err := read("\x01\x02"); err == nil || !strings.HasPrefix(err.Error(), "x: b: ") {
		t.Error(err)
	}
}

// TestShared: parts that values share are walked as often as they occur, but not a million times.
func TestShared(t *testing.T) {
	doubled := func(value string, levels int) []byte {
		return legacyFile(value+strings.Repeat("2\x86", levels), []float32{1, 2}) // twice, in a tuple, and so on
	}
	if f, err := format.Read("x", doubled(weight, 2)); err != nil || contents(t, f) != "0.0 F32 [2] [1 2]; 0.1 F32 [2] [1 2]; 1.0 F32 [2] [1 2]; 1.1 F32 [2] [1 2]" {
		t.Error(err)
	}
	if _, err := format.Read("x", doubled(")", 20)); err == nil || !strings.Contains(err.Error(), "nested too deep, or without end") {
		t.Error(err)
	}
}
