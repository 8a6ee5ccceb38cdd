package ptx

import "strings"

// sets are words that instructions share.
var sets = map[string]string{
	"RND":      "rn rz rm rp",
	"IRND":     "rni rzi rmi rpi",
	"INT":      "s16 u16 s32 u32 s64 u64",
	"ANYINT":   "s8 u8 s16 u16 s32 u32 s64 u64",
	"BITS":     "b16 b32 b64",
	"MEM":      "b8 u8 s8 b16 u16 s16 b32 u32 s32 f32 b64 u64 s64 f64",
	"SCMP":     "eq ne lt le gt ge",
	"UCMP":     "eq ne lt le gt ge lo ls hi hs",
	"FCMP":     "eq ne lt le gt ge equ neu ltu leu gtu geu num nan",
	"BOOL":     "and or xor",
	"ORDER":    "relaxed acquire release acq_rel",
	"REDORDER": "relaxed release",
	"SCOPE":    "cta gpu sys",
	"SHARED":   "shared shared::cta",
	"LDSS":     "global shared shared::cta local const param param::entry param::func",
	"STSS":     "global shared shared::cta local param param::func",
	"GS":       "global shared shared::cta",
	"LDCOP":    "ca cg cs lu cv",
	"STCOP":    "wb cg cs wt",
	"EVICT":    "L1::evict_normal L1::evict_unchanged L1::evict_first L1::evict_last L1::no_allocate",
	"SIZE":     "L2::64B L2::128B L2::256B",
	"PRI":      "L2::evict_last L2::evict_normal L2::evict_first L2::evict_unchanged",
}

// refused are instructions that PTX has and this package does not, with the reason.
var refused = func() map[string]string {
	m := map[string]string{}
	for why, ops := range map[string]string{
		"textures and surfaces are left out": "tex tld4 txq suld sust sured suq istypep",
		"of video instructions only vabsdiff2 and vabsdiff4 are here, others are emulated in software since sm_50": "vadd vsub vabsdiff vmin vmax vshl vshr vmad vset vadd2 vsub2 vavrg2 vmin2 vmax2 vset2 vadd4 vsub4 vavrg4 vmin4 vmax4 vset4",
		"it needs sm_90 or higher":  "elect griddepcontrol wgmma stmatrix setmaxnreg mapa getctarank multimem tensormap clusterlaunchcontrol",
		"it needs sm_100 or higher": "tcgen05",
		"use a .local variable":     "alloca stacksave stackrestore",
	} {
		for _, op := range strings.Fields(ops) {
			m[op] = why
		}
	}
	return m
}()

// refusedForms are beginnings of spellings, and words in them, that PTX has and this package does not, with the reason.
var refusedForms = []struct{ start, word, why string }{
	{"cp.async.bulk", "", "bulk copies need sm_90"},
	{"cp.reduce.async", "", "bulk copies need sm_90"},
	{"fence.proxy.async", "", "the asynchronous proxy is for bulk copies and wgmma, of sm_90"},
	{"fence.proxy.tensormap", "", "tensor maps need sm_90"},
	{"fence.mbarrier_init", "", "clusters need sm_90"},
	{"barrier.cluster", "", "clusters need sm_90"},
	{"", "cluster", "clusters need sm_90"},
	{"", "shared::cluster", "clusters need sm_90"},
	{"mbarrier", "expect_tx", "transactions of bulk copies need sm_90"},
	{"mbarrier", "complete_tx", "transactions of bulk copies need sm_90"},
	{"mma.sp", "", "matrices with sparsity are left out"},
	{"mma", "b1", "matrices of single bits are left out"},
	{"mma", "s4", "matrices of 4-bit integers are left out"},
	{"mma", "u4", "matrices of 4-bit integers are left out"},
	{"", "e4m3x2", "floats of 8 bits need sm_89"},
	{"", "e5m2x2", "floats of 8 bits need sm_89"},
	{"", "e4m3", "floats of 8 bits need sm_89"},
	{"", "e5m2", "floats of 8 bits need sm_89"},
	{"", "f32x2", "packed float32 needs sm_100"},
	{"", "b1", "numbers of single bits are left out"},
}

// instructions is the table that form.go describes, in the order of the PTX ISA's chapters.
const instructions = integerInstructions + floatInstructions + halfInstructions + compareInstructions + bitInstructions + moveInstructions +
	memoryInstructions + asyncInstructions + convertInstructions + controlInstructions + syncInstructions + matrixInstructions

