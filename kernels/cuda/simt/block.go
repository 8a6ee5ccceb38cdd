package simt

import (
	"strings"
	"time"
)

// cta is a block of threads.
type cta struct {
	p      *Program
	run    *launch
	count  *Counters
	index  [3]int
	number int // in the launch
	warps  []*warp

	firstWarp int32 // the first warp's number in the launch, from 1

	shared        []byte
	sharedState   []uint8
	sharedHistory pages
	epoch         uint32 // of that history
	barriers      [16]barrierState
	late          map[uint64][]*lateArrival // by the mbarrier's place
	scratch       vector                    // an address operand's values
}

// newBlock sets up block number n of a launch, in the memory of one that has ended.
func (r *launch) newBlock(n int) *cta {
	l := &r.l
	c := &cta{p: r.p, run: r, count: r.o.Counters, number: n, firstWarp: int32(n*r.warps) + 1, late: map[uint64][]*lateArrival{}}
	c.index = [3]int{n % l.Grid[0], n / l.Grid[0] % l.Grid[1], n / l.Grid[0] / l.Grid[1]}
	old := &cta{}
	if k := len(r.ended); k > 0 {
		old, r.ended = r.ended[k-1], r.ended[:k-1]
	}
	size := r.p.shared.end()
	if l.Shared > 0 {
		size = r.p.dynamicAt + l.Shared
	}
	c.shared, c.sharedState = zeros(old.shared, size), zeros(old.sharedState, size)
	copy(c.sharedState, r.p.sharedStates)
	if r.o.Races {
		c.sharedHistory, c.epoch = r.mem.history(size), r.mem.newEpoch()
	}
	threads := l.Block[0] * l.Block[1] * l.Block[2]
	for i := range r.warps {
		was := &warp{}
		if len(old.warps) > 0 {
			was = old.warps[i]
		}
		w := &warp{cta: c, number: i, id: c.firstWarp + int32(i), sync: 1, vc: make([]uint32, r.warps)}
		w.regs, w.defined = zeros(was.regs, r.p.registers*lanes), zeros(was.defined, r.p.registers)
		w.alive = uint32(bitsMask(min(lanes, threads-i*lanes)))
		w.began, w.groups = w.alive, []group{{mask: w.alive}}
		w.local, w.args = zeros(was.local, lanes*r.p.localSize), zeros(was.args, lanes*r.p.argSize)
		w.localSet = zeros(was.localSet, len(w.local))
		c.warps = append(c.warps, w)
	}
	return c
}

// end lets later blocks have the memory of one that has ended.
func (c *cta) end() {
	c.run.ended = append(c.run.ended, c)
	if c.run.o.Races {
		c.run.mem.histories = append(c.run.mem.histories, c.sharedHistory)
	}
}

// zeros is n zeros, in the memory of as many others if there is any.
func zeros[T any](old []T, n int) []T {
	if len(old) != n {
		return make([]T, n)
	}
	clear(old)
	return old
}

// advance lets the warps take turns for about so many instructions. It returns how many they ran; done says that the block has ended.
func (c *cta) advance(most int) (ran int, done bool) {
	order := make([]*warp, len(c.warps))
	copy(order, c.warps)
	for ran < most {
		turn := 0
		alive := false
		if r := c.run.random; r != nil {
			r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		for _, w := range order {
			if w.alive == 0 || w.waiting != nil {
				alive = alive || w.alive != 0
				continue
			}
			quantum := 1 << 16
			if r := c.run.random; r != nil {
				quantum = 1 << r.IntN(8)
			}
			turn += w.steps(quantum)
			alive = alive || w.alive != 0
		}
		ran += turn
		if most := c.run.o.MaxTime; most > 0 && time.Since(c.run.began) > most {
			c.busy().fail(-1, "the launch has not ended after %v", most)
		}
		if !alive {
			return ran, true
		}
		if turn == 0 {
			c.deadlock()
		}
	}
	return ran, false
}

// deadlock fails: every warp waits at a barrier that others do not come to.
func (c *cta) deadlock() {
	var places []string
	var first *warp
	for _, w := range c.warps {
		if w.alive != 0 && w.waiting != nil {
			if first == nil {
				first = w
			}
			if len(places) < 8 {
				places = append(places, w.waiting.describe())
			}
		}
	}
	first.at = first.waiting.in
	first.fail(-1, "deadlock: %s", strings.Join(places, "; "))
}
