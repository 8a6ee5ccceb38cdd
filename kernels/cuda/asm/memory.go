package asm

import "fmt"

// Space is where an address points.
type Space string

// The state spaces that addresses of kernels point into: 64-bit global addresses, 32-bit shared ones. GlobalNC is global memory that
// nothing writes during the kernel.
const (
	Global   Space = "global"
	GlobalNC Space = "global.nc"
	Shared   Space = "shared"
)

// Addr is the operand [base+offset].
type Addr struct {
	Base   Reg
	Offset int
}

// Index is the address of element i (S32) of an array of elements of size bytes that starts at r.
func (r Reg) Index(i any, size int) Reg {
	if r.Type.Size() == 8 {
		return r.k.Op("mad.wide.s32", U64, i, size, r)
	}
	return r.k.Op("mad.lo.s32", U32, i, size, r)
}

// Load reads one element at addr+offset. F16 and other 16-bit types go to 16-bit registers.
func (k *Kernel) Load(s Space, t Type, addr Reg, offset int) Reg {
	return k.Op(fmt.Sprintf("ld.%s.%s", s, memory(t)), t, Addr{addr, offset})
}

// LoadV reads n (2 or 4) neighbouring elements; addr+offset is a multiple of their total size.
func (k *Kernel) LoadV(s Space, t Type, n int, addr Reg, offset int) []Reg {
	rs := k.News(t, n)
	k.Emit(fmt.Sprintf("ld.%s.v%d.%s", s, n, memory(t)), rs, Addr{addr, offset})
	return rs
}

// Store writes one element.
func (k *Kernel) Store(s Space, addr Reg, offset int, x Reg) {
	k.Emit(fmt.Sprintf("st.%s.%s", s, memory(x.Type)), Addr{addr, offset}, x)
}

// StoreV writes 2 or 4 neighbouring elements; addr+offset is a multiple of their total size.
func (k *Kernel) StoreV(s Space, addr Reg, offset int, xs []Reg) {
	k.Emit(fmt.Sprintf("st.%s.v%d.%s", s, len(xs), memory(xs[0].Type)), Addr{addr, offset}, xs)
}

// News is n fresh registers.
func (k *Kernel) News(t Type, n int) []Reg {
	rs := make([]Reg, n)
	for i := range rs {
		rs[i] = k.New(t)
	}
	return rs
}

// memory is a type as ld and st take it: they know no .f16.
func memory(t Type) string {
	switch t {
	case F16, F16x2:
		return bitsOf(t)
	}
	return t.String()
}

// Shuffle is the value of r, 32 bits wide, in another lane, by mode bfly, down, up or idx, over the whole warp, all of whose lanes must
// take part.
func (r Reg) Shuffle(mode string, b any) Reg {
	clamp := 31
	if mode == "up" {
		clamp = 0
	}
	bits := r
	if r.Type == F32 {
		bits = r.Bits(B32)
	}
	got := r.k.Op("shfl.sync."+mode+".b32", B32, bits, b, clamp, -1)
	if r.Type == F32 {
		return got.Bits(F32)
	}
	return got.As(r.Type)
}

// WarpReduce combines r over the lanes of a warp in a fixed butterfly order; every lane gets the result.
func (r Reg) WarpReduce(combine func(a, b Reg) Reg) Reg {
	for lanes := 16; lanes > 0; lanes /= 2 {
		r = combine(r, r.Shuffle("bfly", lanes))
	}
	return r
}

// CopyAsync starts a copy of size bytes (4, 8 or 16) from global to shared memory, of which only the first given (a register or nil: all)
// are read and the rest are zeros. 16 bytes bypass the first-level cache.
func (k *Kernel) CopyAsync(dst Reg, dstOffset int, src Reg, srcOffset int, size int, given any) {
	level := "ca"
	if size == 16 {
		level = "cg"
	}
	operands := []any{Addr{dst, dstOffset}, Addr{src, srcOffset}, size}
	if given != nil {
		operands = append(operands, given)
	}
	k.Emit("cp.async."+level+".shared.global", operands...)
}

// CommitCopies closes a group of asynchronous copies; WaitCopies waits until at most n of the latest groups are under way.
func (k *Kernel) CommitCopies()    { k.Emit("cp.async.commit_group") }
func (k *Kernel) WaitCopies(n int) { k.Emit("cp.async.wait_group", n) }

// LoadMatrix reads four 8×8 matrices of halves whose row addresses the lanes give: matrix i's rows from lanes 8i to 8i+7. Each lane gets
// two neighbouring elements of each as one register; with trans, of the transposed matrices.
func (k *Kernel) LoadMatrix(addr Reg, offset int, trans bool) []Reg {
	op := "ldmatrix.sync.aligned.m8n8.x4"
	if trans {
		op += ".trans"
	}
	rs := k.News(B32, 4)
	k.Emit(op+".shared.b16", rs, Addr{addr, offset})
	return rs
}

// MMA is acc += A·B of one warp: A 16×16 and B 16×8 halves, acc 16×8 float32 (PTX ISA, "Matrix Fragments for mma.m16n8k16").
func (k *Kernel) MMA(acc, a, b []Reg) {
	k.Emit("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", acc, a, b, acc)
}

// MMATF32 is acc += A·B of one warp: A 16×8 and B 8×8 TF32 numbers in B32 registers, acc 16×8 float32.
func (k *Kernel) MMATF32(acc, a, b []Reg) {
	k.Emit("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", acc, a, b, acc)
}

// Pack rounds two float32 to halves in one register, lo in the low half.
func (k *Kernel) Pack(lo, hi Reg) Reg { return k.Op("cvt.rn.f16x2.f32", B32, hi, lo) }

// Unpack is the two halves of a register as float32.
func (k *Kernel) Unpack(r Reg) (lo, hi Reg) {
	hs := k.News(F16, 2)
	k.Emit("mov.b32", hs, r)
	return hs[0].To(F32), hs[1].To(F32)
}