const integerInstructions = `
add.INT                                      d, a, b
add.sat.s32                                  d, a, b
add.cc.s32|u32                               d, a, b
add.cc.s64|u64                               d, a, b           @50/4.3
addc[.cc].s32|u32                            d, a, b
addc[.cc].s64|u64                            d, a, b           @50/4.3
sub.INT                                      d, a, b
sub.sat.s32                                  d, a, b
sub.cc.s32|u32                               d, a, b
sub.cc.s64|u64                               d, a, b           @50/4.3
subc[.cc].s32|u32                            d, a, b
subc[.cc].s64|u64                            d, a, b           @50/4.3
mul.hi|lo.INT                                d, a, b
mul.wide.s16|u16|s32|u32                     d:wide, a, b
mad.hi|lo.INT                                d, a, b, c
mad.hi.sat.s32                               d, a, b, c
mad.wide.s16|u16|s32|u32                     d:wide, a, b, c:wide
mad.hi|lo.cc.s32|u32                         d, a, b, c
mad.hi|lo.cc.s64|u64                         d, a, b, c        @50/4.3
madc.hi|lo[.cc].s32|u32                      d, a, b, c
madc.hi|lo[.cc].s64|u64                      d, a, b, c        @50/4.3
mul24.hi|lo.s32|u32                          d, a, b
mad24.hi|lo.s32|u32                          d, a, b, c
mad24.hi.sat.s32                             d, a, b, c
sad.INT                                      d, a, b, c
div.INT                                      d, a, b
rem.INT                                      d, a, b
abs.s16|s32|s64                              d, a
neg.s16|s32|s64                              d, a
min.INT                                      d, a, b
max.INT                                      d, a, b
popc.b32|b64                                 d:u32, a
clz.b32|b64                                  d:u32, a
bfind[.shiftamt].s32|u32|s64|u64             d:u32, a
fns.b32                                      d, a, b, c:s32    @50/6.0
brev.b32|b64                                 d, a
bfe.s32|u32|s64|u64                          d, a, b:u32, c:u32
bfi.b32|b64                                  d, a, b, c:u32, i:u32
szext.clamp|wrap.s32|u32                     d, a, b:u32       @70/7.6
bmsk.clamp|wrap.b32                          d:u32, a:u32, b:u32           @70/7.6
vabsdiff2.u32|s32.u32|s32.u32|s32[.add]      d, a:1, b:2, c
vabsdiff4.u32|s32.u32|s32.u32|s32[.add]      d, a:1, b:2, c
dp4a.s32|u32.s32|u32                         d, a, b:1, c      @61/5.0
dp2a.lo|hi.s32|u32.s32|u32                   d, a, b:1, c      @61/5.0
`

const floatInstructions = `
testp.finite|infinite|number|notanumber|normal|subnormal.f32|f64   p, a
copysign.f32|f64                             d, a, b
add[.RND][.ftz][.sat].f32                    d, a, b
add[.RND].f64                                d, a, b
sub[.RND][.ftz][.sat].f32                    d, a, b
sub[.RND].f64                                d, a, b
mul[.RND][.ftz][.sat].f32                    d, a, b
mul[.RND].f64                                d, a, b
fma.RND[.ftz][.sat].f32                      d, a, b, c
fma.RND.f64                                  d, a, b, c
mad.RND[.ftz][.sat].f32                      d, a, b, c
mad.RND.f64                                  d, a, b, c
div.approx|full[.ftz].f32                    d, a, b
div.RND[.ftz].f32                            d, a, b
div.RND.f64                                  d, a, b
abs[.ftz].f32                                d, a
abs.f64                                      d, a
neg[.ftz].f32                                d, a
neg.f64                                      d, a
min[.ftz][.NaN@80/7.0].f32                   d, a, b
min[.ftz][.NaN].xorsign.abs.f32              d, a, b           @86/7.2
min.f64                                      d, a, b
max[.ftz][.NaN@80/7.0].f32                   d, a, b
max[.ftz][.NaN].xorsign.abs.f32              d, a, b           @86/7.2
max.f64                                      d, a, b
rcp.approx[.ftz].f32                         d, a
rcp.RND[.ftz].f32                            d, a
rcp.RND.f64                                  d, a
rcp.approx.ftz.f64                           d, a
sqrt.approx[.ftz].f32                        d, a
sqrt.RND[.ftz].f32                           d, a
sqrt.RND.f64                                 d, a
rsqrt.approx[.ftz].f32|f64                   d, a
sin.approx[.ftz].f32                         d, a
cos.approx[.ftz].f32                         d, a
lg2.approx[.ftz].f32                         d, a
ex2.approx[.ftz].f32                         d, a
tanh.approx.f32                              d, a              @75/7.0
`

const halfInstructions = `
add[.rn][.ftz][.sat].f16|f16x2               d, a, b           @53/4.2
add[.rn].bf16|bf16x2                         d, a, b           @90/7.8
sub[.rn][.ftz][.sat].f16|f16x2               d, a, b           @53/4.2
sub[.rn].bf16|bf16x2                         d, a, b           @90/7.8
mul[.rn][.ftz][.sat].f16|f16x2               d, a, b           @53/4.2
mul[.rn].bf16|bf16x2                         d, a, b           @90/7.8
fma.rn[.ftz][.sat].f16|f16x2                 d, a, b, c        @53/4.2
fma.rn[.ftz].relu.f16|f16x2                  d, a, b, c        @80/7.0
fma.rn[.relu].bf16|bf16x2                    d, a, b, c        @80/7.0
neg[.ftz].f16|f16x2                          d, a              @53/6.0
neg.bf16|bf16x2                              d, a              @80/7.0
abs[.ftz].f16|f16x2                          d, a              @53/6.5
abs.bf16|bf16x2                              d, a              @80/7.0
min[.ftz][.NaN].f16|f16x2                     d, a, b           @80/7.0
min[.NaN].bf16|bf16x2                        d, a, b           @80/7.0
max[.ftz][.NaN].f16|f16x2                    d, a, b           @80/7.0
max[.NaN].bf16|bf16x2                        d, a, b           @80/7.0
min[.ftz][.NaN].xorsign.abs.f16|f16x2        d, a, b           @86/7.2
max[.ftz][.NaN].xorsign.abs.f16|f16x2        d, a, b           @86/7.2
min[.NaN].xorsign.abs.bf16|bf16x2            d, a, b           @86/7.2
max[.NaN].xorsign.abs.bf16|bf16x2            d, a, b           @86/7.2
tanh.approx.f16|f16x2                        d, a              @75/7.0
tanh.approx.bf16|bf16x2                      d, a              @90/7.8
ex2.approx.f16|f16x2                         d, a              @75/7.0
ex2.approx.ftz.bf16|bf16x2                   d, a              @90/7.8
`

