"""DhariwalUNet, the ADM network [dhariwal21] as EDM has it [karras22], for PyTorch: the peer of our own, with its published parameter names.

Written from the architecture, not from anyone's code. References: [dhariwal21] arXiv:2105.05233, [karras22] arXiv:2206.00364.
"""

import torch
import torch.nn.functional as F
from torch import nn


def group_norm(channels):
    return nn.GroupNorm(min(32, channels // 4), channels, eps=1e-5)


class UNetBlock(nn.Module):
    """Two 3x3 convolutions, between them the noise embedding as scale and shift, a skip path, and attention in heads of 64 channels.

        h = conv0(silu(norm0(x)))
        scale, shift = affine(emb)
        x = conv1(silu(norm1(h) * (scale + 1) + shift)) + skip(x)
        x = proj(attend(qkv(norm2(x)))) + x              with attention
    """

    def __init__(self, width_in, width_out, emb, resample="", attention=False):
        super().__init__()
        self.resample = {"": nn.Identity(), "up": nn.Upsample(scale_factor=2), "down": nn.AvgPool2d(2)}[resample]
        self.norm0 = group_norm(width_in)
        self.conv0 = nn.Conv2d(width_in, width_out, 3, padding=1)
        self.affine = nn.Linear(emb, 2 * width_out)
        self.norm1 = group_norm(width_out)
        self.conv1 = nn.Conv2d(width_out, width_out, 3, padding=1)
        self.skip = nn.Conv2d(width_in, width_out, 1) if width_in != width_out else nn.Identity()
        if resample:
            for conv in self.conv0, self.skip:
                conv.register_buffer("resample_filter", torch.full((1, 1, 2, 2), 0.25))
        self.heads = width_out // 64 if attention else 0
        if self.heads:
            self.norm2 = group_norm(width_out)
            self.qkv = nn.Conv2d(width_out, 3 * width_out, 1)
            self.proj = nn.Conv2d(width_out, width_out, 1)

    def forward(self, x, emb):
        h = self.conv0(self.resample(F.silu(self.norm0(x))))
        scale, shift = self.affine(emb)[:, :, None, None].chunk(2, dim=1)
        x = self.conv1(F.silu(self.norm1(h) * (scale + 1) + shift)) + self.skip(self.resample(x))
        if self.heads:
            x = self.proj(attend(self.qkv(self.norm2(x)), self.heads)) + x
        return x


def attend(qkv, heads):
    """softmax(q k' / sqrt(D)) v over the pixels of (N,3C,H,W), by heads. Channel 3(h D + c) + j is part j (q, k, v) of channel c of head h."""
    n, c, h, w = qkv.shape
    q, k, v = qkv.reshape(n, heads, c // (3 * heads), 3, h * w).transpose(2, 4).unbind(3)  # (N,heads,HW,D) each
    a = F.scaled_dot_product_attention(q, k, v)
    return a.transpose(2, 3).reshape(n, c // 3, h, w)


class DhariwalUNet(nn.Module):
    """F(u, c, y): image u (N,3,R,R), noise label c (N), one-hot y (N,labels) or None -> (N,3,R,R). The defaults are the ImageNet-64 network."""

    def __init__(self, resolution=64, model_channels=192, channel_mult=(1, 2, 3, 4), num_blocks=3, attention_at=(32, 16, 8), labels=1000):
        super().__init__()
        emb = 4 * model_channels
        self.map_layer0 = nn.Linear(model_channels, emb)
        self.map_layer1 = nn.Linear(emb, emb)
        self.map_label = nn.Linear(labels, emb, bias=False) if labels else None
        half = model_channels // 2
        self.register_buffer("freqs", 1e-4 ** (torch.arange(half) / half), persistent=False)

        self.enc, self.dec, kept, width = nn.ModuleDict(), nn.ModuleDict(), [], 0
        levels = [(resolution >> i, model_channels * m) for i, m in enumerate(channel_mult)]
        for r, out in levels:
            if not kept:
                width = out
                self.enc[f"{r}x{r}_conv"] = nn.Conv2d(3, width, 3, padding=1)
            else:
                self.enc[f"{r}x{r}_down"] = UNetBlock(width, width, emb, "down")
            kept.append(width)
            for i in range(num_blocks):
                self.enc[f"{r}x{r}_block{i}"] = UNetBlock(width, out, emb, attention=r in attention_at)
                width = out
                kept.append(width)
        for r, out in reversed(levels):
            if (r, out) == levels[-1]:
                self.dec[f"{r}x{r}_in0"] = UNetBlock(width, width, emb, attention=True)
                self.dec[f"{r}x{r}_in1"] = UNetBlock(width, width, emb)
            else:
                self.dec[f"{r}x{r}_up"] = UNetBlock(width, width, emb, "up")
            for i in range(num_blocks + 1):
                self.dec[f"{r}x{r}_block{i}"] = UNetBlock(width + kept.pop(), out, emb, attention=r in attention_at)
                width = out
        self.out_norm = group_norm(width)
        self.out_conv = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, u, c, y=None):
        angle = c[:, None] * self.freqs
        emb = F.silu(self.map_layer0(torch.cat([angle.cos(), angle.sin()], dim=1)))
        emb = self.map_layer1(emb)
        if y is not None:
            emb = emb + self.map_label(y)
        emb = F.silu(emb)

        x, kept = u, []
        for layer in self.enc.values():
            x = layer(x, emb) if isinstance(layer, UNetBlock) else layer(x)
            kept.append(x)
        for layer in self.dec.values():
            if layer.conv0.in_channels != x.shape[1]:
                x = torch.cat([x, kept.pop()], dim=1)
            x = layer(x, emb)
        return self.out_conv(F.silu(self.out_norm(x)))
