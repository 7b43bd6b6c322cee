"""How the members of a cohort run: side by side, in chunks, or one after another.

Members side by side share the overhead of a step, and where they read the same batches one gather
and one wide product; one at a time, each has the processor's caches to itself. Which is faster
depends on the model and on the machine, so it is measured on first steps.
"""

import math
from collections.abc import Callable, Sequence
from itertools import takewhile

from kohort.data.system import cores
from kohort.engine.memory import TooLargeError
from kohort.engine.program import cache
from kohort.errors import DesignError

_SMALL = 500  # steps, over all members: what is over in a moment is not measured
_WORTH = 10.0  # seconds: shorter work is not worth a program for each candidate
_FAST = 1e-3  # seconds: a step this short is mostly overhead, which members side by side share
_LONG = 2.5e-3  # seconds: a step this long has little overhead to share, and fills the caches
_CORE = 1.9e11  # products and sums a second in float32 of a fast core: 2 x 16 x 2 at 3 GHz
_CHUNK = 8  # a candidate for large cohorts: enough to share overhead, few enough for caches


def check_chunk(chunk: object) -> None:
    """Refuse a number of members side by side that is none.

    Raises:
        DesignError: It is neither None nor a whole number of 1 or more.
    """
    if chunk is not None and (type(chunk) is not int or chunk < 1):
        raise DesignError("a chunk_size of 1 or more, or None", repr(chunk), "use a whole number")


def candidates(order_of: Sequence[int]) -> list[int]:
    """The chunks to choose from: one; some; those that read the same batches; all."""
    most = alike(order_of)
    sizes = {1, most, len(order_of)} | ({_CHUNK} if most > _CHUNK else set())
    return sorted(sizes)


def alike(order_of: Sequence[int]) -> int:
    """How many members read the same batches, in every order at least."""
    return min(order_of.count(order) for order in set(order_of))


def least_seconds(operations: int) -> float:
    """What a step takes at least on this machine's cores, by the operations of its products."""
    return operations / (_CORE * cores())


def choose(
    sizes: Sequence[int],
    steps: int,
    key: str,
    probe: Callable[[int], float],
    *,
    convolves: bool,
    at_least: float = 0.0,
) -> int:
    """Choose a chunk by measuring; what was measured is kept for next time.

    Args:
        sizes: The candidates, ascending, the first 1 and the last all members.
        steps: The steps to come, over all members.
        key: Of the program, its data and its candidates.
        probe: Measures one candidate: seconds a step and member. Raises `TooLargeError` where it
            does not fit.
        convolves: Whether the step has convolutions on a CPU, which XLA runs slowly side by side.
        at_least: Seconds that a step of one member takes at least; 0 where nobody knows.
    """
    if at_least > _FAST:
        # Even its products alone take longer than all that members could share.
        return 1
    if len(sizes) == 1 or steps < _SMALL:
        return 1 if convolves else sizes[-1]
    measure = _measuring(key, probe)
    alone = measure(1)
    if steps * alone < _WORTH:
        return sizes[-1] if alone < _FAST and not convolves else 1
    if alone > _LONG:
        return 1
    # Where some do not fit, more do not either: to find that out would take another program.
    fitting = takewhile(lambda own: own[0] < math.inf, ((measure(size), size) for size in sizes))
    return min(fitting)[1]


def _measuring(key: str, probe: Callable[[int], float]) -> Callable[[int], float]:
    """What `probe` measures, or has measured before; infinite where it does not fit.

    What follows from it depends on how much there is to train, and is not kept.
    """
    kept = cache.remembered(key) or {"seconds": {}}
    seconds = {int(size): float(taken) for size, taken in kept["seconds"].items()}

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
    """Members in blocks of equal size, each of which one call of the program trains.

    Members that read the same batches stand together; where a chunk is no larger than their number
    no block mixes orders. A last block is filled up with one of its members, whose second result
    is ignored.

    Args:
        members: Member numbers.
        order_of: By member number, the order that it reads.
        chunk: The largest block.
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


def _split(members: list[int], chunk: int) -> list[list[int]]:
    count = -(-len(members) // chunk)
    small, larger = divmod(len(members), count)
    sizes = [small + (part < larger) for part in range(count)]
    starts = [sum(sizes[:part]) for part in range(count)]
    return [members[start : start + size] for start, size in zip(starts, sizes, strict=True)]
