package picture

import (
	"onestep/pid/data"
	"onestep/tensor"
	"onestep/tensor/format"
)

// WriteNPZ writes images, and labels if there are any, in the form that OpenAI's, PID's and EDM's evaluations read: NumPy's archive of
// arr_0, uint8 (N,H,W,C), and arr_1, int64 (N). Equal images give equal files.
func WriteNPZ(path string, m *data.Images) error {
	arrays := []tensor.Named{{Name: "arr_0", DType: "U8", Shape: []int{m.N, m.H, m.W, m.C}, Data: m.Pixels}}
	if m.Labels != nil {
		labels := make([]int64, len(m.Labels))
		for i, l := range m.Labels {
			labels[i] = int64(l)
		}
		arrays = append(arrays, tensor.I64Tensor("arr_1", labels, m.N))
	}
	return format.WriteNPZ(path, arrays)
}
