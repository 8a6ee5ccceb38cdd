package ptx

// typeNames are the types as written after a dot.
var typeNames = map[string]Type{
	"pred": Pred, "b8": B8, "b16": B16, "b32": B32, "b64": B64, "b128": B128, "u8": U8, "u16": U16, "u32": U32, "u64": U64,
	"s8": S8, "s16": S16, "s32": S32, "s64": S64, "f16": F16, "f16x2": F16x2, "bf16": BF16, "bf16x2": BF16x2, "tf32": TF32, "f32": F32, "f64": F64,
}

var typeWords = invert(typeNames)

func invert[K, V comparable](m map[K]V) map[V]K {
	r := make(map[V]K, len(m))
	for k, v := range m {
		r[v] = k
	}
	return r
}

func (t Type) String() string {
	if w := typeWords[t]; w != "" {
		return "." + w
	}
	return "no type"
}

// Bits is the width of a type; 1 for a predicate.
func (t Type) Bits() int {
	switch t {
	case Pred:
		return 1
	case B8, U8, S8:
		return 8
	case B16, U16, S16, F16, BF16:
		return 16
	case B32, U32, S32, F16x2, BF16x2, TF32, F32:
		return 32
	case B64, U64, S64, F64:
		return 64
	case B128:
		return 128
	}
	return 0
}

// Bytes is the size of a value in memory.
func (t Type) Bytes() int { return t.Bits() / 8 }

// Signed says whether a type is a signed integer.
func (t Type) Signed() bool { return t == S8 || t == S16 || t == S32 || t == S64 }

// Float says whether values of a type are floats, packed ones included.
func (t Type) Float() bool {
	switch t {
	case F16, F16x2, BF16, BF16x2, TF32, F32, F64:
		return true
	}
	return false
}

func (t Type) raw() bool { return t == B8 || t == B16 || t == B32 || t == B64 || t == B128 }

var spaceNames = map[string]Space{
	"reg": Reg, "global": Global, "shared": Shared, "shared::cta": Shared, "local": Local, "const": Const, "param": Param,
	"param::entry": Param, "param::func": Param,
}

var spaceWords = map[Space]string{Generic: "generic", Reg: "reg", Global: "global", Shared: "shared", Local: "local", Const: "const", Param: "param"}

func (s Space) String() string { return "." + spaceWords[s] }

// specials are the special registers and their widest types (PTX ISA, "Special Registers").
var specials = map[string]struct {
	id  Special
	typ Type
}{
	"%tid.x": {TidX, U32}, "%tid.y": {TidY, U32}, "%tid.z": {TidZ, U32},
	"%ntid.x": {NTidX, U32}, "%ntid.y": {NTidY, U32}, "%ntid.z": {NTidZ, U32},
	"%ctaid.x": {CTAIdX, U32}, "%ctaid.y": {CTAIdY, U32}, "%ctaid.z": {CTAIdZ, U32},
	"%nctaid.x": {NCTAIdX, U32}, "%nctaid.y": {NCTAIdY, U32}, "%nctaid.z": {NCTAIdZ, U32},
	"%laneid": {LaneID, U32}, "%warpid": {WarpID, U32}, "%nwarpid": {NWarpID, U32}, "%smid": {SMID, U32}, "%nsmid": {NSMID, U32},
	"%gridid": {GridID, U64}, "%lanemask_eq": {LaneMaskEQ, U32}, "%lanemask_le": {LaneMaskLE, U32}, "%lanemask_lt": {LaneMaskLT, U32},
	"%lanemask_ge": {LaneMaskGE, U32}, "%lanemask_gt": {LaneMaskGT, U32}, "%clock": {Clock, U32}, "%clock_hi": {ClockHi, U32},
	"%clock64": {Clock64, U64}, "%globaltimer": {GlobalTimer, U64}, "%globaltimer_lo": {GlobalTimerLo, U32}, "%globaltimer_hi": {GlobalTimerHi, U32},
	"%dynamic_smem_size": {DynamicSharedSize, U32}, "%total_smem_size": {TotalSharedSize, U32},
	"%reserved_smem_offset_begin": {ReservedBegin, U32}, "%reserved_smem_offset_end": {ReservedEnd, U32}, "%reserved_smem_offset_cap": {ReservedCap, U32},
	"%reserved_smem_offset_0": {Reserved0, U32}, "%reserved_smem_offset_1": {Reserved1, U32},
}

var specialNames = func() map[Special]string {
	names := map[Special]string{}
	for name, s := range specials {
		names[s.id] = name
	}
	return names
}()

func (s Special) String() string { return specialNames[s] }
