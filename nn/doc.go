// Package nn holds modules and networks: EDM's two U-Nets and their preconditioning [karras22], LPIPS [zhang18], the Inception
// network of FID [szegedy16, heusel17], and the small classifiers of the default job. A constructor is one struct literal; the names
// that [Scope] makes are those of the published weights, so loading needs no table.
//
// # Weights
//
// Inside, convolution weights are (KH,KW,I,O), linear weights (I,O), and the rows of a query-key-value projection stand in three
// blocks q, k, v of (head, channel). Files have PyTorch's order: OIHW, (O,I), and q, k, v interleaved channel by channel. [Param]
// converts at that border and nowhere else.
//
// # Half precision
//
// A network with Half set casts the image to binary16 where the encoder begins; convolutions cast their weights to the type of their
// input, as the reference does, once per update: [onestep/autograd.Cast] keeps the copy beside the parameter.
// Normalisation, softmax, embeddings and master weights stay float32. [LPIPS] can do the same.
//
// # To add
//
//   - a module, 1 place: its file, with its declaration by a [Scope] and its Forward; its test has a golden case or a gradient check
//   - a network, 1 place: its file, which registers a [Family]; dhariwalunet.go is the shorter example. Weight files are recognised by their keys,
//     and commands know it. A setting that no other network has is one more: a field of [UNetConfig], with omitempty.
//   - a perceptual network, 1 place: its file, with the methods of [Features]; what compares by it: [onestep/pid.Distances]
//
// # References
//
//   - [karras22] T. Karras et al., Elucidating the design space of diffusion-based generative models, arXiv:2206.00364
//   - [song21] Y. Song et al., Score-based generative modeling through stochastic differential equations, arXiv:2011.13456
//   - [dhariwal21] P. Dhariwal, A. Nichol, Diffusion models beat GANs on image synthesis, arXiv:2105.05233
//   - [simonyan14] K. Simonyan, A. Zisserman, Very deep convolutional networks for large-scale image recognition, arXiv:1409.1556
//   - [szegedy16] C. Szegedy et al., Rethinking the Inception architecture for computer vision, arXiv:1512.00567
//   - [heusel17] M. Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash equilibrium, arXiv:1706.08500
//   - [zhang18] R. Zhang et al., The unreasonable effectiveness of deep features as a perceptual metric, arXiv:1801.03924
package nn
