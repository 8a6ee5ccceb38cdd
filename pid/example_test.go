package pid_test

import (
	"context"
	"fmt"
	"slices"

	"onestep/nn"
	"onestep/pid"
	"onestep/tensor"
)

// tinyTeacher is a network of 8×8 grey images. A real one has been trained, see tools/train, and is read by weights.LoadUNet.
func tinyTeacher() (*nn.UNet, error) {
	c := nn.SongDefaults()
	c.Resolution, c.InChannels, c.OutChannels, c.ModelChannels, c.ChannelMult, c.NumBlocks, c.AttnResolutions = 8, 1, 1, 8, []int{1, 2}, 1, nil
	net, err := nn.NewUNet(tensor.CPU(1), c)
	if err == nil {
		net.Init(tensor.Random{Seed: 5})
	}
	return net, err
}

// A distillation of ten steps, from a teacher to its student.
func ExampleNewJob() {
	teacher, err := tinyTeacher()
	if err != nil {
		fmt.Println(err)
		return
	}
	c := pid.DefaultJob
	c.Loss, c.Steps, c.Batch, c.EMA = "l2", 10, 2, []float64{0.9}
	job, err := pid.NewJob(c, teacher, nil) // nil: l2 compares no features
	if err != nil {
		fmt.Println(err)
		return
	}
	before := job.Student.Net.Named("map_layer0.weight").Get()
	err = job.Trainer.Run(context.Background(), func(m pid.Metrics) error {
		if m.Step%5 == 0 {
			fmt.Printf("step %d: the loss is positive: %t\n", m.Step, m.Loss > 0)
		}
		return nil
	})
	fmt.Println("error:", err)
	fmt.Println("the student has learnt:", !slices.Equal(before, job.Student.Net.Named("map_layer0.weight").Get()))
	// Output:
	// step 5: the loss is positive: true
	// step 10: the loss is positive: true
	// error: <nil>
	// the student has learnt: true
}

// One-step sampling: three images, each by one evaluation of the student. The image of a seed does not depend on those beside it.
func ExampleGenerator_ByStudent() {
	net, err := tinyTeacher()
	if err != nil {
		fmt.Println(err)
		return
	}
	student := pid.NewStudent(net)
	g := pid.GeneratorFor(net, 1)
	images, err := g.ByStudent(student, pid.Seeds(100, 3)) // (3,8,8,1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(images), "numbers")
	alone, err := g.ByStudent(student, []uint64{101})
	fmt.Println("seed 101 is the second image:", err == nil && slices.Equal(alone, images[64:128]))
	// Output:
	// 192 numbers
	// seed 101 is the second image: true
}
