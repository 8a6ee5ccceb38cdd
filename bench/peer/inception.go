package main

import (
	"fmt"

	"onestep/kernels"
	"onestep/nn"
	"onestep/tensor"
)

// inceptionMACs are the multiply-adds of the network for an image of 299×299 pixels, without the last layer's.
const inceptionMACs = 5.72e9

// compareInception compares the features of uint8 images of 32×32 pixels, enlarging them included.
func compareInception(cpu *kernels.CPU, p *peer, rounds int) (result, error) {
	const batch, size = 8, 32 // PyTorch is slower at 16
	n := nn.NewInception(tensor.On(cpu), nn.InceptionPyTorch)
	defer n.Release()
	n.Init(tensor.Random{Seed: 1})
	n.Batch = batch
	images := make([]byte, batch*size*size*3)
	for i := range images {
		images[i] = byte(i * 37)
	}
	name := fmt.Sprintf("Inception features of %d images", batch)
	return compare(p, name, 2*inceptionMACs*batch, map[string]any{"op": "inception", "n": batch, "size": size}, rounds,
		func() { n.Features(images, batch, size, size, 3) })
}
