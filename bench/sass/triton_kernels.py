"""Compiles the peers of our tensor-core kernels with Triton for sm_80, without a GPU: python triton_kernels.py FOLDER

Writes one cubin for each kernel into FOLDER, for go run ./bench/sass --cubin. Same op, tile, warps and stages as ours.
"""
import pathlib
import sys

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def gemm(a, b, c, M, N, K, lda, ldb, ldc, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    rm = tl.program_id(0) * BM + tl.arange(0, BM)
    rn = tl.program_id(1) * BN + tl.arange(0, BN)
    rk = tl.arange(0, BK)
    pa = a + rm[:, None] * lda + rk[None, :]
    pb = b + rk[:, None] * ldb + rn[None, :]
    acc = tl.zeros((BM, BN), tl.float32)
    for k in range(0, K, BK):
        x = tl.load(pa, mask=(rm[:, None] < M) & (rk[None, :] < K - k), other=0.0)
        y = tl.load(pb, mask=(rk[:, None] < K - k) & (rn[None, :] < N), other=0.0)
        acc = tl.dot(x, y, acc)
        pa += BK
        pb += BK * ldb
    tl.store(c + rm[:, None] * ldc + rn[None, :], acc.to(tl.float16), mask=(rm[:, None] < M) & (rn[None, :] < N))


@triton.jit
def conv3x3(x, w, y, n, H, W, C, O, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    """NHWC by (3,3,C,O), padding 1, as an implicit product: rows are pixels, k runs over taps and then channels."""
    rm = tl.program_id(0) * BM + tl.arange(0, BM)
    rn = tl.program_id(1) * BN + tl.arange(0, BN)
    rk = tl.arange(0, BK)
    q = rm % W
    p = rm // W % H
    acc = tl.zeros((BM, BN), tl.float32)
    per = C // BK
    for step in range(0, 9 * per):
        tap = step // per
        c = (step % per) * BK + rk
        dp = tap // 3 - 1
        dq = tap % 3 - 1
        inside = (p + dp >= 0) & (p + dp < H) & (q + dq >= 0) & (q + dq < W) & (rm < n * H * W)
        a = tl.load(x + (rm + dp * W + dq)[:, None] * C + c[None, :], mask=inside[:, None], other=0.0)
        b = tl.load(w + (tap * C + c)[:, None] * O + rn[None, :], mask=(rn < O)[None, :], other=0.0)
        acc = tl.dot(a, b, acc)
    tl.store(y + rm[:, None] * O + rn[None, :], acc.to(tl.float16), mask=(rm < n * H * W)[:, None] & (rn < O)[None, :])


@triton.jit
def attention(q, k, v, o, lse, L, row, scale, BQ: tl.constexpr, BK: tl.constexpr, D: tl.constexpr):
    """Rows of q, k and v are row elements apart; one head."""
    i = tl.program_id(0) * BQ + tl.arange(0, BQ)
    d = tl.arange(0, D)
    x = tl.load(q + i[:, None] * row + d[None, :], mask=(i < L)[:, None], other=0.0)
    top = tl.full((BQ,), -float("inf"), tl.float32)
    total = tl.zeros((BQ,), tl.float32)
    acc = tl.zeros((BQ, D), tl.float32)
    for start in range(0, L, BK):
        j = start + tl.arange(0, BK)
        y = tl.load(k + j[:, None] * row + d[None, :], mask=(j < L)[:, None], other=0.0)
        s = tl.dot(x, tl.trans(y)) * scale
        s = tl.where((j < L)[None, :], s, -float("inf"))
        higher = tl.maximum(top, tl.max(s, 1))
        p = tl.exp2(s - higher[:, None])
        keep = tl.exp2(top - higher)
        total = total * keep + tl.sum(p, 1)
        z = tl.load(v + j[:, None] * row + d[None, :], mask=(j < L)[:, None], other=0.0)
        acc = tl.dot(p.to(tl.float16), z, acc * keep[:, None])
        top = higher
    tl.store(o + i[:, None] * D + d[None, :], (acc / total[:, None]).to(tl.float16), mask=(i < L)[:, None])
    tl.store(lse + i, top + tl.log2(total), mask=i < L)


def compile(fn, name, types, tile, warps, stages, folder):
    signature = dict(zip(fn.arg_names, types + ["constexpr"] * len(tile)))
    constants = dict(zip(fn.arg_names[len(types):], tile))
    divisible = {(i,): [["tt.divisibility", 16]] for i, t in enumerate(types) if t != "fp32"}
    source = ASTSource(fn=fn, signature=signature, constexprs=constants, attrs=divisible)
    kernel = triton.compile(source, target=GPUTarget("cuda", 80, 32), options={"num_warps": warps, "num_stages": stages})
    (folder / f"triton_{name}_w{warps}_s{stages}.cubin").write_bytes(kernel.asm["cubin"])


def main():
    folder = pathlib.Path(sys.argv[1])
    half, i32 = "*fp16", "i32"
    for tile, warps, stages in [((128, 128, 32), 4, 4), ((128, 128, 32), 8, 4), ((128, 64, 32), 4, 4), ((64, 64, 32), 4, 4)]:
        size = "x".join(map(str, tile))
        compile(gemm, "gemm_" + size, [half] * 3 + [i32] * 6, tile, warps, stages, folder)
        compile(conv3x3, "conv3x3_" + size, [half] * 3 + [i32] * 5, tile, warps, stages, folder)
    for tile, warps, stages in [((128, 64, 64), 4, 2), ((64, 64, 64), 4, 2), ((64, 32, 256), 4, 2)]:
        compile(attention, "attention_" + "x".join(map(str, tile)), [half] * 4 + ["*fp32", i32, i32, "fp32"], tile, warps, stages, folder)


if __name__ == "__main__":
    main()
