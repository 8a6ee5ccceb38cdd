package main

import (
	"fmt"
	"runtime"

	"onestep/nn"
	"onestep/nn/weights"
	"onestep/pid"
	"onestep/pid/embedded"
	"onestep/pid/ranks"
	"onestep/pid/runs"
	"onestep/tensor"
	"onestep/tools/internal/results"
	"onestep/tools/internal/teacher"
)

// begin makes a run, or opens one and continues from its checkpoint. Nothing is made before everything it needs has been read, by all ranks. Rank 0
// has the folder, the others have none.
func begin(f *flags, d *tensor.Device, ranks *ranks.Comm) (dir *runs.Run, job *pid.Job, err error) {
	dir, job, err = prepareJob(f, d, ranks.Rank() == 0)
	if err := shareError(ranks, err); err != nil {
		return nil, nil, err
	}
	if ranks.Size() > 1 {
		err = job.Join(ranks)
	}
	if err == nil && ranks.Rank() == 0 {
		dir, err = openFolder(f, dir, job)
	}
	return dir, job, shareError(ranks, err)
}

// prepareJob sets a job up, at the step where it is to begin, and changes no file. For a run that is continued it returns the run's folder, too, which
// is locked if this process is to write there; a new run has none yet.
func prepareJob(f *flags, d *tensor.Device, write bool) (dir *runs.Run, job *pid.Job, err error) {
	if !f.Resume {
		job, err = newJob(f, d)
		return nil, job, err
	}
	if f.Out == "" {
		if f.Out, err = runs.Last("runs"); err != nil {
			return nil, nil, fmt.Errorf("--resume: %w; --out says which to continue", err)
		}
	}
	dir, c, err := runs.Open(f.Out, write)
	if err != nil {
		return nil, nil, fmt.Errorf("--resume: %w", err)
	}
	if err := f.resume(c); err != nil {
		return nil, nil, err
	}
	if f.LR != c.LR || f.Clip != c.Clip {
		dir.Notes = append(dir.Notes, fmt.Errorf("from here on --lr %g --clip %g, not %g and %g: %s does not repeat the steps before", f.LR, f.Clip, c.LR, c.Clip, runs.ConfigFile))
	}
	if job, err = loadJob(f, d); err != nil {
		return nil, nil, err
	}
	if err := dir.Read(job); err != nil {
		return nil, nil, fmt.Errorf("--resume: %w", err)
	}
	return dir, job, checkStepsLeft(f, job)
}

// newJob sets up the job of a new run, which may begin at a checkpoint of the reference.
func newJob(f *flags, d *tensor.Device) (job *pid.Job, err error) {
	if job, err = loadJob(f, d); err != nil || f.reference == "" {
		return job, err
	}
	if f.notes, err = runs.ResumeReference(job.Trainer, f.reference); err != nil {
		return nil, fmt.Errorf("--resume-reference: %w", err)
	}
	return job, checkStepsLeft(f, job)
}

// checkStepsLeft is an error if the job has made more steps than it is to make.
func checkStepsLeft(f *flags, job *pid.Job) error {
	if done := job.Trainer.Step; done > f.Steps {
		return fmt.Errorf("--steps %d: the run has made %d", f.Steps, done)
	}
	return nil
}

// openFolder makes the folder of a new run, or brings the folder of a continued one back to the state that it had at the checkpoint.
func openFolder(f *flags, found *runs.Run, job *pid.Job) (*runs.Run, error) {
	if !f.Resume {
		if f.Out == "" {
			f.Out = runs.Next("runs")
		}
		return runs.Create(f.Out, f.Config, func(r *runs.Run) error {
			r.Notes = f.notes
			return r.Save(job)
		})
	}
	if err := found.Restore(job); err != nil {
		return nil, fmt.Errorf("--resume: %w", err)
	}
	return found, nil
}

// loadJob loads the networks and makes a job of them.
func loadJob(f *flags, d *tensor.Device) (*pid.Job, error) {
	if err := f.planRun(d); err != nil {
		return nil, err
	}
	if err := f.openFID(d); err != nil {
		return nil, err
	}
	net, err := loadTeacher(d, f.Teacher)
	if err != nil {
		return nil, fmt.Errorf("--teacher: %w", err)
	}
	lpips, err := perceptual(d, f, net)
	if err != nil {
		return nil, err
	}
	runtime.GC() // frees the copies of weights that were made while they were read
	return pid.NewJob(f.Config, net, lpips)
}

// openFID reads what FIDs are measured by, before anything large. Only rank 0 measures.
func (f *flags) openFID(d *tensor.Device) error {
	if f.place.Rank > 0 || f.Inception == "" {
		return nil
	}
	net, err := teacher.Config(f.Teacher)
	if err != nil {
		return fmt.Errorf("--teacher: %w", err)
	}
	f.fid, err = results.OpenFID(d, f.Config, net)
	return err
}

func loadTeacher(d *tensor.Device, path string) (*nn.UNet, error) {
	file, err := teacher.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	net, role, err := weights.LoadUNet(d, file)
	if err == nil && role != weights.RoleTeacher && role != "" { // bare tensors do not say
		err = fmt.Errorf("%s: its role is %q, want %q", file.Path, role, weights.RoleTeacher)
	}
	return net, err
}

// perceptual is the network whose features the loss compares, if it does: VGG16 from a file or, for images like the embedded ones, the embedded one.
func perceptual(d *tensor.Device, f *flags, net *nn.UNet) (*nn.LPIPS, error) {
	distance, err := pid.DistanceNamed(f.Loss)
	switch {
	case err != nil || !distance.Perceptual:
		return nil, err
	case f.VGG == "" && !embedded.Fits(net):
		return nil, fmt.Errorf("--loss %s: the embedded perceptual network judges 16x16 images of 1 channel, the teacher draws %dx%d of %d: give --vgg, or --loss l2",
			f.Loss, net.Resolution, net.Resolution, net.InChannels)
	case f.VGG == "":
		return embedded.Perceptual(d)
	}
	if c := net.InChannels; !distance.Sees(c) {
		return nil, fmt.Errorf("--loss %s: VGG16 judges images of 1 or 3 channels, the teacher draws %d", f.Loss, c)
	}
	file, err := weights.Open(f.VGG)
	if err != nil {
		return nil, fmt.Errorf("--vgg: %w", err)
	}
	defer file.Close()
	vgg := nn.NewVGG16(d)
	if err := weights.LoadPart(file, vgg.Params); err != nil {
		return nil, fmt.Errorf("--vgg: %w", err)
	}
	return nn.NewVGGLPIPS(vgg, -1, 1), nil
}
