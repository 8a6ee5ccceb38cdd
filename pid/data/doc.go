// Package data is where training and reference images come from: IDX files (MNIST and its kin) and folders of PNG and JPEG
// files, read into memory as bytes; and how EDM augments them for training.
//
// # References
//
//   - [karras22] T. Karras et al., Elucidating the design space of diffusion-based generative models, arXiv:2206.00364
//   - [daubechies92] I. Daubechies, Ten lectures on wavelets, SIAM 1992; the digits of the filter are those that wavelet libraries agree on
package data
