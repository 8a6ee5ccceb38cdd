package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Case is one launch of a kernel. Fields that only describe it (features, opcodes, source, …) are passed over.
type Case struct {
	Name          string            `json:"name"`
	PTX           string            `json:"ptx"` // a file beside the case's
	Entry         string            `json:"entry"`
	Grid          [3]int            `json:"grid"`
	Block         [3]int            `json:"block"`
	DynamicShared int               `json:"dynamic_shared"` // bytes
	Params        []Param           `json:"params"`         // in order
	Buffers       map[string]Buffer `json:"buffers"`

	dir string
}

// Buffer is an allocation of its own: what it holds before the launch, and what after it. Without Expect it is unchanged.
type Buffer struct {
	DType  DType   `json:"dtype"`
	Count  int     `json:"count"`
	Init   Init    `json:"init"`
	Expect *Expect `json:"expect"`
}

// Expect is what a buffer must hold.
type Expect struct {
	File    string  `json:"file"`   // little-endian elements, beside the case's
	SHA256  string  `json:"sha256"` // of the file
	Compare Compare `json:"compare"`
	Ranges  []Range `json:"ranges"` // replace Compare for their elements
}

// Read reads a case. What is missing or unknown to it is an error; fields beyond those above are not.
func Read(path string) (*Case, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &Case{dir: filepath.Dir(path)}
	if err := decode(text, c); err != nil {
		return nil, fmt.Errorf("%s%s: %w", path, place(text, err), err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// decode reads JSON with numbers kept as they are written, since some have 64 bits.
func decode(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return nil
}

// place is the line and column where JSON is wrong, if that is known.
func place(text []byte, err error) string {
	at := int64(len(text))
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return ""
	}
	before := text[:min(at, int64(len(text)))]
	return fmt.Sprintf(":%d:%d", 1+bytes.Count(before, []byte("\n")), len(before)-bytes.LastIndexByte(before, '\n')-1)
}

func (c *Case) check() error {
	for _, field := range [][2]string{{"name", c.Name}, {"ptx", c.PTX}, {"entry", c.Entry}} {
		if field[1] == "" {
			return fmt.Errorf("%s is missing", field[0])
		}
	}
	for i := range 3 {
		if c.Grid[i] < 1 || c.Block[i] < 1 {
			return fmt.Errorf("grid %v, block %v: want three numbers from 1 each", c.Grid, c.Block)
		}
	}
	if c.DynamicShared < 0 {
		return fmt.Errorf("dynamic_shared is %d", c.DynamicShared)
	}
	if len(c.Buffers) == 0 {
		return errors.New("buffers are missing")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Buffers)) {
		b := c.Buffers[name]
		if err := b.check(); err != nil {
			return fmt.Errorf("buffer %s: %w", name, err)
		}
	}
	for i, p := range c.Params {
		if _, err := p.bytes(func(name string) (uint64, error) { return 0, c.known(name) }); err != nil {
			return fmt.Errorf("parameter %d: %w", i, err)
		}
	}
	return nil
}

func (c *Case) known(buffer string) error {
	if _, ok := c.Buffers[buffer]; !ok {
		return fmt.Errorf("there is no buffer %q", buffer)
	}
	return nil
}

func (b *Buffer) check() error {
	if b.DType.Size() == 0 {
		return fmt.Errorf("unknown dtype %q", b.DType)
	}
	if b.Count < 0 || b.Count > 1<<32 {
		return fmt.Errorf("count is %d", b.Count)
	}
	if b.Init.Kind == "" {
		return errors.New("init is missing")
	}
	if b.Expect == nil {
		return nil
	}
	if b.Expect.File == "" || b.Expect.SHA256 == "" {
		return errors.New("expect wants file and sha256")
	}
	if err := b.Expect.Compare.check(); err != nil && len(b.Expect.Ranges) == 0 {
		return err
	}
	for _, r := range b.Expect.Ranges {
		if r.From < 0 || r.To < r.From || r.To > b.Count {
			return fmt.Errorf("range %d to %d of %d elements", r.From, r.To, b.Count)
		}
		if err := r.Compare.check(); err != nil {
			return err
		}
	}
	return nil
}