const compareInstructions = `
set.eq|ne.u32|s32|f32.BITS                              d, a:1, b:1
set.SCMP.u32|s32|f32.s16|s32|s64                        d, a:1, b:1
set.UCMP.u32|s32|f32.u16|u32|u64                        d, a:1, b:1
set.FCMP[.ftz].u32|s32|f32.f32                          d, a:1, b:1
set.FCMP.u32|s32|f32.f64                                d, a:1, b:1
set.eq|ne.BOOL.u32|s32|f32.BITS                         d, a:1, b:1, !c
set.SCMP.BOOL.u32|s32|f32.s16|s32|s64                   d, a:1, b:1, !c
set.UCMP.BOOL.u32|s32|f32.u16|u32|u64                   d, a:1, b:1, !c
set.FCMP.BOOL[.ftz].u32|s32|f32.f32                     d, a:1, b:1, !c
set.FCMP.BOOL.u32|s32|f32.f64                           d, a:1, b:1, !c
set.FCMP[.ftz].f16|u16|s16|u32|s32.f16                  d, a:1, b:1         @53/4.2
set.FCMP.BOOL[.ftz].f16|u16|s16|u32|s32.f16             d, a:1, b:1, !c     @53/4.2
set.FCMP[.ftz].f16x2|u32|s32.f16x2                      d, a:1, b:1         @53/4.2
set.FCMP.BOOL[.ftz].f16x2|u32|s32.f16x2                 d, a:1, b:1, !c     @53/4.2
set.eq|ne.f16.BITS                                      d, a:1, b:1         @53/4.2
set.SCMP.f16.s16|s32|s64                                d, a:1, b:1         @53/4.2
set.UCMP.f16.u16|u32|u64                                d, a:1, b:1         @53/4.2
set.FCMP[.ftz].f16.f32                                  d, a:1, b:1         @53/4.2
set.FCMP.f16.f64                                        d, a:1, b:1         @53/4.2
set.eq|ne.BOOL.f16.BITS                                 d, a:1, b:1, !c     @53/4.2
set.SCMP.BOOL.f16.s16|s32|s64                           d, a:1, b:1, !c     @53/4.2
set.UCMP.BOOL.f16.u16|u32|u64                           d, a:1, b:1, !c     @53/4.2
set.FCMP.BOOL[.ftz].f16.f32                             d, a:1, b:1, !c     @53/4.2
set.FCMP.BOOL.f16.f64                                   d, a:1, b:1, !c     @53/4.2
set.FCMP.bf16|u16|s16|u32|s32.bf16                      d, a:1, b:1         @90/7.8
set.FCMP.BOOL.bf16|u16|s16|u32|s32.bf16                 d, a:1, b:1, !c     @90/7.8
set.FCMP.bf16x2|u32|s32.bf16x2                          d, a:1, b:1         @90/7.8
setp.eq|ne.BITS                                         p|q, a, b
setp.SCMP.s16|s32|s64                                   p|q, a, b
setp.UCMP.u16|u32|u64                                   p|q, a, b
setp.FCMP[.ftz].f32                                     p|q, a, b
setp.FCMP.f64                                           p|q, a, b
setp.FCMP[.ftz].f16                                     p, a, b             @53/4.2
setp.FCMP[.ftz].f16x2                                   p|q, a, b           @53/4.2
setp.FCMP.bf16                                          p, a, b             @90/7.8
setp.FCMP.bf16x2                                        p|q, a, b           @90/7.8
setp.eq|ne.BOOL.BITS                                    p|q, a, b, !c
setp.SCMP.BOOL.s16|s32|s64                              p|q, a, b, !c
setp.UCMP.BOOL.u16|u32|u64                              p|q, a, b, !c
setp.FCMP.BOOL[.ftz].f32                                p|q, a, b, !c
setp.FCMP.BOOL.f64                                      p|q, a, b, !c
setp.FCMP.BOOL[.ftz].f16                                p, a, b, !c         @53/4.2
setp.FCMP.BOOL[.ftz].f16x2                              p|q, a, b, !c       @53/4.2
setp.FCMP.BOOL.bf16                                     p, a, b, !c         @90/7.8
setp.FCMP.BOOL.bf16x2                                   p|q, a, b, !c       @90/7.8
selp.b16|b32|b64|INT|f32|f64                            d, a, b, c:pred
slct.b16|b32|b64|INT|f32|f64.s32                        d, a, b, c:1
slct[.ftz].b16|b32|b64|INT|f32|f64.f32                  d, a, b, c:1
`

