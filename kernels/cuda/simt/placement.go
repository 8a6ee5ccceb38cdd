package simt

import "fmt"

// placement places the variables of a space one after the other, as an assembler does, but apart from each other, so that what reaches from one
// into the next is seen.
type placement struct {
	apart int // bytes between two
	size  int // without what lies between: what a kernel declares
	shift int // of all bytes between so far, a multiple of apart
	spans []span
}

// span is where a variable lies.
type span struct {
	lo, hi int
	name   string
}

func roundUp(n, align int) int { return (n + max(align, 1) - 1) / max(align, 1) * max(align, 1) }

// next is where a variable of this alignment would lie.
func (l *placement) next(align int) int {
	if len(l.spans) > 0 {
		return roundUp(l.size, align) + roundUp(l.shift+l.apart, max(align, l.apart))
	}
	return 0
}

// add places a variable.
func (l *placement) add(name string, size, align int) int {
	at := l.next(align)
	l.size = roundUp(l.size, align)
	l.shift = at - l.size
	l.size += size
	l.spans = append(l.spans, span{at, at + size, name})
	return at
}

// end is where the last variable ends.
func (l *placement) end() int { return l.size + l.shift }

// states are the bytes' first states, to the place where something else begins.
func (l *placement) states(end int) []uint8 {
	state := make([]uint8, end)
	for i := range state {
		state[i] = outside
	}
	for _, s := range l.spans {
		clear(state[s.lo:s.hi])
	}
	return state
}

// holds says whether n bytes lie in one variable.
func (l *placement) holds(addr, n uint64) bool {
	for _, s := range l.spans {
		if addr >= uint64(s.lo) && within(addr, n, uint64(s.hi)) {
			return true
		}
	}
	return false
}

// nearest describes where an address that is in no variable lies.
func (l *placement) nearest(addr uint64) string {
	for i := len(l.spans) - 1; i >= 0; i-- {
		switch s := l.spans[i]; {
		case addr >= uint64(s.hi):
			return fmt.Sprintf("%d bytes after the end of %s of %d", addr-uint64(s.hi), s.name, s.hi-s.lo)
		case addr >= uint64(s.lo):
			return fmt.Sprintf("%d bytes before the end of %s of %d", uint64(s.hi)-addr, s.name, s.hi-s.lo)
		}
	}
	return "no variable"
}

// within says whether n bytes from an address on end in a space of so many bytes. The address may be any number.
func within(addr, n, size uint64) bool { return addr <= size && n <= size-addr }
