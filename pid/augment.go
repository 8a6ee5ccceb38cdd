package pid

import (
	"fmt"
	"math"

	"onestep/autograd"
	"onestep/pid/data"
	"onestep/tensor"
)

// augmentation draws what is done to a sample's image: EDM's pipeline [karras22], which mirrors every other image, and with probability Augment each
// turns it upside down (half of the time), scales, rotates by any angle, stretches (half of the time along an axis of any angle), and shifts.
func (o *Denoising) augmentation(step, sample int) data.Augmentation {
	a := data.Augmentation{FlipX: (o.Flip || o.Augment > 0) && flips(o.Random, step, sample)}
	if o.Augment == 0 {
		return a
	}
	const (
		upsideDown = iota + 4 // the first four words are what flips looks at
		flipY
		scale
		rotate
		angle
		stretch
		oblique
		axis
		shift
		draws
	)
	var u [draws]float32
	var z [4]float32
	o.Random.Uniform(u[:], tensor.Augment, uint64(step), uint64(sample))
	o.Random.Normal(z[:], tensor.Warp, uint64(step), uint64(sample))
	does := func(what int) bool { return float64(u[what]) < o.Augment }
	around := func(what int) float64 { return (2*float64(u[what]) - 1) * math.Pi }
	a.FlipY = does(flipY) && u[upsideDown] < 0.5
	if does(scale) {
		a.Scale = float64(z[0])
	}
	if does(rotate) {
		a.Rotation = around(angle)
	}
	if does(stretch) {
		if a.Stretch = float64(z[1]); u[oblique] < 0.5 {
			a.Axis = around(axis)
		}
	}
	if does(shift) {
		a.ShiftX, a.ShiftY = float64(z[2]), float64(z[3])
	}
	return a
}

// flips says whether a sample's image is mirrored: every other one, at random.
func flips(r tensor.Random, step, sample int) bool {
	return r.IntN(2, tensor.Augment, uint64(step), uint64(sample)) == 1
}

// imageInput is the images of some numbers, changed, (N,H,W,C). Numbers and changes are read again whenever a [tensor.Program] is replayed.
func imageInput(d *tensor.Device, im *data.Images, numbers []int, changes []data.Augmentation) *autograd.Var {
	per := im.H * im.W * im.C
	return autograd.Const(d.Input(func(dst []float32) {
		for k, index := range numbers {
			y := dst[k*per : (k+1)*per]
			im.Float(y, index)
			changes[k].Apply(y, im.H, im.W, im.C)
		}
	}, len(numbers), im.H, im.W, im.C))
}

// augmentLabels is what a network is told of changes, (N,labels); nil for a network without augmentation labels. It is read again whenever a
// [tensor.Program] is replayed. It panics if the network has another number of them than there are.
func augmentLabels(d *tensor.Device, changes []data.Augmentation, labels int) *autograd.Var {
	if labels == 0 {
		return nil
	}
	if labels != data.AugmentLabels {
		panic(fmt.Errorf("pid: a network with %d augmentation labels: want %d", labels, data.AugmentLabels))
	}
	return autograd.Const(d.Input(func(dst []float32) {
		for k := range changes {
			x := changes[k].Labels()
			copy(dst[k*labels:], x[:])
		}
	}, len(changes), labels))
}
