package cpu_test

import (
	"testing"

	"onestep/kernels"
	"onestep/kernels/kernelstest"
)

func TestConv2D(t *testing.T) {
	kernelstest.Agree(t, &kernels.Conv2D, kernelstest.Conv2D, kernelstest.Trials(60))
}

func TestConv2DInputGrad(t *testing.T) {
	kernelstest.Agree(t, &kernels.Conv2DInputGrad, kernelstest.Conv2DInputGrad, kernelstest.Trials(60))
}

func TestConv2DWeightGrad(t *testing.T) {
	kernelstest.Agree(t, &kernels.Conv2DWeightGrad, kernelstest.Conv2DWeightGrad, kernelstest.Trials(60))
}

func TestConv2DFew(t *testing.T) {
	kernelstest.Agree(t, &kernels.Conv2D, kernelstest.Conv2DFew, kernelstest.Trials(60))
}

func TestConv2DInputGradFew(t *testing.T) {
	kernelstest.Agree(t, &kernels.Conv2DInputGrad, kernelstest.Conv2DInputGradFew, kernelstest.Trials(60))
}

func TestConv2DWeightGradFew(t *testing.T) {
	kernelstest.Agree(t, &kernels.Conv2DWeightGrad, kernelstest.Conv2DWeightGradFew, kernelstest.Trials(60))
}

func TestConv2DNotFinite(t *testing.T) {
	eachISA(t, func(t *testing.T, d kernels.Device) { kernelstest.Conv2DNotFinite(t, d) })
}
