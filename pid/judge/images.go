package judge

// Images are images to judge, in a fixed order, all of one size.
type Images interface {
	// Shape is how many images there are, their height and width, and 1 or 3 channels.
	Shape() (n, h, w, c int)

	// Read returns the bytes (count,H,W,C) of images first … first+count−1, valid until the next call. Images are read in order, some dozens at
	// a time. An implementation that draws or decodes more of them at once keeps the rest for the next call.
	Read(first, count int) ([]byte, error)

	// Source says what they are.
	Source() Source

	Close() error
}

// Source is where images come from. What is empty is not known, or has no meaning for such a source. The SHA-256 of the pixels is in [Stamp],
// since it is known only when all have been read.
type Source struct {
	Kind   string            `json:"kind"`             // npz, folder, zip, student, teacher, …
	Path   string            `json:"path,omitempty"`   // of the images, or of the model's weights
	Model  string            `json:"model,omitempty"`  // SHA-256 of the model's tensors
	Seeds  string            `json:"seeds,omitempty"`  // of the images, as 0-49999
	Config map[string]string `json:"config,omitempty"` // settings of a sampler, by the names of flags
	Notes  []string          `json:"notes,omitempty"`  // what a reader should know: that images are JPEG, say
}

// InMemory are images that are all there: pixels (N,H,W,C).
func InMemory(s Source, pixels []byte, h, w, c int) Images { return &inMemory{s, pixels, h, w, c} }

type inMemory struct {
	source  Source
	pixels  []byte
	h, w, c int
}

func (m *inMemory) Shape() (n, h, w, c int) { return len(m.pixels) / (m.h * m.w * m.c), m.h, m.w, m.c }
func (m *inMemory) Source() Source          { return m.source }
func (m *inMemory) Close() error            { return nil }

func (m *inMemory) Read(first, count int) ([]byte, error) {
	size := m.h * m.w * m.c
	return m.pixels[first*size : (first+count)*size], nil
}
