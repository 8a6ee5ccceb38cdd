package results

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"onestep/nn"
	"onestep/pid"
	"onestep/pid/judge"
	"onestep/tensor"
)

// FID is the Fréchet distance by the Inception network of the images that sample draws of a student's seeds from 0 on, as it saves them.
type FID struct {
	Network   *judge.Network
	Reference *judge.Reference
	Notes     []string // what a reader should know

	images int
}

var onlyFID = judge.Options{Metrics: judge.Metrics{judge.FID}}

// InceptionBatch is how many images go through the network at a time: as many as in evaluate by default, if there are so many.
func InceptionBatch(c pid.Config) int { return min(16, c.FIDImages) }

// OpenFID reads what a configuration names, nil if it names nothing, and refuses what cannot be compared with such a network's images.
func OpenFID(d *tensor.Device, c pid.Config, net nn.UNetConfig) (f *FID, err error) {
	if c.Inception == "" {
		return nil, nil
	}
	if net.InChannels != 1 && net.InChannels != 3 {
		return nil, fmt.Errorf("--inception: the network judges images of 1 or 3 channels, the teacher draws %d", net.InChannels)
	}
	f = &FID{images: c.FIDImages}
	if f.Reference, err = judge.ReadReference(c.Ref); err != nil {
		return nil, fmt.Errorf("--ref: %w (evaluate --save-ref makes them of images)", err)
	}
	if f.Network, err = judge.LoadInception(d, c.Inception); err != nil {
		return nil, fmt.Errorf("--inception: %w", err)
	}
	f.Network.Batch = InceptionBatch(c)
	if err := f.Network.ResizeAs(c.Resize); err != nil {
		return nil, fmt.Errorf("--resize %w", err)
	}
	later := drawn(context.Background(), pid.Generator{H: net.Resolution, W: net.Resolution, C: net.InChannels}, c.FIDImages, nil)
	if f.Notes, err = judge.Comparable(f.Network, later, f.Reference, onlyFID); err != nil {
		return nil, fmt.Errorf("--ref: %w", err)
	}
	return f, nil
}

// About says what FIDs compare with.
func (f *FID) About() string {
	s := f.Reference.Path + ", without a stamp"
	if stamp := f.Reference.Stamp; stamp != nil {
		s = fmt.Sprintf("%s, of %d images of SHA-256 %s", f.Reference.Path, stamp.Count, stamp.Pixels)
	}
	return s
}

// measured is a FID of the student.
type measured struct {
	key, name string // of the weights: raw, or an average's rate; and for people
	judge.Number
}

func (m measured) String() string { return fmt.Sprintf("%.2f ±%.2g", m.Value, m.Spread) }

// measureFIDs measures the averages, and the raw weights if there are none or they are wanted. status is told how far it is.
func (e *Evaluation) measureFIDs(ctx context.Context, raw bool, status func(string)) (list []measured, err error) {
	g := pid.GeneratorFor(e.job.Student.Net, 0) // sample's
	err = e.eachStudent(raw || len(e.config.EMA) == 0, func(key, name string, s *pid.Student) error {
		o := onlyFID
		o.Progress = func(_ string, done, total int) { status(fmt.Sprintf("FID, %s: %d of %d images", name, done, total)) }
		o.Status = func(what string) { status(fmt.Sprintf("FID, %s: %s", name, what)) }
		r, err := judge.Evaluate(ctx, e.fid.Network, drawn(ctx, g, e.fid.images, func(seeds []uint64) ([]float32, error) {
			return g.ByStudent(s, seeds)
		}), e.fid.Reference, o)
		if err == nil {
			list = append(list, measured{key, name, *r.FID})
		}
		return err
	})
	return list, err
}

// fidSentence is what was measured for people.
func (e *Evaluation) fidSentence(list []measured) string {
	s := fmt.Sprintf("FID of %d images: ", e.fid.images)
	for _, m := range list {
		s += fmt.Sprintf("%s %v, ", m.name, m)
	}
	return strings.TrimSuffix(s, ", ") + "; "
}

// eachStudent goes through the raw weights, if they are wanted, and all averages. Each student is valid until the next.
func (e *Evaluation) eachStudent(raw bool, do func(key, name string, s *pid.Student) error) error {
	if raw {
		if err := do("raw", "raw weights", e.job.Student); err != nil {
			return err
		}
	}
	for k, rate := range e.config.EMA {
		s, err := e.job.Average(k)
		if err != nil {
			return err
		}
		if err := do(pid.FormatRate(rate), "average "+pid.FormatRate(rate), s); err != nil {
			return err
		}
	}
	return nil
}

// fidLine is what the log has of a step's: every FID with its interval of 95 %.
func (e *Evaluation) fidLine(step int, list []measured) json.RawMessage {
	var b strings.Builder
	fmt.Fprintf(&b, `{"step":%d`, step)
	for _, m := range list {
		fmt.Fprintf(&b, `,"fid_%s":%s,"fid_%[1]s_spread":%[3]s`, m.key, jsonNumber(m.Value), jsonNumber(m.Spread))
	}
	fmt.Fprintf(&b, `,"fid_images":%d}`, e.fid.images)
	return json.RawMessage(b.String())
}

func jsonNumber(x float64) []byte {
	b, err := json.Marshal(x)
	if err != nil {
		panic(err) // distances are finite
	}
	return b
}
