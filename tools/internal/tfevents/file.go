package tfevents

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

// Writer appends events to a file. An event is one write, so that readers see it whole or, for a moment, torn at its end.
type Writer struct {
	f *os.File
}

// Create makes a file, which must not be there, with its first record.
func Create(path string, time float64) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	w := &Writer{f}
	if err := w.Write(Event{Time: time, Version: version}); err != nil {
		f.Close()
		os.Remove(path)
		return nil, err
	}
	return w, nil
}

// Write appends an event.
func (w *Writer) Write(e Event) error {
	_, err := w.f.Write(record(e.encode()))
	return err
}

// Close closes the file.
func (w *Writer) Close() error { return w.f.Close() }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func masked(b []byte) uint32 {
	crc := crc32.Checksum(b, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}

const header, footer = 12, 4 // bytes of a record around its message

// record frames a message.
func record(message []byte) []byte {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, header+len(message)+footer), uint64(len(message)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, message...)
	return binary.LittleEndian.AppendUint32(b, masked(message))
}

// ErrTorn says that a file's last record is cut off, or that a checksum is wrong.
var ErrTorn = errors.New("torn or damaged record")

// reader reads records of a file of known size.
type reader struct {
	r    *bufio.Reader
	left int64 // bytes
}

// next is a record's event and its length in the file, or io.EOF.
func (r *reader) next() (e Event, size int64, err error) {
	if r.left == 0 {
		return e, 0, io.EOF
	}
	if r.left < header+footer {
		return e, 0, ErrTorn
	}
	var head [header]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return e, 0, torn(err)
	}
	n := binary.LittleEndian.Uint64(head[:])
	if masked(head[:8]) != binary.LittleEndian.Uint32(head[8:]) || n > uint64(r.left-header-footer) {
		return e, 0, ErrTorn
	}
	message := make([]byte, n+footer)
	if _, err := io.ReadFull(r.r, message); err != nil {
		return e, 0, torn(err)
	}
	if masked(message[:n]) != binary.LittleEndian.Uint32(message[n:]) {
		return e, 0, ErrTorn
	}
	size = header + int64(n) + footer
	r.left -= size
	e, err = decode(message[:n])
	return e, size, err
}

func torn(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrTorn
	}
	return err
}

// read hands the events of a file to f until one is not wanted. It returns how many bytes were, and the error that ended them.
func read(path string, want func(Event) bool) (length int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	r := &reader{bufio.NewReader(f), info.Size()}
	for {
		e, size, err := r.next()
		switch {
		case err == io.EOF:
			return length, nil
		case err != nil:
			return length, fmt.Errorf("%s: byte %d: %w", path, length, err)
		case !want(e):
			return length, nil
		}
		length += size
	}
}

// Read lists the events of a file, and with an error those before it.
func Read(path string) (events []Event, err error) {
	_, err = read(path, func(e Event) bool {
		events = append(events, e)
		return true
	})
	return events, err
}

// Cut drops the first event that is not to be kept and all after it, and whatever is torn or damaged.
func Cut(path string, keep func(Event) bool) error {
	length, err := read(path, keep)
	if err != nil && !errors.Is(err, ErrTorn) && !errors.Is(err, errWire) {
		return err
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() == length {
		return err
	}
	return os.Truncate(path, length)
}
