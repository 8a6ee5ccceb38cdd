package simt

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// form is an instruction, or a few, with what it computes. Registers x1, x2 and x3 hold the inputs and x0 the result, where x is the letter of a
// kind of register: h, r, d, f or e.
type form struct {
	code string
	want func(a, b, c uint64) uint64
}

var operandNames = regexp.MustCompile(`\b([hrdfe])([0-3])\b`)

// sizes are the bytes of kinds of registers.
var sizes = map[string]int{"h": 2, "r": 4, "d": 8, "f": 4, "e": 8}

// check runs a form on samples, and compares with what is wanted.
func (f form) check(t *testing.T, samples [][3]uint64) {
	t.Helper()
	if testing.Short() && len(samples) > 500 {
		var some [][3]uint64
		for i := 0; i < len(samples); i += 3 {
			some = append(some, samples[i])
		}
		samples = some
	}
	got := f.run(t, samples)
	bad := 0
	for i, s := range samples {
		if want := f.want(s[0], s[1], s[2]); got[i] != want {
			t.Errorf("%s of %#x, %#x, %#x is %#x, want %#x", f.code, s[0], s[1], s[2], got[i], want)
			if bad++; bad == 3 {
				return
			}
		}
	}
}

// run is the results of a form, a thread each; the last block's spare threads repeat the first sample.
func (f form) run(t *testing.T, samples [][3]uint64) []uint64 {
	t.Helper()
	mem := NewMemory()
	n := (len(samples) + lanes - 1) / lanes * lanes
	in := make([]uint32, 0, 6*n)
	for i := range n {
		s := samples[0]
		if i < len(samples) {
			s = samples[i]
		}
		for _, x := range s {
			in = append(in, uint32(x), uint32(x>>32))
		}
	}
	from, to := words(t, mem, in), words(t, mem, make([]uint32, 2*n))
	var b strings.Builder
	b.WriteString("mov.u32 r30, %tid.x; mov.u32 r31, %ctaid.x; mad.lo.u32 r30, r31, 32, r30; ld.param.u64 d30, [in]; ld.param.u64 d31, [out];\n")
	b.WriteString("mad.wide.u32 d30, r30, 24, d30; mad.wide.u32 d31, r30, 8, d31;\n")
	var seen []string
	store := ""
	for _, m := range operandNames.FindAllStringSubmatch(f.code, -1) {
		switch {
		case slices.Contains(seen, m[0]):
		case m[2] == "0":
			store = fmt.Sprintf("st.global.b%d [d31], %s;", 8*sizes[m[1]], m[0])
		default:
			fmt.Fprintf(&b, "ld.global.b%d %s, [d30+%d];\n", 8*sizes[m[1]], m[0], 8*(int(m[2][0]-'0')-1))
		}
		seen = append(seen, m[0])
	}
	p := program(t, mem, b.String()+f.code+"\n"+store)
	if err := p.Run(mem, Launch{Grid: [3]int{n / lanes, 1, 1}, Block: [3]int{lanes, 1, 1}, Params: params(from, to, n)}, Strict); err != nil {
		t.Fatalf("%s: %v", f.code, err)
	}
	raw := make([]byte, 8*n)
	if err := mem.Read(raw, to); err != nil {
		t.Fatal(err)
	}
	out := make([]uint64, len(samples))
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return out
}

// samples are triples of special values, each with each, and of random ones.
func samples(special []uint64, random func(*rand.Rand) uint64, n int) [][3]uint64 {
	var list [][3]uint64
	r := rand.New(rand.NewPCG(7, uint64(len(special))))
	for _, a := range special {
		for _, b := range special {
			list = append(list, [3]uint64{a, b, special[r.IntN(len(special))]})
		}
	}
	for range n {
		s := [3]uint64{random(r), random(r), random(r)}
		if k := r.IntN(9); k < 3 {
			s[k] = special[r.IntN(len(special))]
		}
		list = append(list, s)
	}
	return list
}

// integers are samples of n-bit integers.
func integers(n int) [][3]uint64 {
	cut := bitsMask(n)
	special := []uint64{0, 1, 2, 3, 7, uint64(n) - 1, uint64(n), uint64(n) + 1, 255, cut, cut - 1, cut >> 1, cut>>1 + 1, cut>>1 + 2, cut >> (n / 2), cut>>(n/2) + 1}
	return samples(special, func(r *rand.Rand) uint64 { return r.Uint64() & cut >> r.IntN(n) }, 300)
}
