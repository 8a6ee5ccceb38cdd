// Package chip has the published figures of GPUs and what follows from them by arithmetic: how many blocks fit a multiprocessor and how long a
// kernel takes at least. Nothing here is measured; whatever is made of it says "predicted".
//
// # References
//
//   - [a100] NVIDIA A100 Tensor Core GPU Architecture, whitepaper, 2020
//   - [h100] NVIDIA H100 Tensor Core GPU Architecture, whitepaper, 2022
//   - [guide] NVIDIA, CUDA C++ Programming Guide, "Compute Capabilities"
package chip

// Chip is a GPU by its data sheet.
type Chip struct {
	Name string
	SM   string // "sm_80"
	SMs  int

	TensorF16  float64 // FLOP/s, dense, f32 accumulation, as reached by mma.sync
	TensorTF32 float64
	FP32       float64 // FLOP/s of FFMA
	DRAM       float64 // bytes/s
	L2         float64 // bytes/s
	L2Bytes    int
	Clock      float64 // Hz, boost

	FP32Lanes int // of a multiprocessor: float32 instructions of threads in a clock [guide]
	IntLanes  int
	FP64Lanes int

	Warps        int // resident, of a multiprocessor
	Blocks       int
	Registers    int
	SharedBytes  int // of a multiprocessor
	SharedBlock  int // that one block can have
	SharedSystem int // reserved in every block
}

// The GPUs that predictions are made for.
var (
	// A100 is the 80 GB SXM module [a100]. Its L2 bandwidth is 5,120 bytes a clock.
	A100 = Chip{
		Name: "A100", SM: "sm_80", SMs: 108,
		TensorF16: 312e12, TensorTF32: 156e12, FP32: 19.5e12,
		DRAM: 2039e9, L2: 5120 * 1.41e9, L2Bytes: 40 << 20, Clock: 1.41e9,
		FP32Lanes: 64, IntLanes: 64, FP64Lanes: 32,
		Warps: 64, Blocks: 32, Registers: 65536, SharedBytes: 164 << 10, SharedBlock: 163 << 10, SharedSystem: 1 << 10,
	}
	// H100 is the SXM5 module [h100]. mma.sync reaches an estimated 62 % of the 989 TFLOP/s that wgmma does; the L2's bandwidth is an estimate
	// too, 5,120 bytes a clock as on the A100.
	H100 = Chip{
		Name: "H100", SM: "sm_90", SMs: 132,
		TensorF16: 0.62 * 989e12, TensorTF32: 0.62 * 495e12, FP32: 66.9e12,
		DRAM: 3352e9, L2: 5120 * 1.755e9, L2Bytes: 50 << 20, Clock: 1.755e9,
		FP32Lanes: 128, IntLanes: 64, FP64Lanes: 64,
		Warps: 64, Blocks: 32, Registers: 65536, SharedBytes: 228 << 10, SharedBlock: 227 << 10, SharedSystem: 1 << 10,
	}
	All = []Chip{A100, H100}
)

// Occupancy is how many blocks of a kernel a multiprocessor holds at a time, and what stops it from holding more.
type Occupancy struct {
	Blocks int // 0: the kernel does not fit at all
	Warps  int
	Limit  string // "registers", "shared memory", "warps" or "blocks"
}

// Occupancy computes [guide] it from threads a block, registers a thread and bytes of shared memory a block, static and dynamic. Registers
// are handed out by warp in units of 256, in fours of warps; shared memory in units of 128 bytes.
func (c Chip) Occupancy(threads, registers, shared int) Occupancy {
	warps := (threads + 31) / 32
	o := Occupancy{Blocks: c.Blocks, Limit: "blocks"}
	limit := func(n int, name string) {
		if n < o.Blocks {
			o.Blocks, o.Limit = n, name
		}
	}
	limit(c.Warps/warps, "warps")
	if registers > 0 {
		perWarp := roundUp(registers*32, 256)
		limit(c.Registers/perWarp/4*4/warps, "registers")
	}
	if shared > c.SharedBlock {
		limit(0, "shared memory")
	} else {
		limit(c.SharedBytes/roundUp(shared+c.SharedSystem, 128), "shared memory")
	}
	o.Warps = o.Blocks * warps
	return o
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
