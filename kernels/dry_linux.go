package kernels

import "syscall"

// reserve is memory that takes none until it is touched, and none of what the system counts as promised.
func reserve(bytes int) ([]byte, error) {
	return syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
}

func unreserve(room []byte) { _ = syscall.Munmap(room) } // it was whole, so that nothing can fail
