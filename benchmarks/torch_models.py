"""The models of `benchmarks.models.BREADTH` as PyTorch modules, as one writes them by hand.

They say logits, and start from PyTorch's own initial weights.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from benchmarks import torch_convolutional
from benchmarks.tasks import CATEGORIES, CATEGORY, NUMBERS, WORDS


def relu_layers(widths: Sequence[int], out: int | None = None) -> nn.Sequential:
    """ReLU layers from the first width on, and what they say."""
    parts: list[nn.Module] = []
    for before, after in pairwise(widths):
        parts += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*parts, *([] if out is None else [nn.Linear(widths[-1], out)]))


class EmbeddedTable(nn.Module):
    """An embedding for each category beside the numbers, then ReLU layers."""

    def __init__(self) -> None:
        super().__init__()
        self.columns = nn.ModuleList(nn.Embedding(CATEGORY, 8) for _ in range(CATEGORIES))
        self.rest = relu_layers((8 * CATEGORIES + NUMBERS, 128, 64), 1)

    def forward(self, words: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """The logit."""
        known = [column(words[:, i]) for i, column in enumerate(self.columns)]
        return self.rest(torch.cat([*known, numbers], 1))


class Images(nn.Module):
    """Brings a batch of images to PyTorch's order, and pixels that are said back to Keras's."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the inner module says of the images."""
        said = self.inner(x.movedim(-1, 1).contiguous())
        return said.movedim(1, -1) if said.ndim > 2 else said


def small_convolutions() -> nn.Module:
    """A pooling after each convolution, and dropout."""
    parts = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)]
    parts += [nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
    return Images(nn.Sequential(*parts, nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10)))


def convolutions() -> nn.Module:
    """Pairs of convolutions, a pooling and dropout after each pair, and a dense layer."""
    parts: list[nn.Module] = []
    for before, filters in ((3, 32), (32, 64)):
        parts += [nn.Conv2d(before, filters, 3, padding="same"), nn.ReLU()]
        parts += [nn.Conv2d(filters, filters, 3, padding="same"), nn.ReLU()]
        parts += [nn.MaxPool2d(2), nn.Dropout(0.25)]
    return Images(nn.Sequential(*parts, nn.Flatten(), relu_layers((4096, 128), 10)))


