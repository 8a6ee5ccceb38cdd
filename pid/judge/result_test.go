package judge

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func someResult() *Result {
	r := &Result{
		FID: &Number{1.25, 0.125, "interval"}, IS: &Number{Value: 9.5}, KID: &Number{0.00123456789, 0.2, "deviation"}, Recall: &Number{Value: 0.75},
		Samples: &Stamp{Count: 12}, Settings: Settings{Metrics: Metrics{FID, IS}, Split: 7},
	}
	r.note("x.npz", "one\x1b[31m", "two")
	r.note("", "three")
	return r
}

// TestPrint: the table has what was measured, in its order, and the remarks below it, without what a terminal would obey.
func TestPrint(t *testing.T) {
	var b strings.Builder
	if err := someResult().Print(&b); err != nil {
		t.Fatal(err)
	}
	const want = "12 images        value       ±     \n" +
		"FID              1.25        0.12  interval\n" +
		"Inception Score  9.5               \n" +
		"KID              0.00123457  0.2   deviation\n" +
		"recall           0.75              \n" +
		"x.npz: one\uFFFD[31m\nx.npz: two\nthree\n"
	if got := b.String(); got != want && strings.ReplaceAll(got, " \n", "\n") != strings.ReplaceAll(want, " \n", "\n") {
		t.Errorf("%q, want %q", got, want)
	}
	broken := errors.New("broken")
	for after := range 2 {
		r := someResult()
		if after == 0 {
			r.Notes = nil // the table alone fails
		}
		if err := r.Print(&failing{after: after, err: broken}); err != broken {
			t.Errorf("a file that fails after %d writes: %v", after, err)
		}
	}
}

// failing takes writes that end in a new line, but so many of them only.
type failing struct {
	after int
	err   error
}

func (f *failing) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "x.npz") && f.after == 1 || f.after == 0 {
		return 0, f.err
	}
	return len(b), nil
}

func TestWriteJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	want := someResult()
	if err := want.WriteJSON(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(string(b), "\n}\n") {
		t.Fatalf("%s, %v", b, err)
	}
	got := &Result{}
	if err := json.Unmarshal(b, got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s, %v", b, err)
	}
	if err := want.WriteJSON(filepath.Join(t.TempDir(), "missing", "r.json")); err == nil {
		t.Error("a file in a folder that is not there was written")
	}
}

// TestMetricNames takes lists of names, and knows what each needs.
func TestMetricNames(t *testing.T) {
	var m Metrics
	if err := m.Set("kid,fid"); err != nil || !slices.Equal(m, Metrics{KID, FID}) || m.String() != "kid,fid" {
		t.Errorf("%v, %v", m, err)
	}
	for _, s := range []string{"", "fid,fid", "fid,", "FID", "fid is"} {
		if err := m.Set(s); err == nil || err.Error() != "want some of fid,is,sfid,kid,pr, with commas between" {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, c := range []struct {
		m        Metrics
		compared Metrics
		keep     bool
		least    int
	}{
		{Metrics{IS}, nil, false, 2}, {Metrics{FID}, Metrics{FID}, false, 3}, {Metrics{SFID, IS}, Metrics{SFID}, false, 2}, {Metrics{KID}, Metrics{KID}, true, 2},
		{Metrics{FID, PR}, Metrics{FID, PR}, true, 4}, {Metrics{IS, FID, KID}, Metrics{FID, KID}, true, 3},
	} {
		if got := c.m.comparing(); !slices.Equal(got, c.compared) || c.m.keepFeatures() != c.keep || c.m.minImages() != c.least {
			t.Errorf("%v: compared %v, features kept %t, %d images at least", c.m, got, c.m.keepFeatures(), c.m.minImages())
		}
	}
}

// counted counts how often images are closed.
type counted struct {
	Images
	closed int
}

func (c *counted) Close() error { c.closed++; return nil }

// TestReferenceClose: images that were not gathered are closed, once; statistics have nothing to close.
func TestReferenceClose(t *testing.T) {
	images := &counted{Images: someImages(3, 1, 0)}
	r := ReferenceOf(images)
	if r.Path != "images-1" || r.count() != 3 {
		t.Errorf("a reference of %d images at %s", r.count(), r.Path)
	}
	for range 2 {
		if err := r.Close(); err != nil || images.closed != 1 {
			t.Errorf("closed %d times: %v", images.closed, err)
		}
	}
	if _, err := OpenReference(filepath.Join(t.TempDir(), "missing"), Metrics{FID}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := OpenReference(t.TempDir(), Metrics{FID}); err == nil {
		t.Error("an empty folder is a reference")
	}
}

// TestComparable says beforehand what Evaluate would refuse, and what it would note.
func TestComparable(t *testing.T) {
	net, images := fakeNet(), someImages(10, 1, 0)
	if notes, err := Comparable(net, images, nil, Options{Metrics: Metrics{FID}}); err == nil || err.Error() != "fid: a reference is needed" {
		t.Errorf("%v, notes %q", err, notes)
	}
	other := ReferenceOf(someImages(10, 2, 0))
	notes, err := Comparable(net, images, other, Options{Metrics: Metrics{FID}})
	if err != nil || len(notes) != 2 || !strings.HasPrefix(notes[0], "10 images cannot span 2048 features") || notes[1] != "images-2: 10 images are few for a reference" {
		t.Errorf("%v, notes %q", err, notes)
	}
}

// unreadable are images of which none can be read.
type unreadable struct{ Images }

var errUnreadable = errors.New("unreadable")

func (unreadable) Read(int, int) ([]byte, error) { return nil, errUnreadable }

// TestChosenImages: those that are chosen are the others' of their numbers, and so is what goes wrong.
func TestChosenImages(t *testing.T) {
	all := someImages(9, 1, 0)
	some, err := Choose(all, 4, 3)
	if err != nil {
		t.Fatal(err)
	}
	if n, h, w, c := some.Shape(); n != 4 || h != 4 || w != 5 || c != 3 || !slices.Equal(some.Source().Notes, []string{"4 of 9 images, chosen by seed 3"}) || all.Source().Notes != nil {
		t.Errorf("%d images of %dx%dx%d, %+v", n, h, w, c, some.Source())
	}
	got, err := some.Read(1, 3)
	if err != nil || len(got) != 3*60 {
		t.Fatal(len(got), err)
	}
	for k, i := range choose(9, 4, 3)[1:] {
		want, err := all.Read(i, 1)
		if err != nil || !slices.Equal(got[60*k:60*k+60], want) {
			t.Errorf("image %d is not number %d; %v", k+1, i, err)
		}
	}
	for n, ok := range map[int]bool{0: false, 1: true, 9: true, 10: false} {
		if x, err := Choose(all, n, 0); ok != (err == nil) || n == 9 && x != all {
			t.Errorf("%d of 9 images: %v", n, err)
		}
	}
	broken, err := Choose(unreadable{all}, 4, 3)
	if err != nil {
		t.Fatal(err)
	}
	if x, err := broken.Read(0, 1); err != errUnreadable {
		t.Errorf("%v, %v", x, err)
	}
}
