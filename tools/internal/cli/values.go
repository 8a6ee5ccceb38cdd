package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The kinds of values. A pointer to a variable of the plain type, converted, is a flag.
type (
	Text  string
	Yes   bool
	Count int
	Seed  uint64
	Real  float64
	Rates []float64 // with commas between
	Seeds []uint64  // with commas between, and ranges: 0-63,100
)

func (v *Text) String() string     { return string(*v) }
func (v *Text) Set(s string) error { *v = Text(s); return nil }

func (v *Yes) String() string     { return strconv.FormatBool(bool(*v)) }
func (v *Yes) IsBoolFlag() bool   { return true }
func (v *Yes) Set(s string) error { return set((*bool)(v), s, strconv.ParseBool, "true or false") }

func (v *Count) String() string     { return strconv.Itoa(int(*v)) }
func (v *Count) Set(s string) error { return set((*int)(v), s, strconv.Atoi, "a whole number") }

func (v *Seed) String() string { return strconv.FormatUint(uint64(*v), 10) }
func (v *Seed) Set(s string) error {
	return set((*uint64)(v), s, parseSeed, "a whole number that is not negative")
}

func (v *Real) String() string     { return strconv.FormatFloat(float64(*v), 'g', -1, 64) }
func (v *Real) Set(s string) error { return set((*float64)(v), s, parseReal, "a number") }

func (v *Rates) String() string {
	var s []string
	for _, r := range *v {
		s = append(s, strconv.FormatFloat(r, 'g', -1, 64))
	}
	return strings.Join(s, ",")
}

func (v *Rates) Set(s string) error {
	*v = nil
	if s == "" {
		return nil
	}
	for part := range strings.SplitSeq(s, ",") {
		r, err := parseReal(part)
		if err != nil {
			return errors.New("want numbers with commas between")
		}
		*v = append(*v, r)
	}
	return nil
}

func (v *Seeds) String() string {
	var s []string
	for i := 0; i < len(*v); {
		k := i + 1
		for k < len(*v) && (*v)[k] == (*v)[k-1]+1 {
			k++
		}
		part := strconv.FormatUint((*v)[i], 10)
		if k > i+1 {
			part += "-" + strconv.FormatUint((*v)[k-1], 10)
		}
		s, i = append(s, part), k
	}
	return strings.Join(s, ",")
}

// MaxSeeds is the most images of one call: it keeps a mistyped range from filling the memory.
const MaxSeeds = 10_000_000

func (v *Seeds) Set(s string) error {
	*v = nil
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		a, err1 := parseSeed(first)
		b, err2 := parseSeed(last)
		switch {
		case err1 != nil || err2 != nil || b < a:
			return errors.New("want numbers and rising ranges with commas between, as 0-63,100")
		case b-a >= uint64(MaxSeeds-len(*v)):
			return fmt.Errorf("more than %d seeds", MaxSeeds)
		}
		for k := a; ; k++ {
			if *v = append(*v, k); k == b {
				break
			}
		}
	}
	return nil
}

func parseReal(s string) (float64, error) { return strconv.ParseFloat(s, 64) }
func parseSeed(s string) (uint64, error)  { return strconv.ParseUint(s, 10, 64) }

// set parses s into dst or says what was wanted.
func set[T any](dst *T, s string, parse func(string) (T, error), want string) error {
	v, err := parse(s)
	if err != nil {
		return errors.New("want " + want)
	}
	*dst = v
	return nil
}