const bitInstructions = `
and.b16|b32|b64                              d, a, b
and.pred                                     p, a:pred, b:pred
or.b16|b32|b64                               d, a, b
or.pred                                      p, a:pred, b:pred
xor.b16|b32|b64                              d, a, b
xor.pred                                     p, a:pred, b:pred
not.b16|b32|b64                              d, a
not.pred                                     p, a:pred
cnot.b16|b32|b64                             d, a
lop3.b32                                     d, a, b, c, #lut=0..255   @50/4.3
lop3.and|or.b32                              _|p, a, b, c, #lut=0..255, !q   @70/8.2
shf.l|r.clamp|wrap.b32                       d, a, b, c:u32
shl.b16|b32|b64                              d, a, b:u32
shr.b16|b32|b64|INT                          d, a, b:u32
prmt.b32[.f4e|b4e|rc8|ecl|ecr|rc16]          d, a, b, c
`

const moveInstructions = `
mov.b16|b32|b64|INT|f32|f64                  d, x
mov.b128                                     d, r              @70/8.3
mov.pred                                     p, a:pred
mov.b16|b32|b64                              d, {a*0}
mov.b16|b32|b64                              {d*0}, r
mov.b128                                     d, {a*2:b64}      @70/8.3
mov.b128                                     {d*2:b64}, r      @70/8.3
shfl.sync.up|down|bfly|idx.b32               d|p, a, b:b32, c:b32, mask:u32      @50/6.0
cvta.global|local|shared|shared::cta|const|param.u64      d, &a
cvta.to.global|local|shared|shared::cta|const|param.u64   d, a
isspacep.global|local|shared|shared::cta|const|param      p, a:u64
`

const memoryInstructions = `
ld[.weak][.LDSS][.LDCOP][.L2::cache_hint@80/7.4][.SIZE@75/7.4][.v2|v4].MEM                d…~, [a], hint
ld[.weak][.global].EVICT@70/7.4[.L2::cache_hint@80/7.4][.SIZE@75/7.4][.v2|v4].MEM         d…~, [a], hint
ld(.volatile[.global|shared|shared::cta|local@50/9.1])[.SIZE@75/7.4][.v2|v4].MEM                                            d…~, [a]
ld(.relaxed|acquire.SCOPE[.GS])[.EVICT@70/7.4][.L2::cache_hint@80/7.4][.SIZE@75/7.4][.v2|v4].MEM  d…~, [a], hint   @70/6.0
ld.mmio.relaxed.sys[.global].MEM                                                        d…~, [a]         @70/8.2
ld.global[.ca|cg|cs].nc[.L2::cache_hint@80/7.4][.SIZE@75/7.4][.v2|v4].MEM                 d…~, [a], hint
ld.global.nc.EVICT@70/7.4[.L2::cache_hint@80/7.4][.SIZE@75/7.4][.v2|v4].MEM             d…~, [a], hint
ldu[.global][.v2|v4].MEM                                                                d…~, [a]
st[.weak][.STSS][.STCOP][.L2::cache_hint@80/7.4][.v2|v4].MEM                             [a], a…~, hint
st[.weak][.global].EVICT@70/7.4[.L2::cache_hint@80/7.4][.v2|v4].MEM                       [a], a…~, hint
st(.volatile[.global|shared|shared::cta|local@50/9.1])[.v2|v4].MEM                                                          [a], a…~
st(.relaxed|release.SCOPE[.GS])[.EVICT@70/7.4][.L2::cache_hint@80/7.4][.v2|v4].MEM          [a], a…~, hint   @70/6.0
st.mmio.relaxed.sys[.global].MEM                                                        [a], a…~         @70/8.2
prefetch[.global|local].L1|L2                [a]
prefetch.global.L2::evict_last|L2::evict_normal   [a]          @80/7.4
prefetchu.L1                                 [a]
discard[.global].L2                          [a], #size=128..128       @80/7.4
applypriority[.global].L2::evict_normal      [a], #size=128..128       @80/7.4
createpolicy.fractional.PRI[.L2::evict_first|L2::evict_unchanged].b64        d:u64, a:f32?          @80/7.4
createpolicy.range[.global].PRI[.L2::evict_first|L2::evict_unchanged].b64    d:u64, [a], b:u32, c:u32   @80/7.4
createpolicy.cvt.L2.b64                      d:u64, a:u64                  @80/7.4
atom([.ORDER@70/6.0][.SCOPE@60/5.0][.GS].and|or|xor)[.L2::cache_hint@80/7.4].b32|b64         _d, [a], b, hint
atom([.ORDER@70/6.0][.SCOPE@60/5.0][.GS].exch)[.L2::cache_hint@80/7.4].b32|b64               _d, [a], b, hint
atom([.ORDER@70/6.0][.SCOPE@60/5.0][.GS].cas)[.L2::cache_hint@80/7.4].b32|b64                _d, [a], b, c, hint
atom([.ORDER@70/6.0][.SCOPE@60/5.0][.GS].cas)[.L2::cache_hint@80/7.4].b16                    _d, [a], b, c, hint   @70/6.3
atom([.ORDER@70/6.0][.SCOPE@60/5.0][.GS].add)[.L2::cache_hint@80/7.4].u32|s32|u64|f32        _d, [a], b, hint
atom([.ORDER@70/6.0][.SCOPE@60/5.0][.GS].add)[.L2::cache_hint@80/7.4].f64                    _d, [a], b, hint      @60/5.0
atom([.ORDER@70/6.0][.SCOPE@60/5.0][.GS].inc|dec)[.L2::cache_hint@80/7.4].u32                _d, [a], b, hint
atom([.ORDER@70/6.0][.SCOPE@60/5.0][.GS].min|max)[.L2::cache_hint@80/7.4].u32|s32|u64|s64    _d, [a], b, hint
atom([.ORDER@70/6.0][.SCOPE@60/5.0][.GS].add).noftz[.L2::cache_hint@80/7.4].f16x2            _d, [a], b, hint      @60/6.2
atom([.ORDER@70/6.0][.SCOPE@60/5.0][.GS].add).noftz[.L2::cache_hint@80/7.4].f16              _d, [a], b, hint      @70/6.3
atom([.ORDER@70/6.0][.SCOPE@60/5.0][.GS].add).noftz[.L2::cache_hint@80/7.4].bf16|bf16x2      _d, [a], b, hint      @90/7.8
red([.REDORDER@70/6.0][.SCOPE@60/5.0][.GS].and|or|xor)[.L2::cache_hint@80/7.4].b32|b64           [a], b, hint
red([.REDORDER@70/6.0][.SCOPE@60/5.0][.GS].add)[.L2::cache_hint@80/7.4].u32|s32|u64|f32          [a], b, hint
red([.REDORDER@70/6.0][.SCOPE@60/5.0][.GS].add)[.L2::cache_hint@80/7.4].f64                      [a], b, hint      @60/5.0
red([.REDORDER@70/6.0][.SCOPE@60/5.0][.GS].inc|dec)[.L2::cache_hint@80/7.4].u32                  [a], b, hint
red([.REDORDER@70/6.0][.SCOPE@60/5.0][.GS].min|max)[.L2::cache_hint@80/7.4].u32|s32|u64|s64      [a], b, hint
red([.REDORDER@70/6.0][.SCOPE@60/5.0][.GS].add).noftz[.L2::cache_hint@80/7.4].f16x2              [a], b, hint      @60/6.2
red([.REDORDER@70/6.0][.SCOPE@60/5.0][.GS].add).noftz[.L2::cache_hint@80/7.4].f16                [a], b, hint      @70/6.3
red([.REDORDER@70/6.0][.SCOPE@60/5.0][.GS].add).noftz[.L2::cache_hint@80/7.4].bf16|bf16x2        [a], b, hint      @90/7.8
`

