package tensor

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// TestDigest spells out each form, which are in files that others have kept.
func TestDigest(t *testing.T) {
	b, a := F32Tensor("b", []float32{1, -2, 0.5, 3}, 2, 2), Named{Name: "a", DType: "F16", Shape: []int{}, Data: []byte{0, 60}}
	for form, text := range map[DigestForm]string{
		OrderedValues:    "b" + string(b.Data) + "a" + string(a.Data),
		Listing:          fmt.Sprintf("a F16  %x\nb F32 2x2 %x\n", sha256.Sum256(a.Data), sha256.Sum256(b.Data)),
		BracketedListing: fmt.Sprintf("a F16 [] %x\nb F32 [2 2] %x\n", sha256.Sum256(a.Data), sha256.Sum256(b.Data)),
	} {
		d := NewDigest(form)
		first, second := d.Add(b), d.Add(a)
		if form != OrderedValues && (first != fmt.Sprintf("%x", sha256.Sum256(b.Data)) || second != fmt.Sprintf("%x", sha256.Sum256(a.Data))) {
			t.Errorf("form %d: hashes %s and %s", form, first, second)
		}
		if got, want := d.Sum(), fmt.Sprintf("%x", sha256.Sum256([]byte(text))); got != want {
			t.Errorf("form %d: %s, want that of %q, %s", form, got, text, want)
		}
	}
}
