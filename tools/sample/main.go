// Command sample draws images: by a diffusion teacher in many evaluations of its network, or by a distilled student in one. sample -h
// lists the flags.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"onestep/data"
	"onestep/pid"
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
	net, student, err := load(f, messages)
	if err != nil {
		return err
	}
	net.Half = f.fp16
	net.Freeze()
	g := pid.GeneratorFor(net, 0)
	if f.class >= max(net.LabelDim, 0) && f.class >= 0 {
		return fmt.Errorf("--class %d: the network has %d classes", f.class, net.LabelDim)
	}
	g.Class = f.class
	draw := func(seeds []uint64) ([]float32, error) { return g.ByTeacher(pid.NewTeacher(net), f.sampler, seeds) }
	evaluations := f.sampler.NFE()
	if student {
		draw = func(seeds []uint64) ([]float32, error) { return g.ByStudent(pid.NewStudent(net), seeds) }
		evaluations = 1
	}
	if err := writable(f); err != nil {
		return err
	}

	all := &data.Images{H: g.H, W: g.W, C: g.C}
	bar := progress.New(messages, len(f.seeds))
	bar.Unit = "images"
	bar.Update(0, 0)
	start := time.Now()
	for first := 0; first < len(f.seeds); first += f.batch {
		if ctx.Err() != nil {
			bar.Finish()
			return fmt.Errorf("%w after %d of %d images", cli.ErrInterrupted, first, len(f.seeds))
		}
		seeds := f.seeds[first:min(first+f.batch, len(f.seeds))]
		x, err := draw(seeds)
		if err != nil {
			return err
		}
		images := picture.Rounded(x, len(seeds), g.H, g.W, g.C)
		for k, seed := range seeds {
			if f.kind() == "" {
				one := &data.Images{N: 1, H: g.H, W: g.W, C: g.C, Pixels: images.Image(k)}
				if err := picture.WriteFolder(f.out, one, int(seed)); err != nil {
					return err
				}
			}
			if g.Labels > 0 {
				all.Labels = append(all.Labels, g.ClassOf(seed))
			}
		}
		if f.kind() != "" {
			all.N, all.Pixels = all.N+len(seeds), append(all.Pixels, images.Pixels...)
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
		fmt.Fprintf(messages, "%s: %d images, evaluations of each: %d, %.4g images/s\n", f.out, len(f.seeds), evaluations, float64(len(f.seeds))/spent)
	}
	return err
}
