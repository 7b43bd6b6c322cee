"""Chooses how the members of a cohort run: side by side, in chunks, or one after another.

Members side by side share the overhead of a step; where they read the same batches they also share
one gather and one wide product. One at a time, each has the processor's caches to itself. Which is
faster depends on the model and on the machine, so it is measured on a few steps.
"""

import math
from collections.abc import Callable, Sequence
from itertools import takewhile

import jax

from kohort.data.system import cores
from kohort.engine.memory import TooLargeError
from kohort.engine.program import cache
from kohort.errors import DesignError
from kohort.tracing.lifting import Work
from kohort.tracing.signature import TracedSteps

_SMALL = 500  # steps, over all members: shorter training is not measured
_BRIEF = 1.0  # seconds: nor is training that takes less, as a measurement takes a compilation
_WORTH = 10.0  # seconds: shorter work is not worth a program for each candidate
_FAST = 1e-3  # seconds: a step this short is mostly overhead, which members side by side share
_LONG = 2.5e-3  # seconds: a step this long has little overhead to share, and fills the caches
_CORE = 1.9e11  # float32 operations a second of a fast core: 2 x 16 x 2 at 3 GHz
_EQUATION = 5e-7  # seconds: what a step was seen to take for each of its operations,
_NUMBER = 4e-10  # for each number that these write,
_PRODUCT = 1e-11  # and for each floating-point operation of a product
_CHUNK = 8  # a candidate for large cohorts: enough to share overhead, few enough for caches


def check_chunk(chunk: object) -> None:
    """Refuse an invalid number of members side by side.

    Raises:
        DesignError: It is neither None nor a whole number of 1 or more.
    """
    if chunk is not None and (type(chunk) is not int or chunk < 1):
        raise DesignError("a chunk_size of 1 or more, or None", repr(chunk), "use a whole number")


