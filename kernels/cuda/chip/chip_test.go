package chip

import "testing"

// TestOccupancy has kernels whose occupancy follows by hand from the limits.
func TestOccupancy(t *testing.T) {
	for _, c := range []struct {
		threads, registers, shared int
		want                       Occupancy
	}{
		{256, 32, 0, Occupancy{8, 64, "warps"}},                // 64 warps, all registers
		{256, 33, 0, Occupancy{6, 48, "registers"}},            // 40 a thread in units of 8: 51 warps, 48 in fours
		{256, 128, 0, Occupancy{2, 16, "registers"}},           // 16 warps
		{256, 255, 0, Occupancy{1, 8, "registers"}},            // 8 warps
		{128, 128, 96 << 10, Occupancy{1, 4, "shared memory"}}, // 97 KB of 164
		{128, 128, 72 << 10, Occupancy{2, 8, "shared memory"}}, // 73 KB each
		{32, 16, 0, Occupancy{32, 32, "blocks"}},               //
		{128, 32, 200 << 10, Occupancy{0, 0, "shared memory"}}, // more than a block can have
		{1024, 64, 0, Occupancy{1, 32, "registers"}},           //
	} {
		if got := A100.Occupancy(c.threads, c.registers, c.shared); got != c.want {
			t.Errorf("%d threads, %d registers, %d bytes: %+v, want %+v", c.threads, c.registers, c.shared, got, c.want)
		}
	}
}
