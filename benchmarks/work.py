"""What the benchmarks train, as data, and what it costs by formula.

NumPy and kohort are not needed here: every peer's environment imports this, from Python 3.11 on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

SIDE, CLASSES = 28, 10
FEATURES = SIDE * SIDE
BATCH, SAMPLES, VALIDATION = 256, 200_000, 0.1
LOOPED = 16
"""So many models of a cohort a peer trains that can only loop: the others would take as long."""

ADAM_PASSES = 7
"""Adam reads gradient, weight and two moments, and writes the last three."""
ADAM_OPERATIONS = 12
"""For each weight: two moments, their corrections, a root, a division, the update."""
ITEM_BYTES = {"float32": 4, "tensorfloat32": 4, "bfloat16": 2}


@dataclass(frozen=True)
class Net:
    """A classifier of 28 x 28 pixels: convolutions, then ReLU layers, then a softmax.

    Args:
        units: Of each dense hidden layer.
        filters: Of each convolution, 3 x 3 without padding and followed by 2 x 2 max pooling.
        l1: Strength of an L1 penalty on the kernels of dense hidden layers.
        l2: Of an L2 penalty.
        dropout: Rate of dropout after each dense hidden layer.
    """

    units: tuple[int, ...] = ()
    filters: tuple[int, ...] = ()
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0


@dataclass(frozen=True)
class Work:
    """Variants to train, each in so many members.

    Args:
        variants: By name.
        members: Models of each variant: seeds of `fit`, replicates of a study.
        is_study: Whether members are replicates with splits of their own, and a report is the end.
    """

    variants: Mapping[str, Net]
    members: int = 1
    is_study: bool = False

    @property
    def models(self) -> int:
        """How many are trained in all."""
        return self.members * len(self.variants)

    @property
    def looped(self) -> int:
        """How many models of each variant a peer trains that can only loop."""
        return self.members if self.is_study else min(self.members, LOOPED)


_DEEP = (600, 400, 200)
DENSE = {
    "softmax": Net(),
    "200": Net((200,)),
    "400-200": Net((400, 200)),
    "600-400-200": Net(_DEEP),
}
STUDY = DENSE | {
    "600-400-200 L1": Net(_DEEP, l1=1e-4),
    "600-400-200 L2": Net(_DEEP, l2=1e-4),
    "600-400-200 dropout 0.2": Net(_DEEP, dropout=0.2),
    "600-400-200 dropout 0.5": Net(_DEEP, dropout=0.5),
}
COHORTS = (4, 16, 64, 256)
WORKS = {
    **{name: Work({name: net}) for name, net in DENSE.items()},
    "convolutional": Work({"convolutional": Net(filters=(8, 16))}),
    **{f"softmax-x{members}": Work({"softmax": Net()}, members) for members in COHORTS},
    "study": Work(STUDY, 5, is_study=True),
}
"""The work items of the benchmark; `named` makes more."""


def named(name: str) -> Work:
    """A work item by name: one of `WORKS`, or such as "400-200" or, of 16 members, "400-200-x16".

    Raises:
        ValueError: It is no such name.
    """
    if name in WORKS:
        return WORKS[name]
    found = re.fullmatch(r"(softmax|[1-9]\d*(?:-[1-9]\d*)*)(?:-x([1-9]\d*))?", name)
    if found is None:
        raise ValueError(
            f"expected one of {', '.join(WORKS)}, or layers and members such as 400-200-x16; "
            f"got {name!r}"
        )
    stack, members = found.groups()
    units = () if stack == "softmax" else tuple(int(width) for width in stack.split("-"))
    return Work({stack: Net(units)}, int(members or 1))


class Layer(NamedTuple):
    """A layer as a matrix product: for each sample [rows, inner] by [inner, columns]."""

    rows: int
    inner: int
    columns: int
    read: int
    """Numbers of a sample that the layer reads: fewer than rows x inner for a convolution."""

    @property
    def weights(self) -> int:
        """Kernel and bias."""
        return (self.inner + 1) * self.columns


class Phase(NamedTuple):
    """A part of a training step that cannot begin before the one before it has ended."""

    name: str
    operations: float
    moved: float
    """Bytes read and written, each number once."""
    resident: float
    """Bytes that the phase works on, which tell whether caches hold them."""


@dataclass(frozen=True)
class Ceilings:
    """What a machine reaches at best, as `benchmarks.limits` measures it.

    Args:
        operations: Floating-point operations a second of a large matrix product, by precision.
        copies: Bytes a second of a copy, read and written, by how large it is: source and target.
    """

    operations: Mapping[str, float]
    copies: Mapping[int, float]

    def seconds(self, phase: Phase, precision: str) -> float:
        """What a phase takes at least: its operations, or its bytes, whichever take longer."""
        # A copy no larger than what the phase works on is at least as fast.
        held = [size for size in self.copies if size <= phase.resident]
        bandwidth = self.copies[max(held, default=min(self.copies))]
        return max(phase.operations / self.operations[precision], phase.moved / bandwidth)


def layers(net: Net) -> list[Layer]:
    """The layers of a net that multiply."""
    found, side, channels = [], SIDE, 1
    for filters in net.filters:
        read, side = side * side * channels, side - 2
        found.append(Layer(side * side, 9 * channels, filters, read))
        side, channels = side // 2, filters
    width = side * side * channels
    for units in (*net.units, CLASSES):
        found.append(Layer(1, width, units, width))
        width = units
    return found


def parameters(net: Net) -> int:
    """Weights of a net."""
    return sum(layer.weights for layer in layers(net))


def phases(
    net: Net, members: int = 1, precision: str = "float32", stored: int | None = None
) -> list[Phase]:
    """A training step of members side by side, who see the same batch.

    Args:
        net: What each of them is.
        members: How many.
        precision: Of what is multiplied; weights, gradients and moments are float32.
        stored: Bytes that a feature of the data takes; None for as many as a multiplied number.
    """
    item, stack = ITEM_BYTES[precision], layers(net)
    # The batch that it writes is what the first product reads, and counts there.
    read = (stored or item) * BATCH * FEATURES
    found = [Phase("gather", 0, read, float("inf"))]
    for number, layer in enumerate(stack):
        operations = 2 * BATCH * layer.rows * layer.inner * layer.columns * members
        # All members read the same batch: one reading serves them.
        read = BATCH * layer.read * (members if number else 1)
        made = BATCH * layer.rows * layer.columns * members
        moved = item * (read + made + layer.weights * members)
        found += [
            Phase("forward", operations, moved, moved),
            Phase("weight gradient", operations, moved, moved),
        ]
        if number:
            found.append(Phase("input gradient", operations, moved, moved))
    weights = parameters(net) * members
    moved = 4 * ADAM_PASSES * weights
    found.append(Phase("optimizer", ADAM_OPERATIONS * weights, moved, 4 * 4 * weights))
    return found


def least_seconds(work: Work, precision: str, ceilings: Ceilings, samples: int) -> float:
    """What an epoch takes at least, for a model: the mean over the variants.

    An epoch is its training steps and one pass forward over the validation samples. Members of a
    study have splits of their own, so none shares a batch; its data are pixels of a byte.
    """
    valid = int(samples * VALIDATION)
    steps = -(-(samples - valid) // BATCH)
    members, stored = (1, 1) if work.is_study else (work.members, None)
    total = 0.0
    for net in work.variants.values():
        parts = phases(net, members, precision, stored)
        step = sum(ceilings.seconds(part, precision) for part in parts)
        forward = sum(ceilings.seconds(p, precision) for p in parts if p.name == "forward")
        total += (steps * step + valid / BATCH * forward) / members
    return total / len(work.variants)
