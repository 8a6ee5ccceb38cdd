"""SongUNet in its DDPM++ form [song21], inside EDM's preconditioning [karras22], for PyTorch.

The other side of our own nn package: the same networks with the same published parameter names, so that one state
dict fits both. Written from the architecture, not from anyone's code. Images are (N,C,H,W) in either memory format;
every layer keeps the format it is given.

References: [song21] arXiv:2011.13456, [karras22] arXiv:2206.00364, [wu18] arXiv:1803.08494.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

SKIP_SCALE = math.sqrt(0.5)  # residual sums keep unit variance


class GroupNorm(nn.GroupNorm):
    """Group normalisation [wu18] with EDM's choice of groups: min(32, C/4)."""

    def __init__(self, channels):
        super().__init__(min(32, channels // 4), channels, eps=1e-6)


class UNetBlock(nn.Module):
    """Two 3x3 convolutions around the noise embedding, a skip path, and attention if asked for.

        h = conv1(silu(norm1(conv0(silu(norm0(x))) + affine(emb))))
        x = (h + skip(x)) * sqrt(1/2)
        x = (proj(attend(qkv(norm2(x)))) + x) * sqrt(1/2)        with attention, one head as wide as the block

    resample is "", "up" (every pixel doubled) or "down" (mean of 2x2); it stands before conv0 and before the skip.
    """

    def __init__(self, width_in, width_out, emb, resample="", attention=False):
        super().__init__()
        self.resample = {"": nn.Identity(), "up": nn.Upsample(scale_factor=2), "down": nn.AvgPool2d(2)}[resample]
        self.norm0 = GroupNorm(width_in)
        self.conv0 = nn.Conv2d(width_in, width_out, 3, padding=1)
        self.affine = nn.Linear(emb, width_out)
        self.norm1 = GroupNorm(width_out)
        self.conv1 = nn.Conv2d(width_out, width_out, 3, padding=1)
        has_skip = width_in != width_out or resample
        self.skip = nn.Conv2d(width_in, width_out, 1) if has_skip else nn.Identity()
        if resample:  # published state dicts have the filter, which is the mean of 2x2 either way
            for conv in self.conv0, self.skip:
                conv.register_buffer("resample_filter", torch.full((1, 1, 2, 2), 0.25))
        self.attention = attention
        if attention:
            self.norm2 = GroupNorm(width_out)
            self.qkv = nn.Conv2d(width_out, 3 * width_out, 1)
            self.proj = nn.Conv2d(width_out, width_out, 1)

    def forward(self, x, emb):
        h = self.conv0(self.resample(F.silu(self.norm0(x))))
        h = F.silu(self.norm1(h + self.affine(emb)[:, :, None, None]))
        x = (self.conv1(h) + self.skip(self.resample(x))) * SKIP_SCALE
        if self.attention:
            x = (self.proj(attend(self.qkv(self.norm2(x)))) + x) * SKIP_SCALE
        return x


def attend(qkv):
    """softmax(q k' / sqrt(C)) v over the pixels of (N,3C,H,W). Channel 3c+j is part j (q, k, v) of channel c."""
    n, c, h, w = qkv.shape
    layout = torch.channels_last if qkv.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    q, k, v = qkv.permute(0, 2, 3, 1).reshape(n, 1, h * w, c // 3, 3).unbind(-1)  # (N,1,HW,C) each
    a = F.scaled_dot_product_attention(q, k, v)
    return a.reshape(n, h, w, c // 3).permute(0, 3, 1, 2).contiguous(memory_format=layout)


class SongUNet(nn.Module):
    """F(u, c, y): image u (N,3,R,R), noise label c (N), one-hot y (N,labels) or None -> (N,3,R,R). The defaults are the CIFAR-10 network.

    Every encoder entry's output is kept; a decoder block whose declared input is wider than x takes the newest of
    them beside x.
    """

    def __init__(self, resolution=32, model_channels=128, channel_mult=(2, 2, 2), num_blocks=4, attention_at=(16,), labels=0):
        super().__init__()
        emb = 4 * model_channels
        self.map_label = nn.Linear(labels, model_channels) if labels else None
        self.map_layer0 = nn.Linear(model_channels, emb)
        self.map_layer1 = nn.Linear(emb, emb)
        half = model_channels // 2
        self.register_buffer("freqs", 1e-4 ** (torch.arange(half) / (half - 1)), persistent=False)

        self.enc = nn.ModuleDict()
        kept = [model_channels]  # widths of the encoder's outputs
        width = model_channels
        for level, mult in enumerate(channel_mult):
            r = resolution >> level
            if level == 0:
                self.enc[f"{r}x{r}_conv"] = nn.Conv2d(3, width, 3, padding=1)
            else:
                self.enc[f"{r}x{r}_down"] = UNetBlock(width, width, emb, "down")
                kept.append(width)
            for i in range(num_blocks):
                out = model_channels * mult
                self.enc[f"{r}x{r}_block{i}"] = UNetBlock(width, out, emb, attention=r in attention_at)
                width = out
                kept.append(width)

        self.dec = nn.ModuleDict()
        for level, mult in reversed(list(enumerate(channel_mult))):
            r = resolution >> level
            if level == len(channel_mult) - 1:
                self.dec[f"{r}x{r}_in0"] = UNetBlock(width, width, emb, attention=True)
                self.dec[f"{r}x{r}_in1"] = UNetBlock(width, width, emb)
            else:
                self.dec[f"{r}x{r}_up"] = UNetBlock(width, width, emb, "up")
            for i in range(num_blocks + 1):
                out = model_channels * mult
                attention = i == num_blocks and r in attention_at
                self.dec[f"{r}x{r}_block{i}"] = UNetBlock(width + kept.pop(), out, emb, attention=attention)
                width = out
        self.dec[f"{resolution}x{resolution}_aux_norm"] = GroupNorm(width)
        self.dec[f"{resolution}x{resolution}_aux_conv"] = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, u, c, y=None):
        angle = c[:, None] * self.freqs
        emb = torch.cat([angle.sin(), angle.cos()], dim=1)
        if y is not None:
            emb = emb + self.map_label(y * math.sqrt(y.shape[1]))
        emb = F.silu(self.map_layer1(F.silu(self.map_layer0(emb))))

        x, kept = u, []
        for layer in self.enc.values():
            x = layer(x, emb) if isinstance(layer, UNetBlock) else layer(x)
            kept.append(x)
        for name, layer in self.dec.items():
            if isinstance(layer, UNetBlock):
                if layer.conv0.in_channels != x.shape[1]:
                    x = torch.cat([x, kept.pop()], dim=1)
                x = layer(x, emb)
            elif name.endswith("aux_norm"):
                x = F.silu(layer(x))
            else:
                x = layer(x)
        return x


def denoise(net, x, sigma, sigma_data=0.5, **labels):
    """EDM's preconditioned denoiser D(x; sigma) [karras22], sigma (N):

    D = c_skip x + c_out F(c_in x, ln(sigma)/4)
    """
    s = sigma[:, None, None, None]
    norm = (s**2 + sigma_data**2).sqrt()
    return (sigma_data / norm) ** 2 * x + s * sigma_data / norm * net(x / norm, sigma.log() / 4, **labels)
