// Package kernels is what is done to numbers: one file per operation, each defined by a plain Go loop.
//
// An operation is a value of type [Op]. Its Ref function is the specification: it is written to be read, sums in
// float64, and serves every CPU that has nothing faster. Implementations (in kernels/cpu and kernels/cuda) register
// themselves with the Op, and tests hold them to Ref. Kernels know buffers and sizes, never tensors. They assign their
// outputs and never add to them, unless the buffer's tag is "inout".
//
// # To add an operation
//
// Four files make one that runs on every CPU and can be differentiated:
//
//	kernels/x.go               the formula, XArgs, the plain loop, and var X = define(Op[XArgs]{…})
//	kernels/kernelstest/x.go   func X(r *Rand) kernels.XArgs, which draws arguments for the tests
//	autograd/x.go              the forward call and the gradient: see package autograd
//	autograd/x_test.go         a gradient case
//
// Three more make it run on a GPU, and two a faster one on a CPU:
//
//	kernels/cuda/x.go, x_ptx.go, x_test.go   and its lines in the tables of entries, which tests compare
//	kernels/cpu/x_amd64.go, x_test.go   and a function in kernels/cpu/gen if it needs assembly of its own
//
// No list of operations is written by hand: define puts them on that of [Operations], from which devices that pass
// operations on, as in tests, have them ([Op.Delegate]). What is forgotten a test finds: TestOperations here an operation
// that is not listed or whose arguments nobody draws, TestOperations in kernels/cuda one that a GPU lacks, and
// TestGradientsComplete in autograd one without a gradient case.
//
// # Layout
//
// Activations are NHWC on every device. Convolution weights are (KH,KW,I,O) and linear weights (I,O), so that both are
// the right-hand matrix of a product as they lie in memory; the published OIHW order exists only in weight files.
//
// # Half precision
//
// A buffer is [F32] or [F16]. F16 is storage: every kernel computes and sums in float32. A kernel that is
// registered for F32 alone is run on converted copies, which gives the same bits as converting inside it.
//
// # Decisions
//
//   - 2026-11: the result of an operation never depends on the number of threads or on how tasks are claimed: each
//     output element is summed by one task in a fixed order, and reductions over many tasks go through fixed slots that
//     are summed in slot order. Rejected: atomics, per-thread partial sums.
//   - 2026-11: weights are (K,N) matrices, not OHWI. Packing a panel of them is then a copy in the forward pass; the
//     input gradient pays for a transposition. OHWI would turn that round, and the forward pass runs more often.
//   - 2026-12: an operation is on the list of [Operations] because define has made it. Rejected: a list by hand, which
//     had to be kept at three places; pointers in the place of values, which would list themselves as well but change
//     every line that registers an implementation.
//
// # References
//
//   - [karras22] T. Karras et al., Elucidating the design space of diffusion-based generative models, arXiv:2206.00364
//   - [wu18] Y. Wu, K. He, Group normalization, arXiv:1803.08494
//   - [zhang18] R. Zhang et al., The unreasonable effectiveness of deep features as a perceptual metric, arXiv:1801.03924
//   - [liu20] L. Liu et al., On the variance of the adaptive learning rate and beyond, arXiv:1908.03265
//   - [kingma15] D. Kingma, J. Ba, Adam: a method for stochastic optimization, arXiv:1412.6980
//   - [salmon11] J. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011
package kernels
