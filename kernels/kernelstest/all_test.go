package kernelstest

import "testing"

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
