package judge

import (
	"fmt"
	"slices"
)

// Choose is n of the images, in their order, and the same as EDM's fid.py chooses by --num and --seed. Fewer images than n are an error, and exactly
// n are all of them.
func Choose(images Images, n int, seed uint64) (Images, error) {
	all, h, w, c := images.Shape()
	switch s := images.Source(); {
	case n < 1:
		return nil, fmt.Errorf("%d images cannot be chosen", n)
	case n > all:
		return nil, fmt.Errorf("%s: %d images, %d are wanted", s.Path, all, n)
	case n == all:
		return images, nil
	default:
		s.Notes = append(slices.Clone(s.Notes), fmt.Sprintf("%d of %d images, chosen by seed %d", n, all, seed))
		return &chosen{Images: images, source: s, indices: choose(all, n, seed), size: h * w * c}, nil
	}
}

type chosen struct {
	Images
	source  Source
	indices []int
	size    int
	last    []byte
}

func (s *chosen) Shape() (n, h, w, c int) {
	_, h, w, c = s.Images.Shape()
	return len(s.indices), h, w, c
}

func (s *chosen) Source() Source { return s.source }

func (s *chosen) Read(first, count int) ([]byte, error) {
	s.last = s.last[:0]
	for _, i := range s.indices[first : first+count] {
		x, err := s.Images.Read(i, 1)
		if err != nil {
			return nil, err
		}
		s.last = append(s.last, x...)
	}
	return s.last, nil
}

// choose is the first n of a shuffle of 0 … all−1, sorted, as by NumPy:
//
//	np.sort(np.random.RandomState(seed % 2³¹).permutation(all)[:n])
func choose(all, n int, seed uint64) []int {
	r, indices := newTwister(uint32(seed%(1<<31))), make([]int, all)
	for i := range indices {
		indices[i] = i
	}
	for i := all - 1; i > 0; i-- {
		j := r.below(uint32(i))
		indices[i], indices[j] = indices[j], indices[i]
	}
	indices = indices[:n:n]
	slices.Sort(indices)
	return indices
}

// twister is the generator of random bits MT19937 [matsumoto98].
type twister struct {
	state [624]uint32
	next  int
}

func newTwister(seed uint32) *twister {
	t := &twister{next: 624}
	for i := range t.state {
		t.state[i] = seed
		seed = 1812433253*(seed^seed>>30) + uint32(i) + 1
	}
	return t
}

func (t *twister) uint32() uint32 {
	if t.next == len(t.state) {
		for i := range t.state {
			y := t.state[i]&(1<<31) | t.state[(i+1)%624]&(1<<31-1)
			t.state[i] = t.state[(i+397)%624] ^ y>>1 ^ (y&1)*0x9908b0df
		}
		t.next = 0
	}
	y := t.state[t.next]
	t.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// below draws from 0 … most: numbers of as many bits, until one is not larger.
func (t *twister) below(most uint32) uint32 {
	mask := most
	for shift := 1; shift < 32; shift *= 2 {
		mask |= mask >> shift
	}
	for {
		if x := t.uint32() & mask; x <= most {
			return x
		}
	}
}
