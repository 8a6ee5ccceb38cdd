// Package metrics measures sets of generated images by their features: Fréchet distance, Inception Score, kernel distance, precision and
// recall. Where the features come from is for others to say; here they are rows of numbers.
//
// # References
//
//   - [heusel17] M. Heusel et al., GANs trained by a two time-scale update rule, arXiv:1706.08500
//   - [salimans16] T. Salimans et al., Improved techniques for training GANs, arXiv:1606.03498
//   - [binkowski18] M. Bińkowski et al., Demystifying MMD GANs, arXiv:1801.01401
//   - [kynkaanniemi19] T. Kynkäänniemi et al., Improved precision and recall metric, arXiv:1904.06991
//   - [efron81] B. Efron, C. Stein, The jackknife estimate of variance, Annals of Statistics 9(3), 1981
package metrics
