package simt

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestMMABytes holds the products of bytes to plain loops, over the fragments that the PTX ISA draws: lane 4g+t has of A row g (g+8 in odd
// registers), four columns from 4t (and 16 on in the third and fourth), of B the same of its columns.
func TestMMABytes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		spelling string
		m, k     int
		sa, sb   bool
		sat      bool
	}{
		{"m8n8k16.row.col.s32.s8.s8.s32", 8, 16, true, true, false},
		{"m8n8k16.row.col.s32.u8.s8.s32", 8, 16, false, true, false},
		{"m16n8k16.row.col.s32.s8.u8.s32", 16, 16, true, false, false},
		{"m16n8k32.row.col.s32.s8.s8.s32", 16, 32, true, true, false},
		{"m16n8k32.row.col.satfinite.s32.u8.u8.s32", 16, 32, false, false, true},
	} {
		var a [16][32]byte
		var b [32][8]byte
		var want [16][8]int64
		value := func(x byte, s bool) int64 {
			if s {
				return int64(int8(x))
			}
			return int64(x)
		}
		for i := range a {
			for j := range a[i] {
				a[i][j] = byte(random.Uint32())
			}
		}
		for i := range b {
			for j := range b[i] {
				b[i][j] = byte(random.Uint32())
			}
		}
		na, nb, nc := c.m*c.k/128, 8*c.k/128, c.m*8/32
		inputs := make([][lanes]uint32, nc+na+nb) // C first: results begin at r1
		for l := range lanes {
			g, q := l/4, l%4
			for r := range nc {
				x := int32(random.Uint32() >> 8)
				if c.sat && r == 0 {
					x = 1<<31 - 1
				}
				inputs[r][l] = uint32(x)
				want[g+r/2*8][2*q+r%2] = int64(x)
			}
			for i := range 4 {
				for r := range na {
					inputs[nc+r][l] |= uint32(a[g+r%2*8][4*q+i+r/2*16]) << (8 * i)
				}
				for r := range nb {
					inputs[nc+na+r][l] |= uint32(b[4*q+i+16*r][g]) << (8 * i)
				}
			}
		}
		for i := range c.m {
			for j := range 8 {
				for k := range c.k {
					want[i][j] += value(a[i][k], c.sa) * value(b[k][j], c.sb)
				}
			}
		}
		got := warpRun(t, "mma.sync.aligned."+c.spelling+" "+registers(1, nc)+", "+registers(1+nc, na)+", "+registers(1+nc+na, nb)+", "+registers(1, nc)+";", inputs, nc)
		for l := range lanes {
			for r := range nc {
				w := want[l/4+r/2*8][2*(l%4)+r%2]
				if c.sat {
					w = min(w, 1<<31-1)
				}
				if int32(got[r][l]) != int32(w) {
					t.Fatalf("%s: lane %d register %d is %d, want %d", c.spelling, l, r, int32(got[r][l]), int32(w))
				}
			}
		}
	}
}

// registers writes n registers in braces.
func registers(from, n int) string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("r%d", from+i))
	}
	return "{" + strings.Join(names, ",") + "}"
}
