// Command train makes the networks that distillation starts from: a teacher by EDM's training loss, or a small classifier by which images
// are judged. It also measures the features of a set of images, for the Fréchet distance.
//
//	go run ./tools/train --task teacher --data DIR|FILE --out teacher.safetensors
//	go run ./tools/train --task classifier --data FILE --out features.safetensors
//	go run ./tools/train --task reference --features features.safetensors --data FILE --out reference.safetensors
//
// Data are a folder of images (its subfolders are classes) or an IDX file, plain or gzip.
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"onestep/nn"
	"onestep/nn/optim"
	"onestep/nn/weights"
	"onestep/pid"
	"onestep/pid/data"
	"onestep/pid/judge"
	"onestep/pid/runs"
	"onestep/tensor"
	"onestep/tools/internal/cli"
	"onestep/tools/internal/progress"
)

func main() { cli.Main("train", parse, run) }

func run(ctx context.Context, f *flags) (err error) {
	defer tensor.Recover(&err)
	images, err := load(f, f.data)
	if err != nil {
		return err
	}
	d, err := f.device.Open(f.threads, 0, os.Stderr)
	if err != nil {
		return err
	}
	switch f.task {
	case "teacher":
		return teacher(ctx, f, d, images)
	case "classifier":
		return classifier(ctx, f, d, images)
	}
	return reference(ctx, f, d, images)
}

// load reads the images and brings them to the size asked for.
func load(f *flags, path string) (*data.Images, error) {
	im, err := data.Read(path)
	if err != nil {
		return nil, err
	}
	if f.pad > 0 {
		if im.H > f.pad || im.W > f.pad {
			return nil, fmt.Errorf("--pad %d: images of %s are %dx%d", f.pad, path, im.W, im.H)
		}
		im = im.PadTo(f.pad)
	}
	for range f.halve {
		if im.H%2 != 0 || im.W%2 != 0 {
			return nil, fmt.Errorf("--halve: images of %s are %dx%d here", path, im.W, im.H)
		}
		im = im.Halve()
	}
	return im, nil
}

func teacher(ctx context.Context, f *flags, d *tensor.Device, im *data.Images) error {
	if im.H != im.W {
		return fmt.Errorf("%s: images are %dx%d, want square ones", f.data, im.W, im.H)
	}
	r := tensor.Random{Seed: f.seed}
	net, err := network(f, d, im, r)
	if err != nil {
		return err
	}
	o := &pid.Denoising{
		Net: pid.NewTeacher(net), Images: im, Random: r, Batch: f.batch, PMean: -1.2, PStd: 1.2, Flip: f.flip,
		Dropout: net.Dropout, LabelDropout: net.LabelDropout, Augment: f.augment,
	}
	return train(ctx, f, net.Params, o, weights.RoleTeacher, net.JSON())
}

func classifier(ctx context.Context, f *flags, d *tensor.Device, im *data.Images) error {
	if im.Labels == nil {
		return fmt.Errorf("--task classifier: %s has no classes", f.data)
	}
	c := nn.SmallClassifier(im.C)
	c.Classes = classes(im)
	var test *data.Images
	if f.test != "" { // read before the training, not when it is done
		var err error
		if test, err = load(f, f.test); err != nil {
			return fmt.Errorf("--test: %w", err)
		}
		if test.Labels == nil || test.C != im.C || test.H != im.H || test.W != im.W || classes(test) > c.Classes {
			return fmt.Errorf("--test: %s: %d classes of %dx%d images, %d channels; those of %s are %d of %dx%d, %d channels", f.test, classes(test), test.W, test.H,
				test.C, f.data, c.Classes, im.W, im.H, im.C)
		}
	}
	net, err := nn.NewClassifier(d, c)
	if err != nil {
		return err
	}
	r := tensor.Random{Seed: f.seed}
	net.Init(r)
	o := &pid.Classification{Net: net, Images: im, Random: r, Batch: f.batch, Flip: f.flip, Dropout: f.net.Dropout}
	if err := train(ctx, f, net.Params, o, weights.RoleClassifier, c.JSON()); err != nil || test == nil {
		return err
	}
	accuracy := pid.Accuracy(net, test, f.batch)
	fmt.Printf("%s: %.2f %% of %d images right\n", f.test, 100*accuracy, test.N)
	return nil
}

