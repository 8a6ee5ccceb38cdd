"""Hash tensors, a reader of .safetensors, and the comparison of this peer with the golden numbers.

The golden folder's README has the definition of the hash, the files and the tolerances.
"""

import json
import math
import os
import re

import numpy as np
import torch

import pidstep
from inception import Inception, folded
from songunet import SongUNet, denoise

TINY = dict(resolution=16, model_channels=32, channel_mult=(1, 2), num_blocks=1, attention_at=(8,))


# --- hash tensors -----------------------------------------------------------------------------------------------------


def hash24(key, count, start=1):
    """The 24-bit integers 0..count-1 of a key: SplitMix64 seeded with the key's FNV-1a hash. Perceptual files start at 0."""
    seed = 0xCBF29CE484222325
    for byte in key.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    z = np.arange(start, count + start, dtype=np.uint64)  # array arithmetic wraps, as it should
    z *= np.uint64(0x9E3779B97F4A7C15)
    z += np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) >> np.uint64(40)


def hash_values(key, count, start=1):
    """The same as float64 in [-1,1)."""
    return hash24(key, count, start) / 2**23 - 1


def hash_images(key, *shape):
    """Images of unit variance."""
    v = hash_values(key, math.prod(shape)) * math.sqrt(3)
    return torch.from_numpy(v.astype(np.float32).reshape(shape))


def hash_indices(key, count, n):
    """Integers in [0,n)."""
    return torch.from_numpy((hash24(key, count) * np.uint64(n) >> np.uint64(24)).astype(np.int64))


@torch.no_grad()
def hash_weights(net, prefix=""):
    """Fills every parameter of net from the hash of prefix + its name, and returns net."""
    for name, p in net.named_parameters():
        v = hash_values(prefix + name, p.numel())
        if p.ndim >= 2:
            v *= math.sqrt(3 / math.prod(p.shape[1:]))
        elif re.search(r"norm[0-9]*\.weight$", name):
            v = 1 + 0.1 * v
        else:
            v *= 0.1
        p.copy_(torch.from_numpy(v.astype(np.float32).reshape(p.shape)))
    return net


@torch.no_grad()
def hash_inception(net):
    """Fills the Inception network with the weights of the perceptual golden files, and returns net."""
    for name, p in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        v = hash_values(name, p.numel(), start=0)
        if p.ndim >= 2:
            v *= math.sqrt(3) * math.sqrt(2 / math.prod(p.shape[1:]))
        elif name.endswith("running_var"):
            v = 1 + 0.5 * (v + 1) / 2
        elif name.endswith("weight"):
            v = 1 + 0.1 * v
        else:
            v *= 0.1
        p.copy_(torch.from_numpy(v.astype(np.float32).reshape(p.shape)))
    return net


# --- files ------------------------------------------------------------------------------------------------------------


