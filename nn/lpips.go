package nn

import (
	_ "embed"
	"fmt"

	"onestep/autograd"
	"onestep/kernels"
	"onestep/tensor"
)

// Features is a network that shows its activations at several depths, (N,H,W,C) each.
type Features interface {
	Taps(x *autograd.Var) []*autograd.Var
	Tensors() []*Param
}

// LPIPS is the learned perceptual distance of images [zhang18]: features of two images, of unit length at every pixel, are compared:
//
//	d(x,y) = Σ_l mean_p Σ_c w_l[c]·( x̂_l[p,c] − ŷ_l[p,c] )²,   f̂ = f/(‖f‖ + 1e-10)
//
// The network must be frozen; gradients flow to both images.
type LPIPS struct {
	Net     Features
	Weights []*autograd.Var // w_l (C), of every tap

	// How images become the network's input; the zero values leave them as they are.
	Resize       int            // smaller images than 256 pixels are enlarged to so many, by bilinear interpolation
	Repeat       bool           // images of one channel become three equal channels
	Scale, Shift *tensor.Tensor // (C): x·scale + shift

	Half bool // the network computes in binary16; its distances stay float32
}

// lpipsVGG holds the linear weights of LPIPS v0.1 for VGG-16. They are not ours: see lpips_vgg.LICENSE.
//
//go:embed lpips_vgg.safetensors
var lpipsVGG []byte

// NewVGGLPIPS is LPIPS v0.1 on VGG-16 for images in [lo,hi]. It freezes the network. With MaxPool it is the original; the distance of
// the distillation paper has the mean in place of the maximum, and the weights that were trained for the maximum. Like the latter's it enlarges
// small images to 224 pixels; Resize may be set to 0.
func NewVGGLPIPS(v *VGG16, lo, hi float64) *LPIPS {
	v.Freeze()
	l := &LPIPS{Net: v, Resize: 224, Repeat: true}
	f, err := tensor.ReadSafeTensors("lpips_vgg.safetensors", lpipsVGG)
	if err != nil {
		panic(err) // it is part of the program
	}
	for i := range vggStages {
		e, _ := f.Entry(fmt.Sprintf("lin%d.model.1.weight", i))
		w, err := e.Float32s()
		if err != nil {
			panic(err)
		}
		l.Weights = append(l.Weights, autograd.Const(constant(v.Device, w)))
	}
	// ((x−lo)/(hi−lo) − mean)/std
	mean, std := [3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}
	var scale, shift []float32
	for c := range mean {
		scale = append(scale, float32(1/((hi-lo)*std[c])))
		shift = append(shift, float32((-lo/(hi-lo)-mean[c])/std[c]))
	}
	l.Scale, l.Shift = constant(v.Device, scale), constant(v.Device, shift)
	return l
}

// NewUniformLPIPS is the distance without learned weights: the squared difference summed over channels, and the mean over pixels and taps.
// The network's taps have the given channels.
func NewUniformLPIPS(d *tensor.Device, net Features, channels []int) *LPIPS {
	l := &LPIPS{Net: net}
	for _, c := range channels {
		w := make([]float32, c)
		for i := range w {
			w[i] = 1 / float32(len(channels))
		}
		l.Weights = append(l.Weights, autograd.Const(constant(d, w)))
	}
	return l
}

// constant makes a tensor that lives as long as the program.
func constant(d *tensor.Device, x []float32) *tensor.Tensor { return d.FromFloat32(x, len(x)) }

// Distance is d(x,y) of each sample. Shapes: x, y (N,H,W,C); result (N) float32.
func (l *LPIPS) Distance(x, y *autograd.Var) *autograd.Var {
	return autograd.Scope(x.Device(), func() *autograd.Var {
		layers := l.Layers(x, y)
		sum := layers[0]
		for _, d := range layers[1:] {
			sum = sum.Add(d)
		}
		return sum
	})
}

// Layers are the shares of the taps in the distance, (N) each.
func (l *LPIPS) Layers(x, y *autograd.Var) []*autograd.Var {
	fx, fy := l.Net.Taps(l.prepare(x)), l.Net.Taps(l.prepare(y))
	if len(fx) != len(l.Weights) {
		panic(fmt.Errorf("nn: LPIPS: %d taps and %d weights", len(fx), len(l.Weights)))
	}
	ds := make([]*autograd.Var, len(fx))
	for i := range fx {
		ds[i] = autograd.LPIPSLayer(fx[i], fy[i], l.Weights[i].Value)
	}
	return ds
}

// prepare makes images the network's input.
func (l *LPIPS) prepare(x *autograd.Var) *autograd.Var {
	return autograd.Scope(x.Device(), func() *autograd.Var {
		if l.Resize > 0 && x.Dim(2) < 256 {
			x = autograd.Bilinear(x, l.Resize, l.Resize)
		}
		if l.Repeat && x.Dim(3) == 1 {
			x = autograd.Concat(autograd.Concat(x, x), x)
		}
		if l.Scale != nil {
			x = autograd.ChannelAffine(x, l.Scale, l.Shift)
		}
		if l.Half {
			x = autograd.Cast(x, kernels.F16)
		}
		return x
	})
}
