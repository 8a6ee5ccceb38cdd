package evaluation

// Images are images to judge, in a fixed order, all of one size.
type Images interface {
	// Shape is how many images there are, their height and width, and 1 or 3 channels.
	Shape() (n, h, w, c int)

	// Read gives the bytes (count,H,W,C) of images from one on, valid until the next call. Evaluate reads all of them in order, some dozens at
	// a time; whoever draws or decodes more at once keeps what is over.
	Read(first, count int) ([]byte, error)

	// Source says what they are.
	Source() Source

	Close() error
}

// Source is where images come from. What is empty is not known, or has no meaning for such a source. The pixels themselves are hashed by who
// reads them all.
type Source struct {
	Kind   string            `json:"kind"`             // npz, folder, zip, student, teacher, …
	Path   string            `json:"path,omitempty"`   // of the images, or of the model's weights
	Model  string            `json:"model,omitempty"`  // SHA-256 of the model's tensors
	Seeds  string            `json:"seeds,omitempty"`  // of the images, as 0-49999
	Config map[string]string `json:"config,omitempty"` // settings of a sampler, by the names of flags
	Notes  []string          `json:"notes,omitempty"`  // what a reader should know: that images are JPEG, say
}
