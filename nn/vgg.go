package nn

import (
	"fmt"

	"onestep/autograd"
	"onestep/tensor"
)

// VGG16 is the convolutional trunk of the classifier of [simonyan14], with torchvision's names. Its images are normalised by ImageNet's
// mean and deviation of each channel. The last pooling and the classifier are left out.
type VGG16 struct {
	*Params
	MaxPool bool // as it was trained; [LPIPS] of the distillation paper puts the mean instead

	stages [][]*Conv2d // what lies between poolings; each ends with a tap
}

// vggStages are the output channels of every convolution, stage by stage.
var vggStages = [][]int{{64, 64}, {128, 128}, {256, 256, 256}, {512, 512, 512}, {512, 512, 512}}

// NewVGG16 declares the trunk. Convolution, rectifier and pooling each have a number of their own, of which only convolutions have tensors.
func NewVGG16(d *tensor.Device) *VGG16 {
	ps, s := NewParams(d)
	v := &VGG16{Params: ps}
	s = s.In("features")
	in, index := 3, 0
	for _, widths := range vggStages {
		var stage []*Conv2d
		for _, out := range widths {
			stage = append(stage, NewConv2d(s.In(fmt.Sprint(index)), ConvConfig{In: in, Out: out, Kernel: 3}, he))
			in = out
			index += 2
		}
		v.stages = append(v.stages, stage)
		index++
	}
	return v
}

// Taps are the five activations before a pooling: relu1_2, relu2_2, relu3_3, relu4_3, relu5_3.
func (v *VGG16) Taps(x *autograd.Var) []*autograd.Var {
	var taps []*autograd.Var
	for i, stage := range v.stages {
		x = autograd.Scope(v.Device, func() *autograd.Var {
			y := x
			if i > 0 {
				y = v.pool(y)
			}
			for _, c := range stage {
				y = c.ForwardTo(y, autograd.Conv{ReLU: true})
			}
			return y
		})
		taps = append(taps, x)
	}
	return taps
}

func (v *VGG16) pool(x *autograd.Var) *autograd.Var {
	if v.MaxPool {
		return autograd.MaxPool2D(x)
	}
	return autograd.AvgPool2D(x)
}
