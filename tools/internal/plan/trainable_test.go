package plan

import (
	"strings"
	"testing"

	"onestep/nn"
)

// TestTrainable has networks that fit, barely do not, and are beyond any machine.
func TestTrainable(t *testing.T) {
	c := nn.SongDefaults()
	c.Resolution, c.InChannels, c.OutChannels, c.ModelChannels = 8, 3, 3, 16
	bytes, err := weightBytes(c, 0)
	if err != nil || bytes < 1<<20 {
		t.Fatalf("%d bytes of weights, %v", bytes, err)
	}
	for _, x := range []struct {
		channels int
		free     int64
		want     string
	}{
		{16, 0, ""}, {16, 5 * bytes, ""}, {16, 5*bytes - 5, "does not fit: "}, {16, 1000, "one layer"}, {1 << 16, 1 << 36, "does not fit: "},
	} {
		c.ModelChannels = x.channels
		err := Trainable(c, Machine{Free: x.free, Limit: "available"})
		if (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) {
			t.Errorf("%d channels, %d bytes free: %v, want %q", x.channels, x.free, err, x.want)
		}
	}
}
