package device

import (
	"fmt"

	"onestep/kernels"
	"onestep/kernels/cuda/driver"
)

// CPUKernels is the instruction set of the kernels that a CPU device here uses, or why there is none.
func CPUKernels() string {
	if err := kernels.CheckISAEnv(); err != nil {
		return err.Error()
	}
	isas := kernels.ISAs()
	return isas[len(isas)-1].String()
}

// GPUKernels is the GPU that the device auto would take, or why there is none.
func GPUKernels() string {
	d, err := driver.Open(0)
	if err != nil {
		return err.Error()
	}
	defer d.Close()
	i := d.Info()
	return fmt.Sprintf("PTX, by the driver for CUDA %d.%d on cuda:%d %s of compute capability %d.%d", i.Version/1000, i.Version%1000/10, i.Ordinal, i.Name, i.Major, i.Minor)
}
