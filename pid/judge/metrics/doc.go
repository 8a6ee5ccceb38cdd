// Package metrics is the plain mathematics of judging images by their features: Fréchet distance, Inception Score, kernel distance, precision and
// recall. Features are rows of numbers here; the networks and files that they come from are package judge's.
//
// # References
//
//   - [heusel17] M. Heusel et al., GANs trained by a two time-scale update rule, arXiv:1706.08500
//   - [salimans16] T. Salimans et al., Improved techniques for training GANs, arXiv:1606.03498
//   - [binkowski18] M. Bińkowski et al., Demystifying MMD GANs, arXiv:1801.01401
//   - [kynkaanniemi19] T. Kynkäänniemi et al., Improved precision and recall metric, arXiv:1904.06991
//   - [efron81] B. Efron, C. Stein, The jackknife estimate of variance, Annals of Statistics 9(3), 1981
//
// # Decisions
//
//   - 2026-11: the uncertainty of a Fréchet distance is the delete-one jackknife's, which [FrechetError] has in closed form. Tried on drawn features
//     and rejected: the influence function (delta method), which is a third too small where images are a few times the features, and twice too
//     large close to the reference; ten groups left out in turn, which is as good on average but itself uncertain by a quarter, for ten
//     decompositions. Not tried: the bootstrap, whose samples with repetitions have lower rank and thus another distance, for hundreds of
//     decompositions. The error says nothing of the bias from few images; extrapolation to infinitely many would, and may come beside it.
package metrics
