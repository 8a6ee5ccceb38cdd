package weights_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"onestep/autograd"
	"onestep/nn"
	"onestep/nn/weights"
	"onestep/tensor"
)

// A network from a file, of any format that [weights.Open] recognises. Here it is one that was written before.
func ExampleLoadUNet() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "teacher.safetensors")
	c := nn.DhariwalDefaults()
	c.Resolution, c.ModelChannels, c.ChannelMult, c.NumBlocks, c.AttnResolutions = 8, 8, []int{1, 2}, 1, nil
	made, err := nn.NewUNet(tensor.CPU(1), c)
	if err != nil {
		fmt.Println(err)
		return
	}
	made.Init(tensor.Random{Seed: 1})
	if err := weights.Save(path, weights.RoleTeacher, made.JSON(), made.Params, nil, false); err != nil {
		fmt.Println(err)
		return
	}

	file, err := weights.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	d := tensor.CPU(1)
	net, role, err := weights.LoadUNet(d, file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(role, net.ModelType, net.Count(), "parameters")
	const name = "enc.8x8_block0.conv0.weight"
	fmt.Println("they are those that were written:", slices.Equal(net.Named(name).Get(), made.Named(name).Get()))
	x := autograd.Const(d.FromFloat32(make([]float32, 2*8*8*3), 2, 8, 8, 3)) // two black images
	y := net.Forward(x, nn.Inputs{Noise: nn.NoiseLabels(d, []float64{1, 80})})
	fmt.Println("F has the shape", y.Shape())
	// Output:
	// teacher DhariwalUNet 48795 parameters
	// they are those that were written: true
	// F has the shape [2 8 8 3]
}
