// Package judge judges generated images by the 2015-12-05 Inception network as papers do: Fréchet distance (FID), Inception Score, sFID, kernel
// distance, precision and recall, each with what it stands on: how many images, of which bytes, by which weights, against which reference.
//
// [Images] are what is judged, one after the other: a file, a folder, or a model that draws them. A [Network] is Inception as a file holds it. A
// [Reference] is what is known of the images to compare with. [Evaluate] makes a [Result] of the three.
//
// # References
//
//   - [heusel17] M. Heusel et al., GANs trained by a two time-scale update rule, arXiv:1706.08500
//   - [karras22] T. Karras et al., Elucidating the design space of diffusion-based generative models, arXiv:2206.00364 (EDM; its fid.py)
//   - [matsumoto98] M. Matsumoto, T. Nishimura, Mersenne twister, ACM TOMACS 8(1), 1998
//   - [dhariwal21] P. Dhariwal, A. Nichol, Diffusion models beat GANs on image synthesis, arXiv:2105.05233 (OpenAI's evaluator)
package judge
