// Package cuda is the GPU as a device, and the PTX kernels of every operation beside their registrations.
package cuda