const asyncInstructions = `
cp.async.ca.SHARED.global[.L2::cache_hint@80/7.4][.SIZE@80/7.4]      [d], [a:global], #size=4..16, b:u32?, hint    @80/7.0
cp.async.ca.SHARED.global[.L2::cache_hint@80/7.4][.SIZE@80/7.4]      [d], [a:global], #size=4..16, !c?, hint       @80/7.5
cp.async.cg.SHARED.global[.L2::cache_hint@80/7.4][.SIZE@80/7.4]      [d], [a:global], #size=16..16, b:u32?, hint   @80/7.0
cp.async.cg.SHARED.global[.L2::cache_hint@80/7.4][.SIZE@80/7.4]      [d], [a:global], #size=16..16, !c?, hint      @80/7.5
cp.async.commit_group                                                                 @80/7.0
cp.async.wait_group                          #n=0..2147483647                         @80/7.0
cp.async.wait_all                                                                     @80/7.0
cp.async.mbarrier.arrive[.noinc][.SHARED].b64    [a]                                  @80/7.0
mbarrier.init[.SHARED].b64                   [a], b:u32                               @80/7.0
mbarrier.inval[.SHARED].b64                  [a]                                      @80/7.0
mbarrier.arrive|arrive_drop[.SHARED].b64     _d:u64, [a]                                  @80/7.0
mbarrier.arrive|arrive_drop.release.cta[.SHARED].b64   _d:u64, [a]                        @80/8.0
mbarrier.arrive|arrive_drop[.SHARED].b64     _d:u64, [a], b:u32                            @90/7.8
mbarrier.arrive|arrive_drop.noComplete[.SHARED].b64   _d:u64, [a], b:u32                   @80/7.0
mbarrier.test_wait[.acquire.cta@80/8.0][.SHARED].b64           p, [a], b:u64              @80/7.0
mbarrier.test_wait.parity[.acquire.cta@80/8.0][.SHARED].b64    p, [a], b:u32          @80/7.1
mbarrier.try_wait[.acquire.cta][.SHARED].b64            p, [a], b:u64, c:u32?            @90/7.8
mbarrier.try_wait.parity[.acquire.cta][.SHARED].b64     p, [a], b:u32, c:u32?        @90/7.8
mbarrier.pending_count.b64                   d:u32, a:u64                                 @80/7.0
`

