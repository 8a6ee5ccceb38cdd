package tfevents

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// golden was written by the Python package tensorboard 2.21.0: its protocol buffers and its RecordWriter.
const golden = "testdata/tensorboard.tfevents"

func goldenEvents(t *testing.T) ([]byte, []Event) {
	t.Helper()
	file, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	events, err := Read(golden)
	if err != nil {
		t.Fatal(err)
	}
	return file, events
}

// TestGolden reads what TensorBoard wrote, and writes the same bytes.
func TestGolden(t *testing.T) {
	file, events := goldenEvents(t)
	if len(events) != 4 {
		t.Fatalf("%d events", len(events))
	}
	want := []Value{{Tag: "loss", Scalar: 0.125}, {Tag: "loss/q0", Scalar: -3e-7}, {Tag: "zero"}}
	if e := events[1]; e.Time != 1700000001.5 || e.Step != 1 || !reflect.DeepEqual(e.Values, want) {
		t.Errorf("scalars %+v", e)
	}
	image := events[2].Values[0].Image
	own, err := NewImage(image.PNG)
	if err != nil || events[2].Step != 800000 || !reflect.DeepEqual(own, image) || image.Width != 3 {
		t.Errorf("image %+v, from its bytes %+v, %v", image, own, err)
	}
	if e := events[3]; !e.Restart || e.Step != 300 {
		t.Errorf("restart %+v", e)
	}
	path := filepath.Join(t.TempDir(), "x.tfevents")
	w, err := Create(path, events[0].Time)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events[1:] {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, file) {
		t.Errorf("wrote\n%q, TensorBoard\n%q", got, file)
	}
	if _, err := Create(path, 0); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file that is there: %v", err)
	}
}

// TestTorn cuts the file at every byte, and flips every byte: the whole records before stay, and no other.
func TestTorn(t *testing.T) {
	file, events := goldenEvents(t)
	var ends []int
	for n := 0; n < len(file); {
		e := events[len(ends)]
		n += len(record(e.encode()))
		ends = append(ends, n)
	}
	whole := func(n int) (count int) {
		for _, end := range ends {
			if end <= n {
				count++
			}
		}
		return count
	}
	path := filepath.Join(t.TempDir(), "x.tfevents")
	try := func(what string, at int, damaged []byte) {
		os.WriteFile(path, damaged, 0o666)
		want := whole(at)
		got, err := Read(path)
		if len(got) != want || len(got) > 0 && !reflect.DeepEqual(got, events[:want]) {
			t.Fatalf("%s %d: %d events, want %d", what, at, len(got), want)
		}
		if torn := at < len(damaged) || want > 0 && ends[want-1] < at || want == 0 && at > 0; errors.Is(err, ErrTorn) != torn {
			t.Fatalf("%s %d: %v", what, at, err)
		}
		if err := Cut(path, func(Event) bool { return true }); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(path); err != nil || len(got) != want {
			t.Fatalf("%s %d: %d events after the cut, want %d: %v", what, at, len(got), want, err)
		}
	}
	for n := range len(file) {
		try("cut at", n, file[:n])
		flipped := bytes.Clone(file)
		flipped[n] ^= 1 << (n % 8)
		try("flipped", n, flipped)
	}
}

func TestCut(t *testing.T) {
	file, events := goldenEvents(t)
	path := filepath.Join(t.TempDir(), "x.tfevents")
	os.WriteFile(path, file, 0o666)
	if err := Cut(path, func(e Event) bool { return e.Step < 800000 }); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path); err != nil || !reflect.DeepEqual(got, events[:2]) {
		t.Errorf("%d events left: %v", len(got), err)
	}
}

// FuzzRead has any bytes as a file, and any bytes as a message in whole records: an error or events, which are read again as they are.
func FuzzRead(f *testing.F) {
	file, err := os.ReadFile(golden)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add(file[header : len(file)-footer])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x")
		os.WriteFile(path, b, 0o666)
		Read(path)
		e, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(e.encode())
		if err != nil || !bytes.Equal(again.encode(), e.encode()) {
			t.Errorf("%+v is read again as %+v: %v", e, again, err)
		}
	})
}
