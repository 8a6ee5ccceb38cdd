// Package judge measures how good generated images are. All judging is here, whatever the images come from, and all of it on bytes: the images as they
// are saved ([onestep/pid/data.Rounded]).
//
// [Images] are what is judged, one after the other: of a file, of a folder, or [Drawn] by a model when they are read. There are two ways to judge them:
//
//   - As papers do, by the Inception network of 2015-12-05: Fréchet distance (FID), Inception Score, sFID, kernel distance, precision and recall, each
//     with what it stands on: how many images, of which bytes, by which weights, against which reference. A [Network] is Inception as a file holds it, a
//     [Reference] is what is known of the images to compare with, and [Evaluate] makes a [Result] of the three. Command evaluate does this.
//   - By the features of any other network: an [Extractor]'s Fréchet distance to statistics that [LoadGaussian] reads. The default job does this with a
//     small classifier, since Inception means little for 16×16 grey images.
//
// Both read images once, in order (gather.go), and leave the mathematics to package metrics, which knows no networks and no files.
//
// A new metric is in three places: its mathematics in metrics with a test, its name in metric.go, and what is gathered for it and measured in gather.go
// and evaluate.go.
//
// # References
//
//   - [heusel17] M. Heusel et al., GANs trained by a two time-scale update rule, arXiv:1706.08500
//   - [karras22] T. Karras et al., Elucidating the design space of diffusion-based generative models, arXiv:2206.00364 (EDM; its fid.py)
//   - [matsumoto98] M. Matsumoto, T. Nishimura, Mersenne twister, ACM TOMACS 8(1), 1998
//   - [dhariwal21] P. Dhariwal, A. Nichol, Diffusion models beat GANs on image synthesis, arXiv:2105.05233 (OpenAI's evaluator)
package judge
