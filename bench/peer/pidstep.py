"""One training step of physics informed distillation [tee24] with the l2 distance, for PyTorch.

References: [tee24] arXiv:2411.08378, [karras22] arXiv:2206.00364, [liu20] RAdam arXiv:1908.03265.
"""

import torch

from songunet import denoise

SIGMA_MIN, SIGMA_MAX, RHO, SIGMA_DATA = 0.002, 80.0, 7.0, 0.5
LEVELS = 250  # grid points of t


def level(i):
    """t(i) of the noise grid [karras22], for integer indices i (N): from SIGMA_MAX at 0 to SIGMA_MIN at LEVELS-1."""
    top, bottom = SIGMA_MAX ** (1 / RHO), SIGMA_MIN ** (1 / RHO)
    return (top + i / (LEVELS - 1) * (bottom - top)) ** RHO


def pid_loss(student, teacher, z, i, doubled):
    """The l2 loss of each sample, (N), at noise z = SIGMA_MAX*eps (N,3,R,R) and grid indices i (N).

        x(t)   = t/T z + (1 - t/T) F(c_in z, ln(t)/4),   T = SIGMA_MAX
        target = x(t) - t dx/dt,   dx/dt = (x(t) - x(s)) / (t - s),   s the neighbouring level
        loss   = mean over C,H,W of (target - D(x(t), t))^2          no gradient through the teacher D

    With a = t/(t-s) the noise cancels from the target, and only the network's answers are left:

        target = (1-a) (1 - t/T) F(t) + a (1 - s/T) F(s)

    doubled runs F(t) and F(s) as one batch of 2N instead of two of N.
    """
    t, s = level(i), level(torch.where(i < LEVELS - 1, i + 1, i - 1))
    u = z / (SIGMA_DATA**2 + SIGMA_MAX**2) ** 0.5
    if doubled:
        ft, fs = student(torch.cat([u, u]), torch.cat([t, s]).log() / 4).chunk(2)
    else:
        ft, fs = student(u, t.log() / 4), student(u, s.log() / 4)
    a = t / (t - s)
    wide = (-1, 1, 1, 1)
    wt, ws = 1 - t / SIGMA_MAX, 1 - s / SIGMA_MAX
    target = ((1 - a) * wt).view(wide) * ft + (a * ws).view(wide) * fs
    with torch.no_grad():
        x = (t / SIGMA_MAX).view(wide) * z + wt.view(wide) * ft
        pred = denoise(teacher, x, t)
    return (target - pred).square().mean(dim=(1, 2, 3))


class Trainer:
    """A student, its teacher, RAdam [liu20] and one average of the student's weights."""

    def __init__(self, student, teacher, layout=torch.contiguous_format, doubled=False, lr=2e-4, ema_rate=0.999):
        self.student, self.teacher, self.doubled = student, teacher.requires_grad_(False), doubled
        self.params = list(student.parameters())
        self.optimizer = torch.optim.RAdam(self.params, lr=lr)
        self.ema_rate = ema_rate
        self.ema = [p.detach().clone() for p in self.params]
        self.place(layout)

    def place(self, layout):
        """Brings all state to a memory format, between steps; mixed formats make the updates slow."""
        self.layout = layout
        self.optimizer.zero_grad(set_to_none=True)
        for net in self.student, self.teacher:
            net.to(memory_format=layout)
        states = [t for state in self.optimizer.state.values() for t in state.values()]
        for t in self.ema + states:
            if t.ndim == 4:
                t.data = t.contiguous(memory_format=layout)

    def step(self, z, i):
        """One update at noise z and indices i; returns the loss of each sample before it."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = pid_loss(self.student, self.teacher, z.contiguous(memory_format=self.layout), i, self.doubled)
        loss.mean().backward()
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_mul_(self.ema, self.ema_rate)
            torch._foreach_add_(self.ema, self.params, alpha=1 - self.ema_rate)
        return loss.detach()
