package judge

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestChoice compares with NumPy 2.4:
//
//	a = np.arange(all); np.random.RandomState(seed % 2**31).shuffle(a); np.sort(a[:n])
func TestChoice(t *testing.T) {
	for _, test := range []struct {
		all, n int
		seed   uint64
		want   []int
	}{
		{10, 4, 0, []int{2, 4, 8, 9}},
		{10, 4, 1 << 31, []int{2, 4, 8, 9}},
		{1000, 5, 7, []int{216, 271, 334, 778, 802}},
	} {
		if got := choose(test.all, test.n, test.seed); !slices.Equal(got, test.want) {
			t.Errorf("%d of %d by seed %d: %v, want %v", test.n, test.all, test.seed, got, test.want)
		}
	}
	var b []byte // 50000 of 70000 by seed 123, as int64
	for _, i := range choose(70_000, 50_000, 123) {
		b = binary.LittleEndian.AppendUint64(b, uint64(i))
	}
	const want = "da911ea7f5144d78ce86f2b2b92d67e09b1f5ba835d1dc7fb6b0afe612e30ee7"
	if got := fmt.Sprintf("%x", sha256.Sum256(b)); got != want {
		t.Errorf("SHA-256 %s, want %s", got, want)
	}
}

func TestChoose(t *testing.T) {
	all := someImages(10, 3, 0)
	m, err := Choose(all, 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n, h, w, c := m.Shape(); n != 4 || h != 4 || w != 5 || c != 3 {
		t.Errorf("(%d,%d,%d,%d)", n, h, w, c)
	}
	if notes := m.Source().Notes; !slices.Equal(notes, []string{"4 of 10 images, chosen by seed 0"}) {
		t.Errorf("%q", notes)
	}
	got, err := m.Read(1, 3)
	if err != nil {
		t.Fatal(err)
	}
	for k, i := range []int{4, 8, 9} {
		if want, _ := all.Read(i, 1); !bytes.Equal(got[60*k:60*k+60], want) {
			t.Errorf("image %d is not %d", k+1, i)
		}
	}
	if same, err := Choose(all, 10, 5); err != nil || same != all {
		t.Errorf("all of them: %v, %v", same, err)
	}
	for n, says := range map[int]string{11: "images-3: 10 images, 11 are wanted", 0: "0 images cannot be chosen"} {
		if _, err := Choose(all, n, 0); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %s", err, says)
		}
	}
}
