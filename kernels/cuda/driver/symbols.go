package driver

// symbol is a function of libcuda.
type symbol int

const (
	cuInit symbol = iota
	cuDriverGetVersion
	cuGetErrorName
	cuGetErrorString
	cuDeviceGetCount
	cuDeviceGet
	cuDeviceGetName
	cuDeviceGetAttribute
	cuDeviceTotalMem
	cuDevicePrimaryCtxRetain
	cuDevicePrimaryCtxRelease
	cuCtxSetCurrent
	cuMemGetInfo
	cuMemAlloc
	cuMemFree
	cuMemHostAlloc
	cuMemFreeHost
	cuMemcpyHtoDAsync
	cuMemcpyDtoHAsync
	cuMemcpyDtoDAsync
	cuMemsetD32Async
	cuModuleLoadDataEx
	cuModuleUnload
	cuModuleGetFunction
	cuFuncGetAttribute
	cuFuncSetAttribute
	cuLaunchKernel
	cuStreamCreate
	cuStreamDestroy
	cuStreamSynchronize
	cuStreamWaitEvent
	cuEventCreate
	cuEventDestroy
	cuEventRecord
	cuEventQuery
	cuEventSynchronize
	cuEventElapsedTime
	cuStreamBeginCapture
	cuStreamEndCapture
	cuThreadExchangeStreamCaptureMode
	cuGraphInstantiate
	cuGraphLaunch
	cuGraphDestroy
	cuGraphExecDestroy
	symbolCount
)

// exports are the names that the library exports: those that cuda.h's macros make of the names above. The plain name of a function that has a
// suffix is an older function with other arguments.
var exports = [symbolCount]string{
	cuInit:                            "cuInit",
	cuDriverGetVersion:                "cuDriverGetVersion",
	cuGetErrorName:                    "cuGetErrorName",
	cuGetErrorString:                  "cuGetErrorString",
	cuDeviceGetCount:                  "cuDeviceGetCount",
	cuDeviceGet:                       "cuDeviceGet",
	cuDeviceGetName:                   "cuDeviceGetName",
	cuDeviceGetAttribute:              "cuDeviceGetAttribute",
	cuDeviceTotalMem:                  "cuDeviceTotalMem_v2",
	cuDevicePrimaryCtxRetain:          "cuDevicePrimaryCtxRetain",
	cuDevicePrimaryCtxRelease:         "cuDevicePrimaryCtxRelease_v2",
	cuCtxSetCurrent:                   "cuCtxSetCurrent",
	cuMemGetInfo:                      "cuMemGetInfo_v2",
	cuMemAlloc:                        "cuMemAlloc_v2",
	cuMemFree:                         "cuMemFree_v2",
	cuMemHostAlloc:                    "cuMemHostAlloc",
	cuMemFreeHost:                     "cuMemFreeHost",
	cuMemcpyHtoDAsync:                 "cuMemcpyHtoDAsync_v2",
	cuMemcpyDtoHAsync:                 "cuMemcpyDtoHAsync_v2",
	cuMemcpyDtoDAsync:                 "cuMemcpyDtoDAsync_v2",
	cuMemsetD32Async:                  "cuMemsetD32Async",
	cuModuleLoadDataEx:                "cuModuleLoadDataEx",
	cuModuleUnload:                    "cuModuleUnload",
	cuModuleGetFunction:               "cuModuleGetFunction",
	cuFuncGetAttribute:                "cuFuncGetAttribute",
	cuFuncSetAttribute:                "cuFuncSetAttribute",
	cuLaunchKernel:                    "cuLaunchKernel",
	cuStreamCreate:                    "cuStreamCreate",
	cuStreamDestroy:                   "cuStreamDestroy_v2",
	cuStreamSynchronize:               "cuStreamSynchronize",
	cuStreamWaitEvent:                 "cuStreamWaitEvent",
	cuEventCreate:                     "cuEventCreate",
	cuEventDestroy:                    "cuEventDestroy_v2",
	cuEventRecord:                     "cuEventRecord",
	cuEventQuery:                      "cuEventQuery",
	cuEventSynchronize:                "cuEventSynchronize",
	cuEventElapsedTime:                "cuEventElapsedTime",
	cuStreamBeginCapture:              "cuStreamBeginCapture_v2",
	cuStreamEndCapture:                "cuStreamEndCapture",
	cuThreadExchangeStreamCaptureMode: "cuThreadExchangeStreamCaptureMode",
	cuGraphInstantiate:                "cuGraphInstantiateWithFlags",
	cuGraphLaunch:                     "cuGraphLaunch",
	cuGraphDestroy:                    "cuGraphDestroy",
	cuGraphExecDestroy:                "cuGraphExecDestroy",
}

// Device attributes, function attributes, JIT options, flags: the enumerations of cuda.h.
const (
	attrSharedPerBlock = 97 // the most that a kernel can opt in to
	attrSharedPerSM    = 81
	attrRegistersPerSM = 82
	attrThreadsPerSM   = 39
	attrSMs            = 16
	attrClock          = 13
	attrMemoryClock    = 36
	attrBusBits        = 37
	attrL2             = 38
	attrMajor          = 75
	attrMinor          = 76

	funcMaxThreads    = 0
	funcShared        = 1
	funcLocal         = 3
	funcRegisters     = 4
	funcDynamicShared = 8

	jitErrorLog     = 5
	jitErrorLogSize = 6

	streamNonBlocking = 1
	eventUntimed      = 2

	captureThreadLocal = 1
	captureRelaxed     = 2
)
