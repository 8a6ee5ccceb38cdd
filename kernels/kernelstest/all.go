package kernelstest

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// All says that tests are to run all they have: ONESTEP_TESTS=all, as .ci/run sets it. Without it the long searches (every schedule, every tile,
// full networks on the interpreter) run a part. With -short it is false.
func All() bool { return os.Getenv("ONESTEP_TESTS") == "all" && !testing.Short() }

// Turn says whether case i of a sweep runs this time: one in n, in rotation, or with [All] each. The rotation is by the day, or by the number in
// ONESTEP_TURN, which the test's log tells, so that a failure can be had again.
func Turn(t testing.TB, i, n int) bool {
	t.Helper()
	if All() {
		return true
	}
	turn := turn()
	if (i+turn)%n != 0 {
		return false
	}
	t.Logf("case %d of the sweep: %s=%d", i, turnEnv, turn)
	return true
}

const turnEnv = "ONESTEP_TURN"

// turn is the number of this run in all rotations. It panics if the environment has no number there.
func turn() int {
	s := os.Getenv(turnEnv)
	if s == "" {
		return int(time.Now().Unix() / (24 * 60 * 60))
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		panic(fmt.Errorf("%s=%q is not the number of a turn", turnEnv, s))
	}
	return n
}

// chosen lists which of so many trials run: with [All] each; with -short the first two; else the first three, whose sizes are special, and a third of
// the others, in rotation.
func chosen(trials int) (list []int) {
	turn := turn()
	for i := range trials {
		switch {
		case All(), testing.Short() && i < 2, !testing.Short() && (i < 3 || (i+turn)%3 == 0):
			list = append(list, i)
		}
	}
	return list
}