const convertInstructions = `
cvt[.sat].ANYINT.ANYINT                          d~, s:1~
cvt.IRND[.ftz][.sat].ANYINT.f32                  d~, s:1~
cvt.IRND[.sat].ANYINT.f16|f64                    d~, s:1~
cvt.RND[.ftz][.sat].f32.ANYINT                   d~, s:1~
cvt.RND[.sat].f16|f64.ANYINT                     d~, s:1~
cvt[.ftz][.sat].f32.f16                          d~, s:1~
cvt[.sat].f64.f16                                d~, s:1~
cvt[.ftz][.sat].f64.f32                          d~, s:1~
cvt[.IRND][.ftz][.sat].f32.f32                   d~, s:1~
cvt[.IRND][.sat].f64.f64                         d~, s:1~
cvt[.IRND][.sat].f16.f16                         d~, s:1~
cvt.RND[.ftz][.sat].f16.f32                      d~, s:1~
cvt.RND[.sat].f16.f64                            d~, s:1~
cvt.RND[.ftz][.sat].f32.f64                      d~, s:1~
cvt.rn|rz[.relu].f16.f32                         d, s:1            @80/7.0
cvt.rn|rz[.relu].f16x2.f32                       d, s:1, t:1       @80/7.0
cvt.rn|rz[.relu].bf16.f32                        d, s:1            @80/7.0
cvt.rn|rz[.relu].bf16x2.f32                      d, s:1, t:1       @80/7.0
cvt.rna.tf32.f32                                 d, s:1            @80/7.0
cvt.rn|rz[.relu].tf32.f32                        d, s:1            @90/7.8
cvt.f32.bf16                                     d, s:1            @80/7.1
cvt.pack.sat.u16|s16.s32                         d:b32, a:s32, b:s32            @72/6.5
cvt.pack.sat.u8|s8.s32.b32                       d:b32, a:s32, b:s32, c:b32     @72/6.5
cvt.pack.sat.u4|s4|u2|s2.s32.b32                 d:b32, a:s32, b:s32, c:b32     @75/6.5
`

const controlInstructions = `
bra[.uni]                                    @l
ret[.uni]
exit
trap
brkpt
nanosleep.u32                                a                 @70/6.3
pmevent                                      #a=0..15
`

const syncInstructions = `
bar[.cta].sync                               a:u32=0..15, b:u32?
bar[.cta].arrive                             a:u32=0..15, b:u32
bar[.cta].red.popc.u32                       d, a:u32=0..15, !c
bar[.cta].red.popc.u32                       d, a:u32=0..15, b:u32, !c
bar[.cta].red.and|or.pred                    p, a:u32=0..15, !c
bar[.cta].red.and|or.pred                    p, a:u32=0..15, b:u32, !c
bar.warp.sync                                a:u32             @50/6.0
barrier[.cta].sync[.aligned]                 a:u32=0..15, b:u32?     @50/6.0
barrier[.cta].arrive[.aligned]               a:u32=0..15, b:u32      @50/6.0
barrier[.cta].red.popc[.aligned].u32         d, a:u32=0..15, !c             @50/6.0
barrier[.cta].red.popc[.aligned].u32         d, a:u32=0..15, b:u32, !c      @50/6.0
barrier[.cta].red.and|or[.aligned].pred      p, a:u32=0..15, !c             @50/6.0
barrier[.cta].red.and|or[.aligned].pred      p, a:u32=0..15, b:u32, !c      @50/6.0
membar.cta|gl|sys
fence[.sc|acq_rel].SCOPE                                       @70/6.0
fence.acquire|release.SCOPE                                    @70/8.6
fence.proxy.alias                                              @70/7.5
vote.sync.all|any|uni.pred                   p, !a, mask:u32   @50/6.0
vote.sync.ballot.b32                         d, !a, mask:u32   @50/6.0
match.any.sync.b32|b64                       d:b32, a, mask:u32     @70/6.0
match.all.sync.b32|b64                       _|p:b32, a, mask:u32   @70/6.0
activemask.b32                               d                 @50/6.2
redux.sync.add|min|max.u32|s32               d, a, mask:u32    @80/7.0
redux.sync.and|or|xor.b32                    d:u32, a:u32, mask:u32    @80/7.0
`

