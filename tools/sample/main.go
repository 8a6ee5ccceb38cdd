// Command sample draws images: by a diffusion teacher in many evaluations of its network, or by a distilled student in one. sample -h
// lists the flags.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"onestep/pid/data"
	"onestep/tensor"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/picture"
	"onestep/tools/internal/progress"
)

func main() {
	cli.Main("sample", parse, func(ctx context.Context, f *flags) error { return run(ctx, f, os.Stderr) })
}

// run draws the images batch by batch and writes them.
func run(ctx context.Context, f *flags, messages io.Writer) (err error) {
	defer tensor.Recover(&err)
	g, err := f.Open(func() (*tensor.Device, error) { return f.device.Open(f.threads, 0, messages) })
	if err != nil {
		return err
	}
	if g.C != 1 && g.C != 3 && f.kind() != ".npz" {
		return fmt.Errorf("--out %s: images of %d channels can only go into a .npz file", f.out, g.C)
	}
	dir := f.out
	if f.kind() != "" {
		dir = filepath.Dir(f.out)
	}
	if err := cli.Writable("--out", dir); err != nil {
		return err
	}

	all := &data.Images{H: g.H, W: g.W, C: g.C}
	bar := progress.New(messages, len(f.Seeds))
	bar.Unit = "images"
	bar.Update(0, 0)
	start := time.Now()
	for first := 0; first < len(f.Seeds); first += f.batch {
		if ctx.Err() != nil {
			bar.Finish()
			return fmt.Errorf("%w after %d of %d images", cli.ErrInterrupted, first, len(f.Seeds))
		}
		seeds := f.Seeds[first:min(first+f.batch, len(f.Seeds))]
		images, err := g.Draw(seeds)
		if err != nil {
			return err
		}
		for k, seed := range seeds {
			if f.kind() == "" {
				one := &data.Images{N: 1, H: g.H, W: g.W, C: g.C, Pixels: images.Image(k)}
				if err := picture.WriteFolder(f.out, one, int(seed)); err != nil {
					return err
				}
			}
		}
		if f.kind() != "" {
			all.N, all.Pixels, all.Labels = all.N+len(seeds), append(all.Pixels, images.Pixels...), append(all.Labels, images.Labels...)
		}
		bar.Update(first+len(seeds), 0)
	}
	bar.Finish()
	spent := time.Since(start).Seconds()
	switch f.kind() {
	case ".png":
		err = picture.Grid{Columns: f.columns}.Write(f.out, all)
	case ".npz":
		err = picture.WriteNPZ(f.out, all)
	}
	if err == nil {
		fmt.Fprintf(messages, "%s: %d images, evaluations of each: %d, %.4g images/s\n", f.out, len(f.Seeds), g.Evaluations, float64(len(f.Seeds))/spent)
	}
	return err
}
