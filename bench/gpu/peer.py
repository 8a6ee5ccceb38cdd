"""Times PyTorch on the work that `gpu --list` prints: python3 peer.py < work.json > peer.json

The same operations by cuBLAS and cuDNN, in channels-last layout, replayed as CUDA graphs of rotating buffers between two events.
"""
import json
import statistics
import sys

import torch
import torch.nn.functional as F


def operation(op, dtype, s):
    """A function that allocates one set of tensors and returns the call to time and the bytes of the set."""
    def rand(*shape):
        return torch.randn(*shape, device="cuda", dtype=dtype) * 0.5

    def image(c):
        return rand(s["n"], c, s["side"], s["side"]).to(memory_format=torch.channels_last)

    if op == "gemm":
        a, b = rand(s["m"], s["k"]), rand(s["k"], s["n"])
        c = rand(s["m"], s["n"])
        return (lambda: torch.mm(a, b, out=c)), [a, b, c]
    if op.startswith("conv"):
        x, y = image(s["in"]), image(s["out"])
        w = rand(s["out"], s["in"], s["k"], s["k"]).to(memory_format=torch.channels_last)
        b = rand(s["out"])
        pad = [s["k"] // 2] * 2
        if op == "conv forward":
            return (lambda: F.conv2d(x, w, b, padding=pad)), [x, y, w]
        mask = [op == "conv input grad", op == "conv weight grad", op == "conv weight grad"]
        return (lambda: torch.ops.aten.convolution_backward(y, x, w, [s["out"]], [1, 1], pad, [1, 1], False, [0, 0], 1, mask)), [x, y, w]
    if op.startswith("attention"):
        q, k, v = (rand(s["n"], s["h"], s["l"], s["d"]).requires_grad_(op != "attention") for _ in range(3))
        if op == "attention":
            return (lambda: F.scaled_dot_product_attention(q, k, v)), [q, k, v]
        o = F.scaled_dot_product_attention(q, k, v)
        g = rand(*o.shape)
        return (lambda: torch.autograd.grad(o, [q, k, v], g, retain_graph=True)), [q, k, v, o, g]
    if op.startswith("group norm"):
        x = image(s["c"])
        w, b = rand(s["c"]), rand(s["c"])
        if op == "group norm":
            return (lambda: F.silu(F.group_norm(x, s["groups"], w, b))), [x]
        x.requires_grad_()
        w.requires_grad_()
        b.requires_grad_()
        y = F.silu(F.group_norm(x, s["groups"], w, b))
        g = torch.randn_like(y)
        return (lambda: torch.autograd.grad(y, [x, w, b], g, retain_graph=True)), [x, y, g]
    if op == "axpby":
        x, z, y = rand(s["n"]), rand(s["n"]), rand(s["n"])
        return (lambda: torch.add(x, z, alpha=2, out=y)), [x, z, y]
    if op == "cast":
        x, y = torch.randn(s["n"], device="cuda"), rand(s["n"])
        return (lambda: y.copy_(x)), [x, y]
    raise ValueError(op)


def timed(f):
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    f()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def measure(w, seconds=0.05, runs=5):
    dtype = {"f16": torch.float16, "f32": torch.float32}[w["type"]]
    sets = [operation(w["op"], dtype, w["sizes"])]
    size = sum(t.numel() * t.element_size() for t in sets[0][1])
    while len(sets) < min(16, 2 * torch.cuda.get_device_properties(0).L2_cache_size // size + 1):
        sets.append(operation(w["op"], dtype, w["sizes"]))
    calls = [s[0] for s in sets]
    for call in calls:
        call()
    torch.cuda.synchronize()
    count = max(1, min(200, int(seconds * 1e3 / runs / max(timed(calls[0]), 1e-3))))

    def many():
        for i in range(count):
            calls[i % len(calls)]()

    many()
    return statistics.median(timed(many) for _ in range(runs)) / count


def main():
    torch.backends.cudnn.benchmark = True
    times = {}
    for w in json.load(sys.stdin):
        try:
            times[w["name"]] = measure(w)
        except RuntimeError as e:
            print(f"{w['name']}: {e}", file=sys.stderr)
    json.dump(times, sys.stdout)


if __name__ == "__main__":
    main()