const matrixInstructions = `
ldmatrix.sync.aligned(.m8n8.x1[.trans])[.SHARED].b16           {d*1:b32}, [a]        @75/6.5
ldmatrix.sync.aligned(.m8n8.x2[.trans])[.SHARED].b16           {d*2:b32}, [a]        @75/6.5
ldmatrix.sync.aligned(.m8n8.x4[.trans])[.SHARED].b16           {d*4:b32}, [a]        @75/6.5
movmatrix.sync.aligned.m8n8.trans.b16                          d:b32, r:b32          @75/7.8
mma.sync.aligned.m8n8k4.row|col.row|col.f32.f16.f16.f32        {d*8:f32}, {a*2:f16x2}, {b*2:f16x2}, {c*8:f32}   @70/6.4
mma.sync.aligned.m8n8k4.row|col.row|col.f16.f16.f16.f16        {d*4:f16x2}, {a*2:f16x2}, {b*2:f16x2}, {c*4:f16x2}   @70/6.4
mma.sync.aligned.m8n8k4.row|col.row|col.f32.f16.f16.f16        {d*8:f32}, {a*2:f16x2}, {b*2:f16x2}, {c*4:f16x2}   @70/6.4
mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32               {d*4:f32}, {a*2:f16x2}, {b*1:f16x2}, {c*4:f32}   @75/6.5
mma.sync.aligned.m16n8k8.row.col.f16.f16.f16.f16               {d*2:f16x2}, {a*2:f16x2}, {b*1:f16x2}, {c*2:f16x2}   @75/6.5
mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32             {d*4:f32}, {a*2:bf16x2}, {b*1:bf16x2}, {c*4:f32}   @80/7.0
mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32              {d*4:f32}, {a*4:f16x2}, {b*2:f16x2}, {c*4:f32}   @80/7.0
mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16              {d*2:f16x2}, {a*4:f16x2}, {b*2:f16x2}, {c*2:f16x2}   @80/7.0
mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32            {d*4:f32}, {a*4:bf16x2}, {b*2:bf16x2}, {c*4:f32}   @80/7.0
mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32             {d*4:f32}, {a*2:tf32}, {b*1:tf32}, {c*4:f32}   @80/7.0
mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32             {d*4:f32}, {a*4:tf32}, {b*2:tf32}, {c*4:f32}   @80/7.0
mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64                {d*2:f64}, {a*1:f64}, {b*1:f64}, {c*2:f64}   @80/7.0
mma.sync.aligned.m8n8k4.row.col.RND.f64.f64.f64.f64            {d*2:f64}, {a*1:f64}, {b*1:f64}, {c*2:f64}   @80/7.0
mma.sync.aligned.m8n8k16.row.col[.satfinite].s32.s8|u8.s8|u8.s32     {d*2:s32}, {a*1:u32}, {b*1:u32}, {c*2:s32}   @75/6.5
mma.sync.aligned.m16n8k16.row.col[.satfinite].s32.s8|u8.s8|u8.s32    {d*4:s32}, {a*2:b32}, {b*1:b32}, {c*4:s32}   @80/7.0
mma.sync.aligned.m16n8k32.row.col[.satfinite].s32.s8|u8.s8|u8.s32    {d*4:s32}, {a*4:b32}, {b*2:b32}, {c*4:s32}   @80/7.0
wmma.load.a.sync.aligned.row|col.m16n16k16|m32n8k16|m8n32k16[.GS].f16                                {d*8:f16x2}, [a], b:u32?   @70/6.1
wmma.load.b.sync.aligned.row|col.m16n16k16|m32n8k16|m8n32k16[.GS].f16                                {d*8:f16x2}, [a], b:u32?   @70/6.1
wmma.load.c.sync.aligned.row|col.m16n16k16|m32n8k16|m8n32k16[.GS].f16                                {d*4:f16x2}, [a], b:u32?   @70/6.1
wmma.load.c.sync.aligned.row|col.m16n16k16|m32n8k16|m8n32k16[.GS].f32                                {d*8:f32}, [a], b:u32?   @70/6.1
wmma.load.c.sync.aligned.row|col.m16n16k16|m32n8k16|m8n32k16[.GS].s32                                {d*8:s32}, [a], b:u32?   @72/6.3
wmma.store.d.sync.aligned.row|col.m16n16k16|m32n8k16|m8n32k16[.GS].f16                               [a], {c*4:f16x2}, b:u32?   @70/6.1
wmma.store.d.sync.aligned.row|col.m16n16k16|m32n8k16|m8n32k16[.GS].f32                               [a], {c*8:f32}, b:u32?   @70/6.1
wmma.store.d.sync.aligned.row|col.m16n16k16|m32n8k16|m8n32k16[.GS].s32                               [a], {c*8:s32}, b:u32?   @72/6.3
wmma.mma.sync.aligned.row|col.row|col.m16n16k16|m32n8k16|m8n32k16.f16.f16                            {d*4:f16x2}, {a*8:f16x2}, {b*8:f16x2}, {c*4:f16x2}   @70/6.1
wmma.mma.sync.aligned.row|col.row|col.m16n16k16|m32n8k16|m8n32k16.f16.f32                            {d*4:f16x2}, {a*8:f16x2}, {b*8:f16x2}, {c*8:f32}   @70/6.1
wmma.mma.sync.aligned.row|col.row|col.m16n16k16|m32n8k16|m8n32k16.f32.f16                            {d*8:f32}, {a*8:f16x2}, {b*8:f16x2}, {c*4:f16x2}   @70/6.1
wmma.mma.sync.aligned.row|col.row|col.m16n16k16|m32n8k16|m8n32k16.f32.f32                            {d*8:f32}, {a*8:f16x2}, {b*8:f16x2}, {c*8:f32}   @70/6.1
wmma.load.a.sync.aligned.row|col.m16n16k16[.GS].bf16                                                 {d*4:bf16x2}, [a], b:u32?   @80/7.0
wmma.load.b.sync.aligned.row|col.m16n16k16[.GS].bf16                                                 {d*4:bf16x2}, [a], b:u32?   @80/7.0
wmma.mma.sync.aligned.row|col.row|col.m16n16k16.f32.bf16.bf16.f32                                    {d*8:f32}, {a*4:bf16x2}, {b*4:bf16x2}, {c*8:f32}   @80/7.0
wmma.load.a.sync.aligned.row|col.m32n8k16[.GS].bf16                                                  {d*8:bf16x2}, [a], b:u32?   @80/7.0
wmma.load.b.sync.aligned.row|col.m32n8k16[.GS].bf16                                                  {d*2:bf16x2}, [a], b:u32?   @80/7.0
wmma.mma.sync.aligned.row|col.row|col.m32n8k16.f32.bf16.bf16.f32                                     {d*8:f32}, {a*8:bf16x2}, {b*2:bf16x2}, {c*8:f32}   @80/7.0
wmma.load.a.sync.aligned.row|col.m8n32k16[.GS].bf16                                                  {d*2:bf16x2}, [a], b:u32?   @80/7.0
wmma.load.b.sync.aligned.row|col.m8n32k16[.GS].bf16                                                  {d*8:bf16x2}, [a], b:u32?   @80/7.0
wmma.mma.sync.aligned.row|col.row|col.m8n32k16.f32.bf16.bf16.f32                                     {d*8:f32}, {a*2:bf16x2}, {b*8:bf16x2}, {c*8:f32}   @80/7.0
wmma.load.a.sync.aligned.row|col.m16n16k16[.GS].s8|u8                                                {d*2:b32}, [a], b:u32?   @72/6.3
wmma.load.b.sync.aligned.row|col.m16n16k16[.GS].s8|u8                                                {d*2:b32}, [a], b:u32?   @72/6.3
wmma.mma.sync.aligned.row|col.row|col.m16n16k16.s32.s8.s8.s32[.satfinite]                            {d*8:s32}, {a*2:b32}, {b*2:b32}, {c*8:s32}   @72/6.3
wmma.mma.sync.aligned.row|col.row|col.m16n16k16.s32.u8.u8.s32[.satfinite]                            {d*8:s32}, {a*2:b32}, {b*2:b32}, {c*8:s32}   @72/6.3
wmma.load.a.sync.aligned.row|col.m32n8k16[.GS].s8|u8                                                 {d*4:b32}, [a], b:u32?   @72/6.3
wmma.load.b.sync.aligned.row|col.m32n8k16[.GS].s8|u8                                                 {d*1:b32}, [a], b:u32?   @72/6.3
wmma.mma.sync.aligned.row|col.row|col.m32n8k16.s32.s8.s8.s32[.satfinite]                             {d*8:s32}, {a*4:b32}, {b*1:b32}, {c*8:s32}   @72/6.3
wmma.mma.sync.aligned.row|col.row|col.m32n8k16.s32.u8.u8.s32[.satfinite]                             {d*8:s32}, {a*4:b32}, {b*1:b32}, {c*8:s32}   @72/6.3
wmma.load.a.sync.aligned.row|col.m8n32k16[.GS].s8|u8                                                 {d*1:b32}, [a], b:u32?   @72/6.3
wmma.load.b.sync.aligned.row|col.m8n32k16[.GS].s8|u8                                                 {d*4:b32}, [a], b:u32?   @72/6.3
wmma.mma.sync.aligned.row|col.row|col.m8n32k16.s32.s8.s8.s32[.satfinite]                             {d*8:s32}, {a*1:b32}, {b*4:b32}, {c*8:s32}   @72/6.3
wmma.mma.sync.aligned.row|col.row|col.m8n32k16.s32.u8.u8.s32[.satfinite]                             {d*8:s32}, {a*1:b32}, {b*4:b32}, {c*8:s32}   @72/6.3
wmma.load.a.sync.aligned.row|col.m16n16k8[.GS].tf32                                                  {d*4:tf32}, [a], b:u32?   @80/7.0
wmma.load.b.sync.aligned.row|col.m16n16k8[.GS].tf32                                                  {d*4:tf32}, [a], b:u32?   @80/7.0
wmma.load.c.sync.aligned.row|col.m16n16k8[.GS].f32                                                   {d*8:f32}, [a], b:u32?   @80/7.0
wmma.store.d.sync.aligned.row|col.m16n16k8[.GS].f32                                                  [a], {c*8:f32}, b:u32?   @80/7.0
wmma.mma.sync.aligned.row|col.row|col.m16n16k8.f32.tf32.tf32.f32                                     {d*8:f32}, {a*4:tf32}, {b*4:tf32}, {c*8:f32}   @80/7.0
wmma.load.a.sync.aligned.row|col.m8n8k4[.GS].f64                                                     {d*1:f64}, [a], b:u32?   @80/7.0
wmma.load.b.sync.aligned.row|col.m8n8k4[.GS].f64                                                     {d*1:f64}, [a], b:u32?   @80/7.0
wmma.load.c.sync.aligned.row|col.m8n8k4[.GS].f64                                                     {d*2:f64}, [a], b:u32?   @80/7.0
wmma.store.d.sync.aligned.row|col.m8n8k4[.GS].f64                                                    [a], {c*2:f64}, b:u32?   @80/7.0
wmma.mma.sync.aligned.row|col.row|col.m8n8k4[.RND].f64.f64.f64.f64                                   {d*2:f64}, {a*1:f64}, {b*1:f64}, {c*2:f64}   @80/7.0
`
