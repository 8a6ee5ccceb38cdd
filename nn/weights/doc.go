// Package weights reads and writes weight files: the tensors of one network by their published names. It reads every format of
// [onestep/tensor/format], tells a network from the file's metadata or else from names and shapes, and writes safetensors.
package weights
