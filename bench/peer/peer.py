"""The PyTorch peer: times the work of this project's CIFAR-10 networks in PyTorch, at its best on this CPU.

It reads one JSON request a line from standard input and answers one JSON line each on standard output, until the
input ends, so that a caller can alternate between PyTorch and its own kernels within one run:

    {"op":"info"}
    {"op":"gemm", "m":1024, "n":1024, "k":1024, "iters":10}                 C (m,n) = A (m,k) B (k,n)
    {"op":"conv", "pass":"forward", "n":4, "h":32, "w":32, "in":256, "out":256, "k":3, "iters":10}
                                            pass: forward (with bias), input_grad, weight_grad; stride 1, same size
    {"op":"inception", "n":8, "size":32, "iters":10}                        features of uint8 images, enlarged to 299x299
    {"op":"pid_step", "batch":4, "iters":1}                                 loss, gradients, RAdam and one average

A timing is answered with

    {"op":..., "seconds":{"min":..,"median":..}, "layout":"channels_last", "variants":{<layout>:{"min":..,"median":..}}}

"layout" is the variant that counts, the one with the smallest min of this request; "seconds" is its time. gemm, conv
and inception time every variant in each request, in turn. pid_step tries every variant at its first request and keeps the
fastest; "layout" (nchw, channels_last) and "passes" (two, doubled) in a request pin one. Its answer has the last
losses, which are those of the hash weights and hash noise of the golden numbers (prefixes teacher/, student/, trace:),
and "peak_rss_bytes", the largest memory this process ever had: for the memory of a step, ask a fresh server for one
pinned variant and nothing else. A request that fails is answered with {"error":...}.

    python peer.py                     serve
    python peer.py --check DIR         compare network, loss and updates with the golden files in DIR
    python peer.py --shapes            print the distinct convolutions of a forward pass (shapes.json)
"""

import collections
import copy
import json
import os
import platform
import resource
import shutil
import statistics
import sys
import time

for _name in [n for n in os.environ if n.startswith("OPENBLAS_")]:
    del os.environ[_name]  # meant for other programs; before torch is imported
os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np
import torch
import torch._inductor.config
import torch.nn.functional as F

import golden
import pidstep
from inception import Inception, folded
from songunet import SongUNet

THREADS = 2
CACHED = 4  # setups kept, so that a caller which alternates builds none twice

LAYOUTS = {"nchw": torch.contiguous_format, "channels_last": torch.channels_last}


# --- what is timed: each of these answers a dict, variant -> function without arguments -------------------------------


def gemm(m, n, k):
    """C = A B with B as it stands and with B stored transposed, by the BLAS, and by oneDNN, which packs B each time."""
    a, b, c = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
    bt = b.t().contiguous()
    return {
        "blas_nn": lambda: torch.mm(a, b, out=c),
        "blas_nt": lambda: torch.mm(a, bt.t(), out=c),
        "onednn": lambda: torch.ops.mkldnn._linear_pointwise(a, bt, None, "none", [], ""),
    }


