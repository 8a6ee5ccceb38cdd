package tensor

import "testing"

// TestInputWords: inputs begin at multiples of 256 bytes, without room in between that none needs.
func TestInputWords(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 64, 63: 64, 64: 64, 65: 128, 128: 128, 129: 192} {
		if got := inputWords(n); got != want {
			t.Errorf("%d words take %d, want %d", n, got, want)
		}
	}
}
