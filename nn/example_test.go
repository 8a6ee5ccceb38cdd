package nn_test

import (
	"fmt"

	"onestep/autograd"
	"onestep/nn"
	"onestep/tensor"
)

// EDM's denoiser around a raw network: two images at two noise levels. A network from a file is the example of weights.LoadUNet.
func ExamplePrecond_Denoise() {
	c := nn.SongDefaults()
	c.Resolution, c.ModelChannels, c.ChannelMult, c.NumBlocks, c.AttnResolutions = 8, 8, []int{1, 2}, 1, nil
	d := tensor.CPU(1)
	net, err := nn.NewUNet(d, c)
	if err != nil {
		fmt.Println(err)
		return
	}
	net.Init(tensor.Random{Seed: 1})
	denoiser := nn.Precond{Net: net, SigmaData: 0.5}
	x := autograd.Const(d.FromFloat32(make([]float32, 2*8*8*3), 2, 8, 8, 3))
	y := denoiser.Denoise(x, []float64{0.1, 10}, nil)
	fmt.Println(y.Shape(), net.List[0].Name, net.List[0].Shape)
	// Output:
	// [2 8 8 3] map_layer0.weight [32 8]
}