def read_safetensors(path):
    """All tensors of a file, by name."""
    types = {"F32": np.float32, "F64": np.float64, "U8": np.uint8, "I32": np.int32, "I64": np.int64}
    with open(path, "rb") as f:
        data = f.read()
    start = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, entry in json.loads(data[8:start]).items():
        if name != "__metadata__":
            begin, end = (start + o for o in entry["data_offsets"])
            array = np.frombuffer(data[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
            tensors[name] = torch.from_numpy(array.copy())
    return tensors


# --- comparison -------------------------------------------------------------------------------------------------------


def check(folder):
    """Compares networks, loss, gradients and updates with the golden files; prints a line each; True if all hold."""
    good = True

    def compare(what, got, want, bound):
        """Relative L2 distance over a whole tensor, or over a list of them as one."""
        flat = lambda x: torch.cat([y.detach().double().flatten() for y in (x if isinstance(x, list) else [x])])
        got, want = flat(got), flat(want)
        distance = ((got - want).norm() / want.norm()).item()
        nonlocal good
        good &= distance <= bound
        print(f"{'ok  ' if distance <= bound else 'FAIL'} {what:32} {distance:.2e} (bound {bound:.0e})")

    def load(name):
        return read_safetensors(os.path.join(folder, name + ".safetensors"))

    for layout in torch.contiguous_format, torch.channels_last:
        place = lambda x: x.to(memory_format=layout)
        of = "channels_last" if layout is torch.channels_last else "nchw"

        g = load("a_song_ddpmpp")
        net = place(hash_weights(SongUNet(**TINY)))
        x = place(g["in.x"]).requires_grad_()
        y = net(x, g["in.noise_labels"])
        (y * g["in.r"]).sum().backward()
        compare(f"tiny net, {of}", y, g["out.y_f64"], 1e-5)
        compare(f"tiny net, {of}: grad.x", x.grad, g["grad.x"], 5e-5)
        names, params = zip(*net.named_parameters())
        compare(f"tiny net, {of}: grads", [p.grad for p in params], [g["grad." + n] for n in names], 5e-5)

        g = load("f_full_cifar10_vp")
        net = place(hash_weights(SongUNet()))
        assert sum(p.numel() for p in net.parameters()) == 55_732_739  # the published count, without augmentation
        y = net(place(g["in.x"]), g["in.noise_labels"])
        (y * g["in.r"]).sum().backward()
        names, params = zip(*net.named_parameters())
        norms = torch.stack([p.grad.double().norm() for p in params])
        compare(f"full net, {of}: F", y, g["out.F_f64"], 2e-5)
        compare(f"full net, {of}: grad norms", norms, [g["gradstat." + n][:1] for n in names], 5e-5)
        with torch.no_grad():
            compare(f"full net, {of}: D", denoise(net, place(g["in.D_x"]), g["in.D_sigma"]), g["out.D"], 2e-5)

        g = load("inception_pytorch_fid")
        net = place(folded(hash_inception(Inception()).eval()))
        for images in "x32", "xrect":
            with torch.no_grad():
                features, logits = net(place(g[images + "_u8"].float() / 255))
            compare(f"Inception {images}, {of}: pool3", features, g[images + ".pool3"], 1e-5)
            compare(f"Inception {images}, {of}: logits", logits, g[images + ".fc_logits"], 1e-5)

        g, trace = load("g_pid_loss_l2"), load("i_train_trace_lr0.01")
        for doubled in False, True:
            student, teacher = (hash_weights(SongUNet(**TINY), p) for p in ("student/", "teacher/"))
            trainer = pidstep.Trainer(student, teacher, layout, doubled, lr=0.01)
            of_step = f"{of}, {'one batch' if doubled else 'two passes'}"
            loss = pidstep.pid_loss(student, teacher, place(g["in.noise"]), g["in.indices"], doubled)
            loss.mean().backward()
            names, params = zip(*student.named_parameters())
            compare(f"loss, {of_step}", loss, g["f64.loss"], 1e-3)
            compare(f"loss, {of_step}: grads", [p.grad for p in params], [g["grad." + n] for n in names], 1e-3)

            losses = []
            for s, indices in enumerate(trace["in.indices"]):
                z = hash_images(f"trace:{s}:z", 4, 3, 16, 16) * pidstep.SIGMA_MAX
                i = hash_indices(f"trace:{s}:idx", 4, pidstep.LEVELS)
                assert torch.equal(i, indices)
                losses.append(trainer.step(z, i))
            compare(f"trace, {of_step}: losses", losses, trace["out.losses_f64"], 2e-4)
            stat = lambda xs: [torch.stack([x.double().sum(), x.double().norm()]) for x in xs]
            compare(f"trace, {of_step}: weights", stat(params), [trace["final.sum_l2." + n] for n in names], 1e-4)
            compare(f"trace, {of_step}: EMA", stat(trainer.ema), [trace["ema.sum_l2." + n] for n in names], 1e-8)
    return good
