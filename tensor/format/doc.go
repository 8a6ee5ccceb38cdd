// Package format opens weight files of every common format as named arrays: safetensors, PyTorch's zip and legacy formats, EDM's pickled
// networks, and NumPy's npy and npz. The format is recognised by content; file names say nothing. It writes PyTorch's and NumPy's formats, too;
// package tensor writes safetensors.
//
// Nothing in a file is run: see package pickle. What a file claims is compared with its size before memory is taken, and arrays that lie
// contiguous in the file are not copied.
//
// # References
//
//   - [torch] PyTorch, torch/serialization.py and caffe2/serialize/inline_container.cc
//   - [edm] NVlabs/edm, torch_utils/persistence.py
//   - [npy] NumPy, numpy.lib.format
package format
