// Command checkpoint shows PyTorch the .pt files that tools/convert writes: torch.load with weights_only, load_state_dict with strict, and the same
// answers of the networks; and of the reference's checkpoint sets that the optimiser goes on, and that we read what PyTorch then saves.
//
//	pip install -r bench/peer/requirements.txt
//	go run ./bench/peer/checkpoint [-python python3]
package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"onestep/autograd"
	"onestep/nn"
	"onestep/nn/weights"
	"onestep/pid"
	"onestep/tensor"
)

func main() {
	python := flag.String("python", "python3", "Python that has PyTorch")
	flag.Parse()
	if err := run(*python); err != nil {
		fmt.Fprintln(os.Stderr, "checkpoint:", err)
		os.Exit(1)
	}
}

func run(python string) error {
	dir, err := os.MkdirTemp("", "checkpoint")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	convert := filepath.Join(dir, "convert.exe")
	if err := command("go", "build", "-o", convert, "./tools/convert"); err != nil {
		return err
	}
	for name, c := range cases() {
		if err := write(convert, filepath.Join(dir, name), c); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, half := range []bool{false, true} {
		if err := writeSet(convert, dir, half); err != nil {
			return err
		}
	}
	if err := command(python, filepath.Join("bench", "peer", "checkpoint.py"), dir); err != nil {
		return err
	}
	for _, half := range []bool{false, true} {
		if err := readSet(dir, half); err != nil {
			return err
		}
	}
	return nil
}

func command(name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return nil
}

// cases are the CIFAR-10 networks at full size, and ADM at a third of ImageNet-64's width.
func cases() map[string]nn.UNetConfig {
	classes := nn.CIFAR10()
	classes.LabelDim = 10
	adm := nn.DhariwalDefaults()
	adm.Resolution, adm.ModelChannels, adm.LabelDim = 64, 64, 1000
	return map[string]nn.UNetConfig{"song-cifar10": nn.CIFAR10(), "song-cifar10-cond": classes, "dhariwal-64": adm}
}

// write makes a network, its files and our answer to random images.
func write(convert, path string, c nn.UNetConfig) error {
	d := tensor.CPU(0)
	net, err := random(d, c)
	if err != nil {
		return err
	}
	defer net.Release()
	if err := weights.Save(path+".safetensors", weights.RoleTeacher, net.JSON(), net.Params, nil, false); err != nil {
		return err
	}
	if err := command(convert, path+".safetensors", path+".pt"); err != nil {
		return err
	}
	if err := os.WriteFile(path+".json", []byte(net.JSON()), 0o666); err != nil {
		return err
	}

	const n = 2
	sigma, r := []float64{0.05, 7}, tensor.Random{Seed: 3}
	x := make([]float32, n*3*c.Resolution*c.Resolution) // (N,C,H,W)
	r.Normal(x, tensor.Noise, 0, 0)
	list := []tensor.Named{
		tensor.F32Tensor("x", x, n, 3, c.Resolution, c.Resolution), tensor.F32Tensor("sigma", []float32{0.05, 7}, n),
	}
	var labels *autograd.Var
	if c.LabelDim > 0 {
		y := make([]float32, n*c.LabelDim)
		y[3], y[c.LabelDim+7] = 1, 1
		list = append(list, tensor.F32Tensor("labels", y, n, c.LabelDim))
		labels = autograd.Const(d.FromFloat32(y, n, c.LabelDim))
	}
	pixels := c.Resolution * c.Resolution
	inside := make([]float32, len(x)) // (N,H,W,C)
	each(n, pixels, func(nchw, nhwc int) { inside[nhwc] = x[nchw] })
	images := autograd.Const(d.FromFloat32(inside, n, c.Resolution, c.Resolution, 3))
	answer := pid.NewTeacher(net).Denoise(images, sigma, labels).Value.Float32s()
	out := make([]float32, len(x))
	each(n, pixels, func(nchw, nhwc int) { out[nchw] = answer[nhwc] })
	list = append(list, tensor.F32Tensor("D", out, n, 3, c.Resolution, c.Resolution))
	return tensor.WriteSafeTensors(path+".io.safetensors", nil, list)
}

// each pairs the places of every number of RGB images in both layouts.
func each(n, pixels int, f func(nchw, nhwc int)) {
	for i := range n * 3 * pixels {
		image, channel, pixel := i/(3*pixels), i/pixels%3, i%pixels
		f(i, (image*pixels+pixel)*3+channel)
	}
}

// random is a frozen network with weights that let no layer vanish: of unit gain, scales about 1 and small biases.
func random(d *tensor.Device, c nn.UNetConfig) (*nn.UNet, error) {
	net, err := nn.NewUNet(d, c)
	if err != nil {
		return nil, err
	}
	for i, p := range net.Trained() {
		x := make([]float32, p.Var.Len())
		tensor.Random{Seed: 1}.Normal(x, tensor.Init, 0, uint64(i))
		fan := 1
		for _, n := range p.Shape[1:] {
			fan *= n
		}
		for k, v := range x {
			switch {
			case len(p.Shape) > 1:
				x[k] = v / float32(math.Sqrt(float64(fan)))
			case strings.Contains(p.Name, "norm") && strings.HasSuffix(p.Name, ".weight"):
				x[k] = 1 + v/10
			default:
				x[k] = v / 10
			}
		}
		p.Set(x)
	}
	net.Freeze()
	return net, nil
}
