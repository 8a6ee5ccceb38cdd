package conformance

import (
	"encoding/json"
	"fmt"
	"math"
)

// Compare says when two elements are the same.
type Compare struct {
	Mode       string  `json:"mode"`        // exact: the bits agree. close: |got − want| ≤ abs + rel·|want|
	NaN        string  `json:"nan"`         // any: every NaN is every other
	SignedZero string  `json:"signed_zero"` // any: +0 is −0
	Abs        float64 `json:"abs"`
	Rel        float64 `json:"rel"`
}

func (c Compare) check() error {
	switch {
	case c.Mode != "exact" && c.Mode != "close":
		return fmt.Errorf("compare wants mode exact or close, not %q", c.Mode)
	case c.NaN != "" && c.NaN != "any" && c.NaN != "exact", c.SignedZero != "" && c.SignedZero != "any" && c.SignedZero != "exact":
		return fmt.Errorf("compare: nan is %q, signed_zero %q; want any", c.NaN, c.SignedZero)
	case c.Abs < 0 || c.Rel < 0:
		return fmt.Errorf("compare: abs %v, rel %v", c.Abs, c.Rel)
	}
	return nil
}

// same compares two elements by their bits.
func (c Compare) same(t DType, got, want uint64) bool {
	if got == want {
		return true
	}
	if t.float() {
		g, w := t.value(got), t.value(want)
		switch {
		case g != g || w != w:
			return g != g && w != w && (c.NaN == "any" || c.Mode == "close")
		case g == 0 && w == 0:
			return c.SignedZero == "any" || c.Mode == "close"
		}
	}
	if c.Mode != "close" {
		return false
	}
	g, w := t.value(got), t.value(want)
	return math.Abs(g-w) <= c.Abs+c.Rel*math.Abs(w)
}

// Range is the elements From ≤ i < To, with a comparison of their own.
type Range struct {
	From, To int
	Compare
}

// UnmarshalJSON reads a range, whose bounds are from and to, start and end, or lo and hi; the comparison may be a field of its own.
func (r *Range) UnmarshalJSON(text []byte) error {
	var f struct {
		From, Start, Lo, Begin *int
		To, End, Hi, Stop      *int
		Range                  []int
		Count                  *int
		Compare                json.RawMessage
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return err
	}
	if len(f.Range) == 2 {
		f.From, f.To = &f.Range[0], &f.Range[1]
	}
	first := func(list ...*int) *int {
		for _, p := range list {
			if p != nil {
				return p
			}
		}
		return nil
	}
	from, to := first(f.From, f.Start, f.Lo, f.Begin), first(f.To, f.End, f.Hi, f.Stop)
	if from != nil && to == nil && f.Count != nil {
		end := *from + *f.Count
		to = &end
	}
	if from == nil || to == nil {
		return fmt.Errorf("a range wants from and to: %s", text)
	}
	r.From, r.To = *from, *to
	if f.Compare != nil {
		text = f.Compare
	}
	return json.Unmarshal(text, &r.Compare)
}

// Mismatch is the first element of a buffer that is not as it must be.
type Mismatch struct {
	Buffer    string
	Index     int
	Got, Want string
	Count     int // of such elements
}

func (m *Mismatch) Error() string {
	return fmt.Sprintf("%s, %d, %s, %s (%d differ)", m.Buffer, m.Index, m.Got, m.Want, m.Count)
}

// compare holds what a buffer has to what it must have.
func (b *Buffer) compare(name string, got, want []byte) error {
	size := b.DType.Size()
	var first *Mismatch
	for i := range b.Count {
		how := Compare{Mode: "exact"}
		if b.Expect != nil {
			how = b.Expect.at(i)
		}
		g, w := b.DType.bits(got[i*size:]), b.DType.bits(want[i*size:])
		if how.same(b.DType, g, w) {
			continue
		}
		if first == nil {
			first = &Mismatch{Buffer: name, Index: i, Got: b.DType.text(g), Want: b.DType.text(w)}
		}
		first.Count++
	}
	if first != nil {
		return first
	}
	return nil
}

// at is how an element is compared.
func (e *Expect) at(i int) Compare {
	for _, r := range e.Ranges {
		if r.From <= i && i < r.To {
			return r.Compare
		}
	}
	return e.Compare
}