// reference measures the features of the images by a classifier, and writes their statistics.
func reference(ctx context.Context, f *flags, d *tensor.Device, im *data.Images) error {
	if _, err := os.Stat(f.out); err == nil {
		return fmt.Errorf("%s: exists; another --out does not replace it", f.out)
	}
	if err := cli.Writable("--out", filepath.Dir(f.out)); err != nil {
		return err
	}
	file, err := weights.Open(f.features)
	if err != nil {
		return err
	}
	defer file.Close()
	net, err := weights.LoadClassifier(d, file)
	if err != nil {
		return err
	}
	e := &judge.Extractor{Device: d, Features: net.Features, Batch: f.batch}
	g, err := e.Gaussian(ctx, judge.InMemory(judge.Source{Path: f.data}, im.Pixels, im.H, im.W, im.C))
	if ctx.Err() != nil {
		return fmt.Errorf("%w; nothing is written", cli.ErrInterrupted)
	}
	if err != nil {
		return err
	}
	return judge.SaveGaussian(f.out, im.N, g)
}

// begin continues from the checkpoint, or writes the first one, so that a place that is not writable is noticed at once. A new run overwrites no file.
func begin(f *flags, tr *pid.Trainer, checkpoint string, settings map[string]string) error {
	if !f.resume {
		for _, path := range []string{f.out, checkpoint} {
			if _, err := os.Stat(path); err == nil {
				return fmt.Errorf("--out: %s: exists; --resume continues an interrupted run, another --out begins one", path)
			}
		}
		if err := os.MkdirAll(filepath.Dir(f.out), 0o777); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		return runs.SaveTrainer(checkpoint, tr, settings)
	}
	file, err := tensor.OpenSealed(checkpoint)
	if err != nil {
		return fmt.Errorf("--resume: %w", err)
	}
	defer file.Close()
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if got, want := file.Metadata[key], settings[key]; got != want {
			return fmt.Errorf("--resume: %s: its %s is %s, this call's %s", checkpoint, key, got, want)
		}
	}
	return runs.LoadTrainer(tr, file)
}

// train runs the trainer with a progress bar and writes the average's weights, at the end and every save interval.
func train(ctx context.Context, f *flags, params *nn.Params, o pid.Objective, role, config string) error {
	tr := &pid.Trainer{
		Objective: o, Params: params, Opt: optim.New(optim.Rule{Clip: f.clip}, params.Vars(), []float64{f.ema}), Batch: f.batch, Micro: f.microbatch, Steps: f.steps,
		Schedule: pid.Schedule{LR: f.lr, Warmup: f.warmup, AnnealFrom: f.annealFrom, AnnealTo: f.annealTo}, Seed: f.seed,
		Pause: func(step int) bool { return f.saveEvery > 0 && step%f.saveEvery == 0 },
	}
	checkpoint := f.out + ".checkpoint"
	settings := map[string]string{"config": config, "role": role, "seed": strconv.FormatUint(f.seed, 10)}
	if f.augment > 0 {
		settings["augment"] = strconv.FormatFloat(f.augment, 'g', -1, 64)
	}
	if err := begin(f, tr, checkpoint, settings); err != nil {
		return err
	}
	save := func() error {
		if err := tr.CheckFinite(); err != nil {
			return err
		}
		if err := runs.SaveTrainer(checkpoint, tr, settings); err != nil {
			return err
		}
		return weights.Save(f.out, role, config, params, tr.Opt.EMA[0], f.half)
	}
	bar := progress.New(os.Stderr, tr.Steps)
	err := tr.Run(ctx, func(m pid.Metrics) error {
		bar.Update(m.Step, m.Loss)
		if f.saveEvery > 0 && m.Step%f.saveEvery == 0 {
			return save()
		}
		return nil
	})
	bar.Finish()
	if errors.Is(err, pid.ErrDiverged) {
		return err // without saving: the last saved state is from before
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w; %s is whole, and --resume continues from it", err, checkpoint)
	}
	if err := save(); err != nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w after %d of %d steps; a checkpoint is written: --resume continues", cli.ErrInterrupted, tr.Step, tr.Steps)
	}
	return os.Remove(checkpoint)
}
