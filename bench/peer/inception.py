"""The Inception-v3 network of FID [heusel17, szegedy16] with the weights of 2015-12-05, for PyTorch: names are those of pytorch-fid's file.

References: [szegedy16] arXiv:1512.00567, [heusel17] arXiv:1706.08500.
"""

import torch
import torch.nn.functional as F
from torch import nn

SIZE, FEATURES, CLASSES = 299, 2048, 1008


class Conv(nn.Module):
    """max(0, batch norm of a convolution without bias)."""

    def __init__(self, cin, cout, kernel, stride=1, pad=None):
        super().__init__()
        kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        pad = (kh // 2, kw // 2) if pad is None else pad
        self.conv = nn.Conv2d(cin, cout, (kh, kw), stride, pad, bias=False)
        self.bn = nn.BatchNorm2d(cout, eps=0.001)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Fold(nn.Module):
    """A Conv whose batch norm is in its weight and bias."""

    def __init__(self, c):
        super().__init__()
        self.conv = nn.utils.fusion.fuse_conv_bn_eval(c.conv.eval(), c.bn.eval())

    def forward(self, x):
        return F.relu(self.conv(x), inplace=True)


def chain(**layers):
    """A module of layers by name, which a block strings together."""
    return list(layers.items())


class Block(nn.Module):
    """Branches side by side: each a pooling or None, a list of named layers in a row, and a list of named layers side by side at its end."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = []
        for pool, row, fork in branches:
            for name, layer in row + fork:
                setattr(self, name, layer)
            self.branches.append((pool, [n for n, _ in row], [n for n, _ in fork]))

    def forward(self, x):
        parts = []
        for pool, row, fork in self.branches:
            y = x if pool is None else pool(x)
            for name in row:
                y = getattr(self, name)(y)
            parts += [getattr(self, name)(y) for name in fork] or [y]
        return torch.cat(parts, 1)


def mean(x):
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def largest(x):
    return F.max_pool2d(x, 3, stride=1, padding=1)


def down(x):
    return F.max_pool2d(x, 3, stride=2)


def block_a(c, pool):
    return Block(
        (None, chain(branch1x1=Conv(c, 64, 1)), []),
        (None, chain(branch5x5_1=Conv(c, 48, 1), branch5x5_2=Conv(48, 64, 5)), []),
        (None, chain(branch3x3dbl_1=Conv(c, 64, 1), branch3x3dbl_2=Conv(64, 96, 3), branch3x3dbl_3=Conv(96, 96, 3)), []),
        (mean, chain(branch_pool=Conv(c, pool, 1)), []),
    )


def block_b(c):
    return Block(
        (None, chain(branch3x3=Conv(c, 384, 3, 2, 0)), []),
        (None, chain(branch3x3dbl_1=Conv(c, 64, 1), branch3x3dbl_2=Conv(64, 96, 3), branch3x3dbl_3=Conv(96, 96, 3, 2, 0)), []),
        (down, [], []),
    )


def block_c(c, t):
    row, column = (1, 7), (7, 1)
    return Block(
        (None, chain(branch1x1=Conv(c, 192, 1)), []),
        (None, chain(branch7x7_1=Conv(c, t, 1), branch7x7_2=Conv(t, t, row), branch7x7_3=Conv(t, 192, column)), []),
        (
            None,
            chain(
                branch7x7dbl_1=Conv(c, t, 1),
                branch7x7dbl_2=Conv(t, t, column),
                branch7x7dbl_3=Conv(t, t, row),
                branch7x7dbl_4=Conv(t, t, column),
                branch7x7dbl_5=Conv(t, 192, row),
            ),
            [],
        ),
        (mean, chain(branch_pool=Conv(c, 192, 1)), []),
    )


def block_d(c):
    last = chain(
        branch7x7x3_1=Conv(c, 192, 1),
        branch7x7x3_2=Conv(192, 192, (1, 7)),
        branch7x7x3_3=Conv(192, 192, (7, 1)),
        branch7x7x3_4=Conv(192, 192, 3, 2, 0),
    )
    return Block((None, chain(branch3x3_1=Conv(c, 192, 1), branch3x3_2=Conv(192, 320, 3, 2, 0)), []), (None, last, []), (down, [], []))


def block_e(c, pool):
    row, column = (1, 3), (3, 1)
    return Block(
        (None, chain(branch1x1=Conv(c, 320, 1)), []),
        (None, chain(branch3x3_1=Conv(c, 384, 1)), chain(branch3x3_2a=Conv(384, 384, row), branch3x3_2b=Conv(384, 384, column))),
        (
            None,
            chain(branch3x3dbl_1=Conv(c, 448, 1), branch3x3dbl_2=Conv(448, 384, 3)),
            chain(branch3x3dbl_3a=Conv(384, 384, row), branch3x3dbl_3b=Conv(384, 384, column)),
        ),
        (pool, chain(branch_pool=Conv(c, 192, 1)), []),
    )


class Inception(nn.Module):
    """Features and logits of images (N,3,H,W) in [0,1], which it resizes."""

    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, 2, 0)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3, 1, 0)
        self.Conv2d_2b_3x3 = Conv(32, 64, 3)
        self.Conv2d_3b_1x1 = Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3, 1, 0)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = block_a(192, 32), block_a(256, 64), block_a(288, 64)
        self.Mixed_6a = block_b(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = (block_c(768, t) for t in (128, 160, 160, 192))
        self.Mixed_7a = block_d(768)
        self.Mixed_7b, self.Mixed_7c = block_e(1280, mean), block_e(2048, largest)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, x):
        x = 2 * F.interpolate(x, (SIZE, SIZE), mode="bilinear", align_corners=False) - 1
        x = down(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        x = down(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        for name in "5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c":
            x = getattr(self, "Mixed_" + name)(x)
        features = x.mean(dim=(2, 3))
        return features, self.fc(features)


def folded(net):
    """net with every batch norm in its convolution."""
    for name, child in net.named_children():
        if isinstance(child, Conv):
            setattr(net, name, Fold(child))
        else:
            folded(child)
    return net
