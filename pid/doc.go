// Package pid is Physics Informed Distillation [tee24] of an EDM diffusion model [karras22] into a generator that draws an image in one
// evaluation: noise levels, student, loss, distances, samplers and the trainer. What is drawn is judged in [onestep/pid/judge].
//
// The teacher's probability-flow ODE, dx/dt = (x − D(x,t))/t with t = σ, is treated as a physical law. The student x_θ(z,t) is trained
// to be its solution for every starting noise z, by making the residual of the law small: no data are needed.
//
// σ is in units of images in [−1,1].
//
// # From the command to the loss: the way of the noise z
//
//  1. tools/distill/flags.go makes a [Config] of the command line. begin.go reads the teacher and, for a distance that compares features, their
//     network; [NewJob] copies the teacher to the [Student], and puts together objective and [Trainer].
//  2. [Trainer.Run] asks for steps. One is a [tensor.Program], done once and then replayed, and goes through the batch a microbatch at a time.
//  3. [Distillation.Losses] draws z = σ_max·ε with [autograd.Normal], keyed by seed, step and sample, and beside it a grid index and a class.
//  4. [Levels.Pair] makes two neighbouring noise levels t and s of the index.
//  5. [Loss.Residual] gives the student's network z twice, at t and at s: [nn.UNet] of c_in·z and ln(t)/4.
//  6. [autograd.PairAxpby] makes of both outputs x − t·∂x/∂t, the student's side of the equation, with gradient.
//  7. Of the first alone comes x = x_θ(z,t), without one. [nn.Precond.Denoise] makes D(x,t) of it, the teacher's side.
//  8. [Loss.At] takes the [Distance] of the two, times the [Weighting] of t: the loss of each sample.
//  9. [autograd.Backward] starts with 1/batch times the loss scale, from [optim.Optimizer.Seed], and gathers the gradient of all microbatches.
//  10. [optim.Optimizer.Step] moves parameters and averages, unless something overflowed; its report becomes [Metrics], which runs.Run logs.
//
// # What lives elsewhere
//
//   - the loss scale of FP16: [optim.LossScale] in nn/optim/control.go, and [Config.Rule]; the decision to skip a step: kernels/stepcontrol.go
//   - clipping: [optim.Rule], in kernels/stepcontrol.go, too
//   - moving averages (EMA): [optim.Optimizer], in kernels/adam.go; their rates: [Config], their weights: [Job.Average]
//   - what is computed in binary16: the package comment of [onestep/nn]; NewJob sets it for all networks
//   - run folders: pid/runs; processes: pid/ranks; images: pid/data; distances of sets of images: pid/judge
//
// A checkpoint is the saved state of a run, from which it goes on; a weight file is the tensors of one network. That blocks are computed again in the
// backward pass, which saves memory (the flag says --checkpoint-blocks), is called recomputation.
//
// # To add
//
// Each has its test beside it. The help texts follow by `go test ./tools/NAME -run 'Help|FlagsPage' -update`.
//
//   - a distance, 1 place: an entry of [Distances]; a network of its own, if it has one, is a file of nn
//   - a weighting of noise levels, 1 place: an entry of [Weightings]
//   - a preset, 1 place: an entry of [Presets]
//   - an objective, 2 places: a file here with the two methods of [Objective]; the command that makes a Trainer of it, such as tools/train
//   - a step of the sampler, as Euler's and Heun's, 2 places: a field of [Sampler] with its lines in Draw; its name in tools/internal/draw/settings.go
//   - an optimiser, 1 place: an entry of optim.Rules, if it is Adam with other settings; else its operation in kernels, called in nn/optim/optim.go
//   - a setting, 2 places: a field of [Config], with its check; its flag in tools/distill/flags.go
//
// # Decisions
//
//   - 2026-11: gradients of microbatches are averaged, not summed. The reference sums the means, which multiplies the gradient by the
//     number of microbatches; Adam does not see it, but clipping and RAdam's first five steps do, and a setting that only saves memory
//     must not change the run.
//   - 2026-11: both student evaluations of a loss go through the network as one batch of twice the size. The same memory, larger
//     products.
//   - 2026-11: one trainer for distillation, teachers and classifiers; they differ in their [Objective].
//   - 2026-11: random numbers and learning rate are keyed by the steps tried, bias corrections by the updates made. A step that is skipped
//     for overflow is not tried again with the same noise, which the host would have to know of before it asks for the next one; the
//     reference's counter advances too.
//
// # References
//
//   - [tee24] J. T. J. Tee, K. Zhang et al., Physics informed distillation for diffusion models, TMLR 2024, arXiv:2411.08378
//   - [karras22] T. Karras et al., Elucidating the design space of diffusion-based generative models, arXiv:2206.00364
package pid
