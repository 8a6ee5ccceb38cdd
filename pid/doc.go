// Package pid is Physics Informed Distillation [tee24] of an EDM diffusion model [karras22] into a generator that draws an image in one
// evaluation: noise levels, student, loss, samplers and the trainer. What is drawn is judged in [onestep/pid/judge].
//
// The teacher's probability-flow ODE, dx/dt = (x − D(x,t))/t with t = σ, is treated as a physical law. The student x_θ(z,t) is trained
// to be its solution for every starting noise z, by making the residual of the law small: no data are needed.
//
// σ is in units of images in [−1,1].
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
