package kernelstest

import (
	"fmt"
	"slices"
	"testing"
)

// TestTurn has each case of a sweep run in exactly one turn of three, and with ONESTEP_TESTS=all in every one.
func TestTurn(t *testing.T) {
	count := func() (runs [7]int) {
		for turn := range 3 {
			t.Setenv("ONESTEP_TURN", string(rune('4'+turn)))
			for i := range runs {
				if Turn(t, i, 3) {
					runs[i]++
				}
			}
		}
		return runs
	}
	t.Setenv("ONESTEP_TESTS", "")
	if got := count(); got != [7]int{1, 1, 1, 1, 1, 1, 1} || All() {
		t.Errorf("cases run %v times in three turns, all=%v", got, All())
	}
	t.Setenv("ONESTEP_TESTS", "all")
	if got := count(); !testing.Short() && (got != [7]int{3, 3, 3, 3, 3, 3, 3} || !All()) {
		t.Errorf("with ONESTEP_TESTS=all cases run %v times in three turns, all=%v", got, All())
	}
}

// TestChosen has every trial in one turn of three, the first three in each, and all with ONESTEP_TESTS=all.
func TestChosen(t *testing.T) {
	t.Setenv("ONESTEP_TESTS", "")
	for trials, want := range map[int][]int{1: {3}, 4: {3, 3, 3, 1}, 9: {3, 3, 3, 1, 1, 1, 1, 1, 1}} {
		runs := make([]int, trials)
		for turn := range 3 {
			t.Setenv("ONESTEP_TURN", fmt.Sprint(100+turn))
			for _, i := range chosen(trials) {
				runs[i]++
			}
		}
		if testing.Short() {
			want = append(slices.Repeat([]int{3}, min(2, trials)), make([]int, max(0, trials-2))...)
		}
		if !slices.Equal(runs, want) {
			t.Errorf("of %d trials each runs %v times in three turns, want %v", trials, runs, want)
		}
	}
	t.Setenv("ONESTEP_TESTS", "all")
	if n := len(chosen(9)); n != 9 && !testing.Short() {
		t.Errorf("with ONESTEP_TESTS=all %d of 9 trials run", n)
	}
}
