// Command evaluate judges generated images as papers do: FID, Inception Score, sFID, KID, precision and recall. evaluate -h lists the flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"onestep/pid/judge"
	"onestep/tensor"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/progress"
)

func main() {
	cli.Main("evaluate", parse, func(ctx context.Context, f *flags) error { return run(ctx, f, os.Stdout, os.Stderr) })
}

// run opens everything, and computes only if it all fits together.
func run(ctx context.Context, f *flags, out, messages io.Writer) (err error) {
	defer tensor.Recover(&err)
	if err := writable(f); err != nil {
		return err
	}
	var images judge.Images
	if !f.draws() {
		if images, err = f.files(); err != nil {
			return fmt.Errorf("--samples: %w", err)
		}
		defer images.Close()
	}
	var ref *judge.Reference
	if f.ref != "" {
		if ref, err = judge.OpenReference(f.ref, f.metrics); err != nil {
			return fmt.Errorf("--ref: %w", err)
		}
		defer ref.Close()
	}
	d, err := f.device.Open(f.threads, 0, messages)
	if err != nil {
		return err
	}
	if f.draws() {
		if images, err = openModel(d, f); err != nil {
			return err
		}
	}
	net, err := judge.LoadInception(d, f.inception)
	if err != nil {
		return fmt.Errorf("--inception: %w", err)
	}
	if f.batch > 0 {
		net.Batch = f.batch
	}
	if err := net.ResizeAs(f.resize); err != nil {
		return fmt.Errorf("--resize %w", err)
	}
	return measure(ctx, f, net, images, ref, out, messages)
}

// files are the images of files to judge.
func (f *flags) files() (judge.Images, error) {
	images, err := judge.OpenImages(f.samples)
	if err != nil || f.choose == 0 {
		return images, err
	}
	chosen, err := judge.Choose(images, f.choose, f.subsets)
	if err != nil {
		return nil, errors.Join(err, images.Close())
	}
	return chosen, nil
}

// measure measures and writes what is asked for.
func measure(ctx context.Context, f *flags, net *judge.Network, images judge.Images, ref *judge.Reference, out, messages io.Writer) error {
	bars := &bars{w: messages}
	defer bars.finish()
	statistics := judge.ReferenceOf(images)
	if f.onlySaves() {
		if err := statistics.Gather(ctx, net, f.metrics, bars.update); err != nil {
			return explained(ctx, err)
		}
		bars.finish()
	} else {
		r, err := judge.Evaluate(ctx, net, images, ref, judge.Options{
			Metrics: f.metrics, Seed: f.subsets, Force: f.force, Progress: bars.update,
			Status: func(what string) { bars.finish(); fmt.Fprintln(messages, what) },
		})
		if err != nil {
			return explained(ctx, err)
		}
		bars.finish()
		statistics = r.Gathered
		if err := r.Print(out); err != nil {
			return err
		}
		if f.json != "" {
			if err := r.WriteJSON(f.json); err != nil {
				return err
			}
			fmt.Fprintln(messages, f.json)
		}
	}
	if f.saveRef == "" {
		return nil
	}
	fmt.Fprintf(messages, "%s: statistics of %d images\n", f.saveRef, statistics.Stamp.Count)
	return statistics.Write(f.saveRef)
}

// explained adds to an error what the user may do about it, or that the user has caused it.
func explained(ctx context.Context, err error) error {
	if errors.Is(err, judge.ErrNotComparable) {
		return fmt.Errorf("%w\n--force compares nevertheless", err)
	}
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return fmt.Errorf("%w; nothing is written", cli.ErrInterrupted)
	}
	return err
}

// writable refuses to replace files, and tries to write beside them, before anything is computed.
func writable(f *flags) error {
	for _, output := range []struct{ flag, path string }{{"--json", f.json}, {"--save-ref", f.saveRef}} {
		if output.path == "" {
			continue
		}
		if _, err := os.Stat(output.path); !errors.Is(err, fs.ErrNotExist) && !f.force {
			return fmt.Errorf("%s: %s is there already (--force replaces it)", output.flag, output.path)
		}
		if err := cli.Writable(output.flag, filepath.Dir(output.path)); err != nil {
			return err
		}
	}
	return nil
}

// bars show one set of images after the other.
type bars struct {
	w    io.Writer
	path string
	bar  *progress.Bar
}

func (b *bars) update(path string, done, total int) {
	if b.bar == nil || b.path != path || done == 0 {
		b.finish()
		fmt.Fprintln(b.w, path)
		b.path, b.bar = path, progress.New(b.w, total)
		b.bar.Unit = "images"
	}
	b.bar.Update(done, 0)
}

func (b *bars) finish() {
	if b.bar != nil {
		b.bar.Finish()
		b.bar = nil
	}
}