def candidates(order_of: Sequence[int], devices: int = 1) -> list[int]:
    """The chunk sizes to choose from: 1, `_CHUNK`, the members that read the same batches, all.

    Args:
        order_of: For each member the number of the order that it reads.
        devices: Over how many devices members are spread: none of them is left without members.
    """
    most, share = alike(order_of), -(-len(order_of) // devices)
    sizes = {1, most, len(order_of)} | ({_CHUNK} if most > _CHUNK else set())
    return sorted({min(size, share) for size in sizes})


def is_worth_spreading(steps: int) -> bool:
    """Whether so many steps, over all members, are worth a program for each device."""
    return steps >= _SMALL


def alike(order_of: Sequence[int]) -> int:
    """The number of members that read the same batches; of several orders the smallest."""
    return min(order_of.count(order) for order in set(order_of))


def least_seconds(operations: int) -> float:
    """A lower bound on the seconds of a step on this machine, from its number of operations."""
    return operations / (_CORE * cores())


def likely_seconds(work: Work) -> float:
    """A guess at the seconds of a step on a CPU, within a factor of three.

    Infinite where there are loops of which nobody knows how often they run.
    """
    if work.is_open:
        return math.inf
    return _EQUATION * work.equations + _NUMBER * work.numbers + _PRODUCT * work.products


def step_costs(traced: Sequence[TracedSteps | None]) -> list[float]:
    """What a training step of each model costs beside those of the others.

    All cost the same where nobody knows what one of them takes, and on GPUs.

    Args:
        traced: Their steps; None for a model that only `keras.Model.fit` trains.
    """
    if jax.default_backend() != "cpu":
        return [1.0] * len(traced)
    likely = [math.inf if of is None else likely_seconds(of.training.work()) for of in traced]
    return likely if math.inf not in likely else [1.0] * len(likely)


def is_brief(steps: int, likely: float) -> bool:
    """Whether nothing is measured for training of so many steps, over all members.

    Args:
        steps: How many.
        likely: A guess at the seconds of one; infinite where there is none.
    """
    return steps < _SMALL or steps * likely < _BRIEF


def choose(
    sizes: Sequence[int],
    steps: int,
    key: str,
    probe: Callable[[int], float],
    *,
    convolves: bool,
    at_least: float = 0.0,
    likely: float = math.inf,
) -> int:
    """Choose a chunk size by measuring; measurements are cached for next time.

    Args:
        sizes: The candidates, ascending, from 1 to all members.
        steps: The steps to train, over all members.
        key: Identifies the program, its data and the candidates in the cache.
        probe: Measures one candidate: seconds per step and member. Raises `TooLargeError` where
            it does not fit.
        convolves: Whether the step has convolutions on a CPU, which XLA runs slowly side by side.
        at_least: A lower bound on the seconds of a step of one member; 0 where none is known.
        likely: A guess at them; infinite where there is none.
    """
    if at_least > _FAST:
        # Its products alone take longer than any overhead that members could share.
        return 1
    if len(sizes) == 1 or is_brief(steps, likely):
        return 1 if convolves else sizes[-1]
    measure = _measuring(key, probe)
    alone = measure(1)
    if steps * alone < _WORTH:
        return sizes[-1] if alone < _FAST and not convolves else 1
    if alone > _LONG:
        return 1
    # If one size does not fit, larger ones do not either; they are not compiled to find that out.
    measured = ((measure(size), size) for size in sizes)
    fitting = takewhile(lambda candidate: candidate[0] < math.inf, measured)
    return min(fitting)[1]


def _measuring(key: str, probe: Callable[[int], float]) -> Callable[[int], float]:
    """The function `probe` with its results cached; infinite where a size does not fit.

    Only measurements are cached. The choice also depends on how much there is to train.
    """
    cached = cache.remembered(key) or {"seconds": {}}
    seconds = {int(size): float(taken) for size, taken in cached["seconds"].items()}

    def measure(size: int) -> float:
        if size not in seconds:
            try:
                seconds[size] = probe(size)
            except TooLargeError:
                return math.inf
            cache.remember(key, {"seconds": seconds})
        return seconds[size]

    return measure


def blocks(members: Sequence[int], order_of: Sequence[int], chunk: int) -> list[list[int]]:
    """Divide members into blocks of equal size, each of which one call of the program trains.

    Members that read the same batches are put together. If a chunk is no larger than their number,
    no block mixes orders. A smaller block is filled up with one of its members again, whose second
    result is ignored.

    Args:
        members: Member numbers.
        order_of: By member number, the number of the order that it reads.
        chunk: The size of the largest block.
    """
    by_order: dict[int, list[int]] = {}
    for member in members:
        by_order.setdefault(order_of[member], []).append(member)
    groups = list(by_order.values())
    if chunk > min(map(len, groups)):
        groups = [[member for group in groups for member in group]]
    parts = [part for group in groups for part in _split(group, chunk)]
    size = max(map(len, parts))
    return [part + part[-1:] * (size - len(part)) for part in parts]


def equal_blocks(members: Sequence[int], order_of: Sequence[int], seats: int) -> list[list[int]]:
    """Divide members into blocks of so many seats each, whoever and however many they are.

    Only the last block of members is filled up, by its last member again.

    Args:
        members: Member numbers.
        order_of: By member number, the group whose members may share a block.
        seats: The seats of each block.
    """
    groups: dict[int, list[int]] = {}
    for member in members:
        groups.setdefault(order_of[member], []).append(member)
    parts = [
        group[start : start + seats]
        for group in groups.values()
        for start in range(0, len(group), seats)
    ]
    return [part + part[-1:] * (seats - len(part)) for part in parts]


def _split(members: list[int], chunk: int) -> list[list[int]]:
    """Split members into the fewest parts of at most `chunk`, as equal as they can be."""
    count = -(-len(members) // chunk)
    small, larger = divmod(len(members), count)
    sizes = [small + (part < larger) for part in range(count)]
    starts = [sum(sizes[:part]) for part in range(count)]
    return [members[start : start + size] for start, size in zip(starts, sizes, strict=True)]
