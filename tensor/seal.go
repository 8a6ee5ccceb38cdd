package tensor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// sealKey is the metadata of a sealed file: the SHA-256 of all its bytes, with zeros in the place of these 64 digits.
const sealKey = "sha256"

var noSeal = strings.Repeat("0", 2*sha256.Size)

// ErrDamaged says that a sealed file is not what was written.
var ErrDamaged = errors.New("damaged")

// WriteSealed is [WriteSafeTensors] with a checksum of the whole file in its metadata, so that [OpenSealed] finds any byte that has changed.
func WriteSealed(path string, metadata map[string]string, tensors []Named) error {
	metadata = maps.Clone(metadata)
	if metadata == nil {
		metadata = map[string]string{}
	}
	metadata[sealKey] = noSeal
	f, err := layOut(metadata, tensors)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	h := sha256.New()
	if err := f.write(h); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	hex.Encode(f.head[sealAt(f.head, noSeal):], h.Sum(nil))
	return AtomicWrite(path, f.write)
}

// sealAt is where a header has the digits of its seal; −1: nowhere.
func sealAt(head []byte, digits string) int {
	key := `"` + sealKey + `":"`
	at := bytes.Index(head, []byte(key+digits+`"`)) // quotes within strings are escaped: this is the key of a string, thus metadata
	if at < 0 {
		return at
	}
	return at + len(key)
}

// OpenSealed is [OpenSafeTensors] for a file of [WriteSealed]. All of it is read. The error is an ErrDamaged if it was read and is not what was
// written.
func OpenSealed(path string) (*SafeTensors, error) {
	data, unmap, err := MapFile(path)
	if err != nil {
		return nil, err
	}
	s, err := ReadSafeTensors(path, data)
	if err == nil {
		err = s.checkSeal(data)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", err, ErrDamaged)
		return nil, errors.Join(err, unmap())
	}
	s.unmap = unmap
	return s, nil
}

// checkSeal compares the file with its seal.
func (s *SafeTensors) checkSeal(file []byte) error {
	seal, ok := s.Metadata[sealKey]
	if !ok || len(seal) != len(noSeal) {
		return fmt.Errorf("%s: no %s of %d digits in its metadata", s.Path, sealKey, len(noSeal))
	}
	at := sealAt(file, seal)
	if at < 0 {
		return fmt.Errorf("%s: %s %q: not as it was written", s.Path, sealKey, seal)
	}
	h := sha256.New()
	h.Write(file[:at])
	h.Write([]byte(noSeal))
	h.Write(file[at+len(noSeal):])
	if got := hex.EncodeToString(h.Sum(nil)); got != seal {
		return fmt.Errorf("%s: its SHA-256 is %s, want %s", s.Path, got, seal)
	}
	return nil
}