class ResidualBlock(nn.Module):
    """Two convolutions, each after a normalisation, and what they read beside."""

    def __init__(self, before: int, filters: int, strides: int) -> None:
        super().__init__()
        parts: list[nn.Module] = []
        for number, step in ((before, strides), (filters, 1)):
            parts += [nn.BatchNorm2d(number), nn.ReLU()]
            parts.append(nn.Conv2d(number, filters, 3, step, 1, bias=False))
        self.long = nn.Sequential(*parts)
        self.short = nn.Identity() if strides == 1 else nn.Conv2d(before, filters, 1, strides)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of both ways."""
        return self.long(x) + self.short(x)


def residual() -> nn.Module:
    """A residual net of two convolutions for each number of filters."""
    sizes = ((16, 16, 1), (16, 32, 2), (32, 64, 2))
    blocks = [ResidualBlock(*size) for size in sizes]
    first = nn.Conv2d(3, 16, 3, padding=1, bias=False)
    end = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return Images(nn.Sequential(first, *blocks, *end))


class BidirectionalLstm(nn.Module):
    """An embedding, and a bidirectional LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 32)
        self.lstm = nn.LSTM(32, 64, batch_first=True, bidirectional=True)
        self.say = nn.Linear(128, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits, from the last state of each direction."""
        _, (last, _) = self.lstm(self.words(x))
        return self.say(torch.cat([last[0], last[1]], 1))


class AttentionBlock(nn.Module):
    """Attention and a dense pair, each added to what it read and normalised."""

    def __init__(self, heads: int, width: int, wide: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, dropout=0.1, batch_first=True)
        self.pair = relu_layers((width, wide), width)
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-3) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens as they came in."""
        x = self.norms[0](x + self.attention(x, x, x, need_weights=False)[0])
        return self.norms[1](x + self.pair(x))


class Transformer(nn.Module):
    """A block of attention over an embedding with places."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 64)
        self.places = nn.Parameter(0.02 * torch.randn(80, 64))
        self.block, self.say = AttentionBlock(2, 64, 128), nn.Linear(64, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        return self.say(self.block(self.words(x) + self.places).mean(1))


def long_series() -> nn.Module:
    """Convolutions along a series."""
    parts: list[nn.Module] = []
    for before in (4, 64, 64):
        parts += [nn.Conv1d(before, 64, 3, padding="same"), nn.ReLU(), nn.MaxPool1d(2)]
    return Images(nn.Sequential(*parts, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 5)))


class Gru(nn.Module):
    """The next number of a series."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.say = nn.GRU(8, 64, batch_first=True), nn.Linear(64, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The number, from the last state."""
        return self.say(self.gru(x)[1][0])


class Forecaster(nn.Module):
    """Dilated convolutions that look back alone; the last step says the next ones."""

    def __init__(self) -> None:
        super().__init__()
        sizes = ((4, 1), (32, 2), (32, 4), (32, 8))
        self.steps = nn.ModuleList(nn.Conv1d(b, 32, 3, dilation=dilation) for b, dilation in sizes)
        self.say = nn.Linear(32, 24)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The numbers."""
        x = x.movedim(-1, 1)
        for step in self.steps:
            x = functional.relu(step(functional.pad(x, (2 * step.dilation[0], 0))))
        return self.say(x[..., -1])


class UNet(nn.Module):
    """Down and up again, with what was there before beside."""

    def __init__(self) -> None:
        super().__init__()

        def pair(before: int, filters: int) -> nn.Module:
            first = nn.Conv2d(before, filters, 3, padding="same")
            second = nn.Conv2d(filters, filters, 3, padding="same")
            return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())

        self.down = nn.ModuleList([pair(1, 8), pair(8, 16)])
        self.lowest = pair(16, 32)
        self.wider = nn.ModuleList(nn.ConvTranspose2d(2 * f, f, 2, 2) for f in (16, 8))
        self.up = nn.ModuleList(pair(2 * f, f) for f in (16, 8))
        self.say = nn.Conv2d(8, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of each pixel."""
        kept = []
        for down in self.down:
            kept.append(down(x))
            x = functional.max_pool2d(kept[-1], 2)
        x = self.lowest(x)
        for wider, up in zip(self.wider, self.up, strict=True):
            x = up(torch.cat([wider(x), kept.pop()], 1))
        return self.say(x)


class Mixer(nn.Module):
    """A block of MLP-Mixer."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 64, 4, 4)
        self.norms = nn.ModuleList(nn.LayerNorm(64, eps=1e-3) for _ in range(3))
        self.across = nn.Sequential(nn.Linear(64, 32), nn.GELU(), nn.Linear(32, 64))
        self.along = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64))
        self.say = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        x = self.patches(x).flatten(2).mT
        x = x + self.across(self.norms[0](x).mT).mT
        x = x + self.along(self.norms[1](x))
        return self.say(self.norms[2](x).mean(1))


class Siamese(nn.Module):
    """One tower, called on two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.tower, self.say = relu_layers((784, 128, 64)), nn.Linear(64, 1)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """The logit."""
        return self.say((self.tower(left) - self.tower(right)).abs())


class VariationalAutoencoder(nn.Module):
    """A normal distribution for each sample, drawn from, and decoded."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = relu_layers((784, 256), 32), relu_layers((16, 256), 784)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What was decoded, and the distribution's means and logarithms of variances."""
        mean, log_variance = self.encode(x).chunk(2, -1)
        drawn = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.decode(drawn).sigmoid(), mean, log_variance


class TabularTransformer(nn.Module):
    """A block of attention over the columns of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(CATEGORIES * CATEGORY, 32)
        self.slope = nn.Parameter(0.1 * torch.randn(NUMBERS, 32))
        self.offset = nn.Parameter(0.1 * torch.randn(NUMBERS, 32))
        self.block, self.say = AttentionBlock(4, 32, 64), nn.Linear(32, 1)
        self.register_buffer("starts", CATEGORY * torch.arange(CATEGORIES), persistent=False)

    def forward(self, words: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """The logit."""
        scaled = numbers[..., None] * self.slope + self.offset
        x = torch.cat([self.table(words + self.starts), scaled], 1)
        return self.say(self.block(x).mean(1))


def dense_autoencoder() -> nn.Module:
    """To few numbers, and back."""
    return nn.Sequential(relu_layers((784, 128, 64, 32, 64, 128), 784), nn.Sigmoid())


BREADTH: dict[str, Callable[[], nn.Module]] = {
    "table": EmbeddedTable,
    "tiny table": partial(relu_layers, (16, 16, 16), 1),
    "dense autoencoder": dense_autoencoder,
    "small convolutions": small_convolutions,
    "convolutions": convolutions,
    "residual": residual,
    "bidirectional LSTM": BidirectionalLstm,
    "transformer": Transformer,
    "long series": long_series,
    "GRU": Gru,
    "forecaster": Forecaster,
    "U-Net": lambda: Images(UNet()),
    "mixer": lambda: Images(Mixer()),
    "siamese": Siamese,
    "variational autoencoder": VariationalAutoencoder,
    "tabular transformer": TabularTransformer,
    "separable convolutions": lambda: Images(torch_convolutional.separable()),
    "image autoencoder": lambda: Images(torch_convolutional.image_autoencoder()),
    "volumes": lambda: Images(torch_convolutional.volumes()),
    "frames": lambda: Images(torch_convolutional.frames()),
}
"""As in `benchmarks.models`."""
