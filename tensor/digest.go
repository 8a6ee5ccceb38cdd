package tensor

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// DigestForm is what the digest of a set of weights is a SHA-256 of. There are three because each is in files or in outputs that people have kept,
// so that none can stand in for another: changing one would make checkpoints and statistics of earlier versions look as if they were of other weights.
type DigestForm int

const (
	// OrderedValues is names and float32 values, in the order given. It names a network whatever the precision of the file that it came from:
	// checkpoints (teacher_sha256), reports, and evaluate's JSON (model).
	OrderedValues DigestForm = iota

	// Listing is a line "name dtype 64x3x7x7 sha256" for every tensor, sorted: of a file, in whatever order and format. convert -l prints it.
	Listing

	// BracketedListing is the same with shapes as [64 3 7 7]: the stamps of Fréchet statistics (weights_sha256).
	BracketedListing
)

// Digest is the one definition of a SHA-256 of weights. Make it by [NewDigest].
type Digest struct {
	form   DigestForm
	values hash.Hash
	lines  []string
}

// NewDigest begins a digest of no tensors.
func NewDigest(form DigestForm) *Digest { return &Digest{form: form, values: sha256.New()} }

// Add adds a tensor by its Data. In the forms of lines it returns the SHA-256 of that, in hexadecimal, and otherwise "".
func (d *Digest) Add(t Named) (sum string) {
	if d.form == OrderedValues {
		io.WriteString(d.values, t.Name)
		d.values.Write(t.Data)
		return ""
	}
	shape := fmt.Sprint(t.Shape)
	if d.form == Listing {
		shape = strings.ReplaceAll(strings.Trim(shape, "[]"), " ", "x")
	}
	sum = fmt.Sprintf("%x", sha256.Sum256(t.Data))
	d.lines = append(d.lines, fmt.Sprintf("%s %s %s %s\n", t.Name, t.DType, shape, sum))
	return sum
}

// Sum is the digest, in hexadecimal, of what was added. Nothing is to be added after it.
func (d *Digest) Sum() string {
	slices.Sort(d.lines)
	for _, line := range d.lines {
		io.WriteString(d.values, line)
	}
	return hex.EncodeToString(d.values.Sum(nil))
}
