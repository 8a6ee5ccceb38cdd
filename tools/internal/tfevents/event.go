package tfevents

import (
	"bytes"
	"fmt"
	"image/png"
	"math"
)

// version is what the first record of a file says.
const version = "brain.Event:2"

// Event is one record: what was seen after a step.
type Event struct {
	Time    float64 // seconds since 1970
	Step    int64
	Version string // of the format, in the first record of a file
	Restart bool   // a program continues here: earlier events of this step and of later ones are void
	Values  []Value
}

// Value is a number or an image. What stands before the first slash of its tag is a heading.
type Value struct {
	Tag    string
	Scalar float32
	Image  *Image // nil: a scalar
}

// Image is a PNG file in memory.
type Image struct {
	Height, Width int
	Channels      int // 1 grey, 2 grey with transparency, 3 RGB, 4 RGBA
	PNG           []byte
}

// NewImage reads the size of a PNG file.
func NewImage(file []byte) (*Image, error) {
	c, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	channels := 4
	const kind = 25 // after the signature, the header's length and name, width, height and depth: the colour type
	switch file[kind] {
	case 0:
		channels = 1
	case 2, 3:
		channels = 3
	case 4:
		channels = 2
	}
	return &Image{c.Height, c.Width, channels, file}, nil
}

// Numbers of the fields in TensorFlow's definitions.
const (
	eventTime, eventStep, eventVersion, eventSummary, eventSession = 1, 2, 3, 5, 7
	sessionStatus, sessionStart                                    = 1, 1
	summaryValue                                                   = 1
	valueTag, valueScalar, valueImage                              = 1, 2, 4
	imageHeight, imageWidth, imageChannels, imagePNG               = 1, 2, 3, 4
)

// encode is the message of an event.
func (e Event) encode() []byte {
	b := appendDouble(nil, eventTime, e.Time)
	b = appendInt(b, eventStep, e.Step)
	if e.Version != "" {
		b = appendBytes(b, eventVersion, e.Version)
	}
	if len(e.Values) > 0 {
		var summary []byte
		for _, v := range e.Values {
			summary = appendBytes(summary, summaryValue, v.encode())
		}
		b = appendBytes(b, eventSummary, summary)
	}
	if e.Restart {
		b = appendBytes(b, eventSession, appendInt(nil, sessionStatus, sessionStart))
	}
	return b
}

func (v Value) encode() []byte {
	b := appendBytes(nil, valueTag, v.Tag)
	if v.Image == nil {
		return appendFloat(b, valueScalar, v.Scalar)
	}
	m := appendInt(nil, imageHeight, int64(v.Image.Height))
	m = appendInt(m, imageWidth, int64(v.Image.Width))
	m = appendInt(m, imageChannels, int64(v.Image.Channels))
	return appendBytes(b, valueImage, appendBytes(m, imagePNG, v.Image.PNG))
}

// decode reads the message of an event. What this package does not write is passed over.
func decode(b []byte) (e Event, err error) {
	err = fields(b, func(f field) error {
		switch {
		case f.number == eventTime && f.kind == kindFixed64:
			e.Time = math.Float64frombits(f.bits)
		case f.number == eventStep && f.kind == kindVarint:
			e.Step = int64(f.bits)
		case f.number == eventVersion && f.kind == kindBytes:
			e.Version = string(f.bytes)
		case f.number == eventSession && f.kind == kindBytes:
			return fields(f.bytes, func(f field) error {
				e.Restart = e.Restart || f.number == sessionStatus && f.bits == sessionStart
				return nil
			})
		case f.number == eventSummary && f.kind == kindBytes:
			return fields(f.bytes, func(f field) error {
				if f.number != summaryValue || f.kind != kindBytes {
					return nil
				}
				v, err := decodeValue(f.bytes)
				e.Values = append(e.Values, v)
				return err
			})
		}
		return nil
	})
	if err != nil {
		return e, fmt.Errorf("event: %w", err)
	}
	return e, nil
}

func decodeValue(b []byte) (v Value, err error) {
	err = fields(b, func(f field) error {
		switch {
		case f.number == valueTag && f.kind == kindBytes:
			v.Tag = string(f.bytes)
		case f.number == valueScalar && f.kind == kindFixed32:
			v.Scalar = math.Float32frombits(uint32(f.bits))
		case f.number == valueImage && f.kind == kindBytes:
			v.Image, err = decodeImage(f.bytes)
			return err
		}
		return nil
	})
	return v, err
}

func decodeImage(b []byte) (*Image, error) {
	m := new(Image)
	return m, fields(b, func(f field) error {
		switch f.number {
		case imageHeight:
			m.Height = int(int32(f.bits))
		case imageWidth:
			m.Width = int(int32(f.bits))
		case imageChannels:
			m.Channels = int(int32(f.bits))
		case imagePNG:
			m.PNG = f.bytes
		}
		return nil
	})
}
