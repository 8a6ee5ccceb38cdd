package runs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"
)

// journal is a file that grows for as long as a run does. A checkpoint knows how long it was and what was in it: what comes after is of steps that
// a continued run makes again.
type journal struct {
	path string
	file *os.File
	size int64
	sum  hash.Hash // of what is in it
}

// openJournal opens a journal for [journal.cut], or makes it.
func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o666)
	return &journal{path: path, file: f, sum: sha256.New()}, err
}

// Write appends.
func (j *journal) Write(b []byte) (int, error) {
	n, err := j.file.Write(b)
	j.size += int64(n)
	j.sum.Write(b[:n])
	return n, err
}

// mark brings the journal to the disk and says how long it is, and its SHA-256.
func (j *journal) mark() (string, error) {
	return fmt.Sprintf("%d %x", j.size, j.sum.Sum(nil)), j.file.Sync()
}

// cut makes the journal what it was at a mark. If what was before is not there any more, damaged says so, and whole lines stay.
func (j *journal) cut(mark string) (damaged, err error) {
	text, want, _ := strings.Cut(mark, " ")
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size < 0 || len(want) != 2*sha256.Size {
		return nil, fmt.Errorf("%s: mark %q: want a number of bytes and a SHA-256", j.path, mark)
	}
	b, err := io.ReadAll(io.NewSectionReader(j.file, 0, size))
	if err != nil {
		return nil, err
	}
	switch sum := sha256.Sum256(b); {
	case int64(len(b)) < size:
		b = b[:bytes.LastIndexByte(b, '\n')+1]
		damaged = fmt.Errorf("%s: %d whole bytes of the %d that the checkpoint speaks of: some of the run's past is lost", j.path, len(b), size)
	case hex.EncodeToString(sum[:]) != want:
		damaged = fmt.Errorf("%s: its first %d bytes have the SHA-256 %x, want %s: some of the run's past is damaged", j.path, size, sum, want)
	}
	j.size = int64(len(b))
	j.sum.Reset()
	j.sum.Write(b)
	if info, err := j.file.Stat(); err != nil || info.Size() == j.size {
		return damaged, err
	}
	return damaged, os.Truncate(j.path, j.size) // by name: Windows cuts no file that is open for appending
}
