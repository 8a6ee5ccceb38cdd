package nn

// CIFAR10 is EDM's unconditional network for CIFAR-10 with the preconditioning "vp", that of DDPM++ [karras22]: 55.7 M parameters.
func CIFAR10() UNetConfig {
	c := SongDefaults()
	c.Resolution = 32
	return c
}

// ImageNet64 is EDM's class-conditional network for ImageNet at 64×64 pixels, that of ADM [karras22]: 295.9 M parameters, 109.7 G multiply-adds an
// image.
func ImageNet64() UNetConfig {
	c := DhariwalDefaults()
	c.Resolution, c.LabelDim = 64, 1000
	return c
}
