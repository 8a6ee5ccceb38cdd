"""The kernels of this folder, as Triton 3.9 compiled them for sm_80."""

import triton
import triton.language as tl


@triton.jit
def gemm(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, IP: tl.constexpr):
    rm = tl.program_id(0) * BM + tl.arange(0, BM)
    rn = tl.program_id(1) * BN + tl.arange(0, BN)
    rk = tl.arange(0, BK)
    acc = tl.zeros((BM, BN), tl.float32)
    for k in range(0, K, BK):
        x = tl.load(
            a + rm[:, None] * K + (k + rk)[None, :], mask=(rm[:, None] < M) & ((k + rk)[None, :] < K), other=0.0
        )
        y = tl.load(
            b + (k + rk)[:, None] * N + rn[None, :], mask=((k + rk)[:, None] < K) & (rn[None, :] < N), other=0.0
        )
        acc = tl.dot(x, y, acc, input_precision=IP)
    tl.store(c + rm[:, None] * N + rn[None, :], acc, mask=(rm[:, None] < M) & (rn[None, :] < N))


@triton.jit
def igemm(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    rm = tl.program_id(0) * BM + tl.arange(0, BM)
    rn = tl.program_id(1) * BN + tl.arange(0, BN)
    rk = tl.arange(0, BK)
    acc = tl.zeros((BM, BN), tl.int32)
    for k in range(0, K, BK):
        acc += tl.dot(
            tl.load(a + rm[:, None] * K + (k + rk)[None, :]), tl.load(b + (k + rk)[:, None] * N + rn[None, :])
        )
    tl.store(c + rm[:, None] * N + rn[None, :], acc)


@triton.jit
def cums(x, y, z, B: tl.constexpr):
    i = tl.arange(0, B)
    v = tl.load(x + i)
    tl.store(y + i, tl.cumsum(v, 0))
    tl.store(z + i, tl.cumprod(v % 3 - 1 + (v % 3 == 1), 0))


@triton.jit
def atom(x, s, c, l, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    v = tl.load(x + i)
    tl.atomic_add(s + v % 8, v)
    tl.atomic_max(c, tl.max(v, 0))
    tl.atomic_xchg(c + 1, 5)
    tl.atomic_cas(c + 2, 0, 9)
    tl.atomic_add(l, tl.sum(v.to(tl.float32), 0))
    tl.atomic_or(s + 8, tl.reduce_or(v, 0) if 0 else 3)
    tl.atomic_xor(s + 9, tl.xor_sum(v, 0))
    tl.atomic_min(c + 3, tl.min(v, 0))
    tl.atomic_and(s + 10, 7)


@triton.jit
def casts(x, a, b, c, d, e, B: tl.constexpr):
    i = tl.arange(0, B)
    v = tl.load(x + i)
    tl.store(a + i, v.to(tl.float16))
    tl.store(b + i, v.to(tl.bfloat16).to(tl.float32))
    tl.store(c + i, v.to(tl.int32))
    tl.store(d + i, v.to(tl.float64) * 3)
    tl.store(e + i, v.to(tl.int8))


@triton.jit
def fp8(x, y, z, B: tl.constexpr):
    i = tl.arange(0, B)
    v = tl.load(x + i)
    tl.store(y + i, v.to(tl.float8e5).to(tl.float32))
    tl.store(z + i, v.to(tl.float16).to(tl.float8e5, bitcast=False).to(tl.float16))


@triton.jit
def whil(x, y, B: tl.constexpr):
    i = tl.program_id(0)
    n = tl.load(x + i)
    k = 0
    while n > 1:
        n = tl.where(n % 2 == 0, n // 2, 3 * n + 1)
        k += 1
    tl.store(y + i, k)


@triton.jit
def attn(q, k, v, o, L, scale, BQ: tl.constexpr, BK: tl.constexpr, D: tl.constexpr):
    i = tl.program_id(0) * BQ + tl.arange(0, BQ)
    d = tl.arange(0, D)
    x = tl.load(q + i[:, None] * D + d[None, :], mask=(i < L)[:, None], other=0.0)
    top = tl.full((BQ,), -float("inf"), tl.float32)
    tot = tl.zeros((BQ,), tl.float32)
    acc = tl.zeros((BQ, D), tl.float32)
    for st in range(0, L, BK):
        j = st + tl.arange(0, BK)
        y = tl.load(k + j[:, None] * D + d[None, :], mask=(j < L)[:, None], other=0.0)
        s = tl.dot(x, tl.trans(y)) * scale
        s = tl.where((j < L)[None, :], s, -float("inf"))
        h = tl.maximum(top, tl.max(s, 1))
        p = tl.exp2(s - h[:, None])
        keep = tl.exp2(top - h)
        tot = tot * keep + tl.sum(p, 1)
        z = tl.load(v + j[:, None] * D + d[None, :], mask=(j < L)[:, None], other=0.0)
        acc = tl.dot(p.to(x.dtype), z, acc * keep[:, None])
        top = h
    tl.store(o + i[:, None] * D + d[None, :], acc / tot[:, None], mask=(i < L)[:, None])


@triton.jit
def dgemm(a, b, c, n: tl.constexpr):
    i = tl.arange(0, n)
    x = tl.load(a + i[:, None] * n + i[None, :])
    y = tl.load(b + i[:, None] * n + i[None, :])
    tl.store(c + i[:, None] * n + i[None, :], tl.dot(x, y, out_dtype=tl.float64))


@triton.jit
def transp(x, y, H, W, B: tl.constexpr):
    r = tl.program_id(0) * B + tl.arange(0, B)
    c = tl.program_id(1) * B + tl.arange(0, B)
    v = tl.load(x + r[:, None] * W + c[None, :], mask=(r[:, None] < H) & (c[None, :] < W))
    tl.store(y + c[:, None] * H + r[None, :], tl.trans(v), mask=(r[None, :] < H) & (c[:, None] < W))


@triton.jit
def _add(a, b, c, d):
    return a * c, b * c + d


@triton.jit
def linscan(x, g, y, B: tl.constexpr, N: tl.constexpr):
    i = tl.arange(0, B)[:, None] * N + tl.arange(0, N)[None, :]
    a = tl.load(g + i)
    v = tl.load(x + i)
    p, h = tl.associative_scan((a, v), 1, _add)
    tl.store(y + i, h)
