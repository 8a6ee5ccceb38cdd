package tensor

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func put(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// files reads a folder: the names and contents of what is in it.
func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		text, _ := os.ReadFile(filepath.Join(dir, e.Name()))
		list = append(list, e.Name()+"="+string(text))
	}
	return strings.Join(list, " ")
}

func TestAtomicWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, text := range []string{"old", "new"} {
		if err := AtomicWrite(path, put(text)); err != nil {
			t.Fatal(err)
		}
		if got := files(t, dir); got != "f="+text {
			t.Errorf("%s, want f=%s", got, text)
		}
	}
	if runtime.GOOS != "windows" {
		if err := os.WriteFile(filepath.Join(dir, "g"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		f, _ := os.Stat(path)
		g, _ := os.Stat(filepath.Join(dir, "g"))
		if f.Mode() != g.Mode() {
			t.Errorf("mode %v, want %v as of any new file", f.Mode(), g.Mode())
		}
	}
}

// TestAtomicWriteFails: after an error or a panic the old file is there and nothing else.
func TestAtomicWriteFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := AtomicWrite(path, put("old")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left on device")
	err := AtomicWrite(path, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 3<<20)); err != nil { // past the buffer
			return err
		}
		return full
	})
	if !errors.Is(err, full) || !strings.HasPrefix(err.Error(), path+": ") {
		t.Errorf("error %v", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is lost")
			}
		}()
		AtomicWrite(path, func(io.Writer) error { panic("no") })
	}()
	if got := files(t, dir); got != "f=old" {
		t.Errorf("%s, want f=old", got)
	}
}

func TestAtomicWritePath(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	paths := []string{filepath.Join(dir, "folder"), filepath.Join(dir, "missing", "x"), filepath.Join(dir, "file", "x")}
	if runtime.GOOS == "linux" {
		paths = append(paths, "/dev/null", "/proc/x")
	}
	for _, path := range paths {
		if err := AtomicWrite(path, put("new")); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%s: error %v", path, err)
		}
	}

	link := filepath.Join(dir, "link")
	if err := os.Symlink("file", link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	if err := AtomicWrite(link, put("new")); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); got != "file=new folder= link=new" {
		t.Errorf("%s: the link was not followed", got)
	}
}
