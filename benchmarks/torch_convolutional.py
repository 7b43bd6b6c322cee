"""The models of `benchmarks.convolutional_models` as PyTorch modules, as written by hand."""

import torch
from torch import nn


class SeparableBlock(nn.Module):
    """Two separable convolutions, each normalised, and what they read beside."""

    def __init__(self, before: int, filters: int) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for number, step in ((before, 1), (filters, 2)):
            parts.append(nn.Conv2d(number, number, 3, step, 1, groups=number, bias=False))
            parts.append(nn.Conv2d(number, filters, 1, bias=False))
            parts += [nn.BatchNorm2d(filters), nn.ReLU()]
        self.long = nn.Sequential(*parts)
        self.short = nn.Conv2d(before, filters, 1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of both ways."""
        return self.long(x) + self.short(x)


def separable() -> nn.Module:
    """Separable convolutions, with what was there before added."""
    first = (nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU())
    blocks = (SeparableBlock(32, 64), SeparableBlock(64, 128))
    end = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))
    return nn.Sequential(*first, *blocks, *end)


def image_autoencoder() -> nn.Module:
    """Down by pooling, and up by transposed convolutions."""
    parts: list[nn.Module] = []
    for before in (1, 32):
        parts += [nn.Conv2d(before, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    for _ in range(2):
        parts += [nn.ConvTranspose2d(32, 32, 3, 2, 1, 1), nn.ReLU()]
    return nn.Sequential(*parts, nn.Conv2d(32, 1, 3, padding=1), nn.Sigmoid())


def volumes() -> nn.Module:
    """Convolutions over three axes."""
    parts: list[nn.Module] = []
    for before, filters in ((1, 16), (16, 32)):
        parts += [nn.Conv3d(before, filters, 3, padding=1), nn.ReLU()]
        parts += [nn.MaxPool3d(2), nn.BatchNorm3d(filters)]
    end = (nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 1))
    return nn.Sequential(*parts, *end)


class ConvolvingLstm(nn.Module):
    """An LSTM whose gates are convolutions; says the state after each step."""

    def __init__(self, before: int, filters: int, size: int) -> None:
        super().__init__()
        self.read = nn.Conv2d(before, 4 * filters, size, padding="same")
        self.recall = nn.Conv2d(filters, 4 * filters, size, padding="same", bias=False)
        self.filters = filters

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of `[sample, channel, step, row, column]` as much, with the filters as channels."""
        held = x.new_zeros(len(x), self.filters, *x.shape[3:])
        carried, told = held, []
        for step in x.unbind(2):
            gates = self.read(step) + self.recall(held)
            take, forget, new, give = gates.chunk(4, 1)
            carried = forget.sigmoid() * carried + take.sigmoid() * new.tanh()
            held = give.sigmoid() * carried.tanh()
            told.append(held)
        return torch.stack(told, 2)


def frames() -> nn.Module:
    """The next frame after each of a film."""
    lstms = ConvolvingLstm(1, 8, 5), ConvolvingLstm(8, 8, 3)
    return nn.Sequential(*lstms, nn.Conv3d(8, 1, 3, padding=1))
