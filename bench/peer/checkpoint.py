"""Loads the PyTorch files that bench/peer/checkpoint wrote, as a user of PyTorch would, and compares what the networks answer.

    python bench/peer/checkpoint.py FOLDER

FOLDER has, of every case, NAME.json (the network's configuration), NAME.pt and NAME.io.safetensors (inputs and our answer); and of every run
a folder set-NAME of the reference repository's files. Exits with 1 if anything differs.
"""

import glob
import json
import os
import sys

import torch

from dhariwalunet import DhariwalUNet
from golden import read_safetensors
from songunet import SongUNet, denoise

BOUND = 1e-5  # relative L2 distance of answers


def build(config):
    make = {"SongUNet": SongUNet, "DhariwalUNet": DhariwalUNet}[config["model_type"]]
    return make(
        config["img_resolution"], config["model_channels"], config["channel_mult"], config["num_blocks"],
        config["attn_resolutions"] or (), config["label_dim"],
    )


def load(path):
    return torch.load(path, weights_only=True, map_location="cpu")


@torch.no_grad()
def answer(folder, name):
    """The relative distance of our answer from PyTorch's, for one network."""
    with open(os.path.join(folder, name + ".json")) as f:
        net = build(json.load(f))
    state = load(os.path.join(folder, name + ".pt"))
    net.load_state_dict(state, strict=True)
    assert all(torch.equal(p, state[n]) for n, p in net.state_dict().items())
    io = read_safetensors(os.path.join(folder, name + ".io.safetensors"))
    labels = {"y": io["labels"]} if "labels" in io else {}
    want = denoise(net.eval(), io["x"], io["sigma"], **labels).double()
    distance = ((io["D"].double() - want).norm() / want.norm()).item()
    print(f"{name:24} {sum(p.numel() for p in net.parameters()):11,} parameters, {len(state)} tensors, distance of D {distance:.2e} (bound {BOUND:.0e})")
    return distance <= BOUND


def flat(net):
    """The two master parameters of the reference's runs in half precision."""
    params = [p.detach() for p in net.parameters()]
    vectors = torch.cat([p.flatten() for p in params if p.ndim <= 1])
    matrices = torch.cat([p.flatten() for p in params if p.ndim > 1])[None]
    return [torch.nn.Parameter(vectors), torch.nn.Parameter(matrices)]


def reference(folder):
    """Loads a checkpoint set and makes one step of RAdam from it, as the reference does."""
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    net = build(config["net"])
    for path in sorted(glob.glob(os.path.join(folder, "ema_*.pt"))) + glob.glob(os.path.join(folder, "model*.pt")):
        net.load_state_dict(load(path), strict=True)  # the model is the last
    params = flat(net) if config["fp16"] else list(net.parameters())
    opt = torch.optim.RAdam(params, lr=1.0)
    opt.load_state_dict(load(glob.glob(os.path.join(folder, "opt*.pt"))[0]))
    good = opt.param_groups[0]["lr"] == config["lr"]
    before = [p.detach().clone() for p in params]
    for p in params:
        good &= opt.state[p]["step"].item() == config["step"] and opt.state[p]["exp_avg_sq"].shape == p.shape
        p.grad = torch.zeros_like(p)
    opt.step()
    moved = sum((p - b).abs().gt(0).sum().item() for p, b in zip(params, before))
    good &= moved > 0 and all(p.isfinite().all() for p in params)
    save_reference(folder.replace("set-", "back-"), net, params, opt, config)
    print(f"{os.path.basename(folder):24} RAdam of {len(params)} tensors goes on from step {config['step']}: {moved:,} numbers moved")
    return bool(good)


def split(net, flattened):
    """Views of the two master tensors, by parameter name."""
    at, views = [0, 0], {}
    for name, p in net.named_parameters():
        k = int(p.ndim > 1)
        views[name] = flattened[k].flatten()[at[k] : at[k] + p.numel()].view(p.shape)
        at[k] += p.numel()
    return views


def save_reference(folder, net, params, opt, config):
    """Saves the set after the step as the reference does, for our side to read; and what it has to find, by name, in expected.pt."""
    os.makedirs(folder)
    names = [n for n, _ in net.named_parameters()]
    moments = {m: [opt.state[p][m] for p in params] for m in ("exp_avg", "exp_avg_sq")}
    by_name = (lambda xs: split(net, xs)) if config["fp16"] else (lambda xs: dict(zip(names, xs)))
    values = by_name([p.detach() for p in params])
    state = net.state_dict()  # keeps its order and its buffers
    for n in names:
        state[n] = torch.nn.Parameter(values[n])
    step = f"{config['step'] + 1:06d}.pt"
    for name in ["model", "ema_0.99_", "ema_0.999_"]:
        torch.save(state, os.path.join(folder, name + step))
    torch.save(opt.state_dict(), os.path.join(folder, "opt" + step))
    expected = {"param." + n: values[n].clone() for n in names}
    for m, xs in moments.items():
        expected |= {f"{m}.{n}": x.clone() for n, x in by_name(xs).items()}
    torch.save(expected, os.path.join(folder, "expected.pt"))


if __name__ == "__main__":
    folder = sys.argv[1]
    print("PyTorch", torch.__version__)
    names = sorted(os.path.basename(p)[: -len(".io.safetensors")] for p in glob.glob(os.path.join(folder, "*.io.safetensors")))
    results = [answer(folder, n) for n in names] + [reference(p) for p in sorted(glob.glob(os.path.join(folder, "set-*")))]
    sys.exit(0 if results and all(results) else 1)