def conv(which, n, h, w, width_in, width_out, k):
    """One pass of a convolution, stride 1 and padding k//2, in both layouts."""
    pad = [k // 2, k // 2]

    def variant(layout):
        place = lambda t: t.contiguous(memory_format=layout)
        x, dy = place(torch.randn(n, width_in, h, w)), place(torch.randn(n, width_out, h, w))
        weight, bias = place(torch.randn(width_out, width_in, k, k)), torch.randn(width_out)
        if which == "forward":
            return lambda: F.conv2d(x, weight, bias, padding=pad)
        mask = {"input_grad": [True, False, False], "weight_grad": [False, True, False]}[which]
        return lambda: torch.ops.aten.convolution_backward(
            dy, x, weight, None, [1, 1], pad, [1, 1], False, [0, 0], 1, mask
        )

    return {name: variant(layout) for name, layout in LAYOUTS.items()}


def inception(n, size):
    """The features of uint8 images, the network's batch norms folded, in both layouts and, where there is a compiler, compiled."""
    net = folded(golden.hash_inception(Inception()).eval())
    last = copy.deepcopy(net).to(memory_format=torch.channels_last)
    u8 = torch.from_numpy(golden.hash24("input:bytes", n * size * size * 3).astype(np.uint8).reshape(n, size, size, 3))
    images = lambda: u8.permute(0, 3, 1, 2).float() / 255  # in the layout channels_last
    variants = {"channels_last": lambda: last(images()), "nchw": lambda: net(images().contiguous())}
    if shutil.which("g++"):
        torch._inductor.config.freezing = True
        compiled = torch.compile(last)
        variants["compiled, frozen"] = lambda: compiled(images())
    return variants


class PIDStep:
    """The training step of the CIFAR-10 network; built once, it goes on from step to step."""

    def __init__(self, batch, layout=None, passes=None):
        self.batch, self.steps, self.loss = batch, 0, None
        student, teacher = (golden.hash_weights(SongUNet(), prefix) for prefix in ("student/", "teacher/"))
        self.trainer = pidstep.Trainer(student, teacher)
        tried = {}
        for l in [layout] if layout else LAYOUTS:
            for p in [passes] if passes else ("two", "doubled"):
                self.use(l, p)
                self.run()  # warm-up: oneDNN makes its kernels, the optimizer its state
                tried[l, p] = min(timed(self.run) for _ in range(1 if layout and passes else 2))
        self.use(*min(tried, key=tried.get))
        self.tried = {f"{l}, {p}": s for (l, p), s in tried.items()}

    def use(self, layout, passes):
        self.layout, self.passes = layout, passes
        self.trainer.place(LAYOUTS[layout])
        self.trainer.doubled = passes == "doubled"

    def run(self):
        z = golden.hash_images(f"trace:{self.steps}:z", self.batch, 3, 32, 32) * pidstep.SIGMA_MAX
        i = golden.hash_indices(f"trace:{self.steps}:idx", self.batch, pidstep.LEVELS)
        self.loss = self.trainer.step(z, i)
        self.steps += 1


# --- timing -----------------------------------------------------------------------------------------------------------


def timed(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def summary(seconds):
    return {"min": min(seconds), "median": statistics.median(seconds)}


def race(variants, iters):
    """Times all variants in turn, iters rounds; the smallest min wins: other load disturbs it less than a median."""
    seconds = {name: [] for name in variants}
    for _ in range(iters):
        for name, run in variants.items():
            seconds[name].append(timed(run))
    results = {name: summary(s) for name, s in seconds.items()}
    best = min(results, key=lambda name: results[name]["min"])
    return {"seconds": results[best], "layout": best, "variants": results}


# --- requests ---------------------------------------------------------------------------------------------------------


class Server:
    def __init__(self):
        self.setups = collections.OrderedDict()  # (maker, arguments) -> what it made, oldest use first

    def setup(self, make, *args):
        """make(*args), kept from the last time if it still is."""
        key = (make, args)
        if key not in self.setups:
            if len(self.setups) >= CACHED:
                self.setups.popitem(last=False)
            self.setups[key] = make(*args)
        self.setups.move_to_end(key)
        return self.setups[key]

    def answer(self, q):
        ops = {"info": self.info, "gemm": self.gemm, "conv": self.conv, "inception": self.inception, "pid_step": self.pid_step}
        return {"op": q["op"], **ops[q["op"]](q)}

    def info(self, q):
        return {
            "torch": torch.__version__,
            "python": platform.python_version(),
            "threads": torch.get_num_threads(),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "load_average": os.getloadavg(),
        }

    def gemm(self, q):
        with torch.inference_mode():
            return race(self.setup(warm, gemm, q["m"], q["n"], q["k"]), q.get("iters", 10))

    def conv(self, q):
        with torch.inference_mode():
            args = (q["pass"], q["n"], q["h"], q["w"], q["in"], q["out"], q["k"])
            return race(self.setup(warm, conv, *args), q.get("iters", 10))

    def inception(self, q):
        with torch.no_grad():
            return race(self.setup(warm, inception, q["n"], q["size"]), q.get("iters", 10))

    def pid_step(self, q):
        step = self.setup(PIDStep, q["batch"], q.get("layout"), q.get("passes"))
        seconds = [timed(step.run) for _ in range(q.get("iters", 1))]
        return {
            "seconds": summary(seconds),
            "layout": step.layout,
            "passes": step.passes,
            "tried": step.tried,
            "steps": step.steps,
            "loss": step.loss.tolist(),
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


def warm(make, *args):
    """make's variants, each run a few times."""
    variants = make(*args)
    for run in variants.values():
        for _ in range(3):
            run()
    return variants


def serve():
    server, replies = Server(), sys.stdout
    sys.stdout = sys.stderr  # nothing but answers on standard output
    for line in sys.stdin:
        try:
            reply = server.answer(json.loads(line))
        except Exception as e:  # the caller decides what a failed request means
            reply = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(reply), file=replies, flush=True)


def shapes():
    """The distinct convolutions of one forward pass, most work first; h is the size of input and output."""
    net, counts = SongUNet(), collections.Counter()

    def count(layer, inputs, y):
        counts[y.shape[2], layer.in_channels, layer.out_channels, layer.kernel_size[0]] += 1

    for layer in net.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        net(torch.zeros(1, 3, 32, 32), torch.zeros(1))

    work = lambda item: item[1] * item[0][0] ** 2 * item[0][1] * item[0][2] * item[0][3] ** 2
    rows = [dict(zip(("h", "in", "out", "k"), s), count=c) for s, c in sorted(counts.items(), key=work, reverse=True)]
    return "[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]"


def main(args):
    torch.set_num_threads(THREADS)
    if args[:1] == ["--check"] and len(args) == 2:
        sys.exit(0 if golden.check(args[1]) else 1)
    elif args == ["--shapes"]:
        print(shapes())
    elif not args:
        serve()
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
