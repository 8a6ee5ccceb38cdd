package kernelstest

import (
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
	turn := int(time.Now().Unix() / (24 * 60 * 60))
	if s := os.Getenv("ONESTEP_TURN"); s != "" {
		var err error
		if turn, err = strconv.Atoi(s); err != nil || turn < 0 {
			t.Fatalf("ONESTEP_TURN=%q is no number of a turn", s)
		}
	}
	if (i+turn)%n != 0 {
		return false
	}
	t.Logf("ONESTEP_TURN=%d: case %d of the rotation", turn, i)
	return true
}
