package runs

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lock takes f for this process until it is closed, and is false if another process has it. What is locked is a byte far beyond the end, since
// nobody else could read what is.
func lock(f *os.File) (bool, error) {
	far := &windows.Overlapped{OffsetHigh: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, far)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, os.NewSyscallError("LockFileEx", err)
}
