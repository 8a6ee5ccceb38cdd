package driver

import (
	"errors"
	"fmt"
)

// What callers tell apart; errors of the driver wrap them.
var (
	ErrNone   = errors.New("no GPU")        // no driver, or no device: nothing is wrong but nothing is there
	ErrMemory = errors.New("out of memory") // of the device or, pinned, of the host
	ErrLate   = errors.New("an earlier launch failed")
)

// Code is a CUresult.
type Code int32

const (
	codeInvalidValue  Code = 1
	codeMemory        Code = 2
	codeNoDevice      Code = 100
	codeNoBinary      Code = 209
	codeInvalidPTX    Code = 218
	codeNoCompiler    Code = 221
	codeNewPTX        Code = 222
	codeNotReady      Code = 600
	codeIllegal       Code = 700
	codeTimeout       Code = 702
	codeAssert        Code = 710
	codeHardwareStack Code = 714
	codeLaunchFailed  Code = 719
	codeMismatch      Code = 803
)

// Error is a call that the driver failed, in its words.
type Error struct {
	Call string // "cuLaunchKernel"
	Code Code
	Name string // "CUDA_ERROR_ILLEGAL_ADDRESS"
	Text string
	Hint string // what to do, if there is something, or the compiler's log
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s (%d)", e.Call, e.Name, e.Code)
	if e.Text != "" {
		s += ": " + e.Text
	}
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

// Unwrap is one of the errors above, or nil. Late ones come from work that an earlier call started; no call succeeds after them.
func (e *Error) Unwrap() error {
	switch c := e.Code; {
	case c == codeMemory:
		return ErrMemory
	case c == codeNoDevice:
		return ErrNone
	case c == codeIllegal, c == codeTimeout, c == codeAssert, c >= codeHardwareStack && c <= codeLaunchFailed:
		return ErrLate
	}
	return nil
}

// hint says what to do about the errors of setting up.
func (c Code) hint() string {
	switch c {
	case codeMemory:
		return "other programs may hold the device's memory; nvidia-smi lists them"
	case codeNoBinary:
		return "the kernels are for compute capability 8.0 and above"
	case codeNoCompiler:
		return "the driver's PTX compiler is missing: install the whole driver, or give the container libnvidia-ptxjitcompiler.so.1"
	case codeNewPTX:
		return "the driver is older than the kernels' PTX: update it"
	case codeMismatch:
		return "the driver's library and its kernel module differ: reboot, or give the container the host's libcuda.so.1"
	}
	return ""
}
