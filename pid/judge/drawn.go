package judge

import "onestep/pid/data"

// Drawn are images that a model draws when they are read: one for each seed.
type Drawn struct {
	Seeds   []uint64
	H, W, C int
	Batch   int    // images at a time, which does not change them
	From    Source // what draws
	Draw    func(seeds []uint64) (*data.Images, error)
	Release func() // frees the model, on Close; may be nil

	batch int    // one more than the number of the batch that is kept, whose first seed is Seeds[(batch−1)·Batch]; 0: none is
	kept  []byte // its pixels
	last  []byte // what Read returned
}

// Shape and Source are those of [Images].
func (d *Drawn) Shape() (n, h, w, c int) { return len(d.Seeds), d.H, d.W, d.C }
func (d *Drawn) Source() Source          { return d.From }

// Close releases the model.
func (d *Drawn) Close() error {
	if d.Release != nil {
		d.Release()
	}
	return nil
}

// Read draws whole batches, and keeps the one that it ends in for the next call.
func (d *Drawn) Read(first, count int) ([]byte, error) {
	d.last = d.last[:0]
	size := d.H * d.W * d.C
	for end := first + count; first < end; {
		if err := d.draw(first / d.Batch); err != nil {
			return nil, err
		}
		start := (d.batch - 1) * d.Batch
		next := min(end, start+len(d.kept)/size)
		d.last = append(d.last, d.kept[(first-start)*size:(next-start)*size]...)
		first = next
	}
	return d.last, nil
}

// draw draws a batch unless it is kept.
func (d *Drawn) draw(batch int) error {
	if d.batch == batch+1 {
		return nil
	}
	first := batch * d.Batch
	x, err := d.Draw(d.Seeds[first:min(first+d.Batch, len(d.Seeds))])
	if err != nil {
		return err
	}
	d.batch, d.kept = batch+1, x.Pixels
	return nil
}
