"""Compile an epoch of one member for all seats, and keep the programs of this process."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from kohort.engine.program import cache
from kohort.engine.program.epoch import EpochInputs, EpochSpec, epoch_of_one
from kohort.engine.program.steps import Steps
from kohort.keras_api.models import State


class Program(NamedTuple):
    """A compiled program.

    Args:
        run: Calls it.
        needed: Bytes that it takes while it runs; to tell takes XLA longer than a short epoch.
    """

    run: jax.stages.Compiled
    needed: int


def compile_epoch(steps: Steps, spec: EpochSpec, state: State, feed: EpochInputs) -> Program:
    """Compile an epoch for all seats: `(state, *feed) -> (state, logs)`, stacked by seat.

    Args:
        steps: What the members run.
        spec: What else is fixed at compile time.
        state: Each leaf `[seat, ...]`; donated at every call.
        feed: What an epoch reads.
    """
    epoch = epoch_of_one(steps, spec)
    rows = [_member_axis(own) for own in (feed.order, feed.measured, feed.valid_rows)]
    axes = (0, None, rows[0], rows[1], None, rows[2], 0, 0)
    return compile_for_seats(
        lambda state, *fields: epoch(state, EpochInputs(*fields)), axes, state, *feed
    )


def compile_for_seats(
    of_one: Callable[..., Any], axes: tuple[int | None, ...], *arguments: Any, donate: bool = True
) -> Program:
    """Compile a function of one member for all seats.

    Args:
        of_one: The function.
        axes: For each argument 0 where its leaves are `[seat, ...]`, None where seats share it.
        *arguments: Examples; the first is `[seat, ...]`.
        donate: Whether the first is donated at every call.
    """
    of_all = over_seats(of_one, axes, seats=seats_of(arguments[0]))
    lowered = jax.jit(of_all, donate_argnums=(0,) if donate else ()).lower(*arguments)
    with cache.persistent():
        compiled = lowered.compile()
    program = Program(compiled, needed_by(compiled))
    for programs in _RECORDING:
        programs.append(program)
    return program


_RECORDING: list[list[Program]] = []


@contextmanager
def recorded_compilations() -> Iterator[list[Program]]:
    """The programs that are compiled inside, as a list that grows; kept ones are not in it."""
    programs: list[Program] = []
    _RECORDING.append(programs)
    try:
        yield programs
    finally:
        _RECORDING[:] = [others for others in _RECORDING if others is not programs]


@contextmanager
def assert_max_compilations(most: int) -> Iterator[None]:
    """Fail where kohort compiles more programs inside than expected, for tests of your own.

    Args:
        most: How many it may compile.

    Raises:
        AssertionError: It compiled more.
    """
    with recorded_compilations() as programs:
        yield
    if len(programs) > most:
        raise AssertionError(f"expected at most {most} compilations, got {len(programs)}")


def seats_of(state: Any) -> int:
    """The number of seats of a stacked state."""
    return int(jax.tree.leaves(state)[0].shape[0])


def over_seats(
    of_one: Callable[..., Any], axes: tuple[int | None, ...], *, seats: int
) -> Callable[..., Any]:
    """A function of one member for all seats; one seat runs as it is, without `jax.vmap`."""
    if seats > 1:
        return jax.vmap(of_one, in_axes=axes)

    def of_only(*arguments: Any) -> Any:
        own = [
            given if axis is None else jax.tree.map(lambda leaf: leaf[0], given)
            for axis, given in zip(axes, arguments, strict=True)
        ]
        return jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], of_one(*own))

    return of_only


class Programs:
    """The programs that this process has compiled; the ones used longest ago are forgotten.

    The key is that of the steps, which stands for all that they compute, with what else a
    program depends on: its spec, and the shapes of all that it reads.

    Args:
        size: How many to keep.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, Program] = OrderedDict()

    def get(self, key: Hashable, arguments: Any, make: Callable[[], Program]) -> Program:
        """The program of `key` for arguments of these shapes, made unless it is kept."""
        leaves, structure = jax.tree.flatten(arguments)
        shapes = tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves)
        whole = (key, structure, shapes)
        if whole not in self._kept:
            self._kept[whole] = make()
        self._kept.move_to_end(whole)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return self._kept[whole]

    def clear(self) -> None:
        """Forget all of them."""
        self._kept.clear()


PROGRAMS = Programs(size=64)


def _member_axis(rows: jax.Array) -> int | None:
    return 0 if rows.ndim == 2 else None


def needed_by(program: jax.stages.Compiled) -> int:
    """Bytes that a program takes while it runs; 0 where the device does not tell."""
    seen: Any = program.memory_analysis()
    if seen is None:
        return 0
    return int(
        seen.argument_size_in_bytes
        + seen.output_size_in_bytes
        - seen.alias_size_in_bytes
        + seen.temp_size_in_bytes
    )
