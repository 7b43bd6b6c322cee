"""Compiles a function of one member for all seats, and keeps the programs of this process."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from kohort.data.system import cores
from kohort.engine.process_end import end_at_once
from kohort.engine.program import cache
from kohort.engine.program.epoch import EpochInputs, EpochSpec, epoch_of_one
from kohort.engine.program.steps import Steps
from kohort.keras_api.models import State


class Program(NamedTuple):
    """A compiled program.

    Args:
        run: Calls it.
        needed: Bytes of memory while it runs. It is stored since XLA takes longer to report it
            than a short epoch takes.
    """

    run: jax.stages.Compiled
    needed: int


def lower_epoch(
    steps: Steps, spec: EpochSpec, state: State, feed: EpochInputs
) -> jax.stages.Lowered:
    """An epoch for all seats, to compile: `(state, *feed) -> (state, logs)`, all `[seat, ...]`.

    Args:
        steps: The steps of the members.
        spec: The other settings that are fixed at compile time.
        state: Each leaf `[seat, ...]`; donated at every call.
        feed: The inputs of an epoch; examples.
    """
    epoch = epoch_of_one(steps, spec)
    rows = [_member_axis(field) for field in (feed.order, feed.measured, feed.valid_rows)]
    axes = (0, None, rows[0], rows[1], None, rows[2], 0, 0, None, 0)
    return lower_for_seats(
        lambda state, *fields: epoch(state, EpochInputs(*fields)),
        axes,
        state,
        *feed,
        lightly=steps.compiles_lightly,
    )


def lower_for_seats(
    of_one: Callable[..., Any],
    axes: tuple[int | None, ...],
    *arguments: Any,
    donate: bool = True,
    lightly: bool = False,
) -> jax.stages.Lowered:
    """A function of one member for all seats, to compile.

    Args:
        of_one: The function.
        axes: For each argument 0 where its leaves are `[seat, ...]`, None where seats share it.
        *arguments: Examples; the first is `[seat, ...]`.
        donate: Whether the first is donated at every call.
        lightly: Whether it is compiled at LLVM's first level of optimisation, on a CPU.
    """
    of_all = over_seats(of_one, axes, seats=seats_of(arguments[0]))
    options = _LIGHTLY if lightly and jax.default_backend() == "cpu" else None
    donated = (0,) if donate else ()
    return jax.jit(of_all, donate_argnums=donated, compiler_options=options).lower(*arguments)


_LIGHTLY = {"xla_backend_optimization_level": 1}
"""LLVM's first level of optimisation: at XLA's own, the highest, an epoch of a GRU takes 1.1
times as long, one of an LSTM 1.05 times, one of a transformer as long, and their programs 1.2 times
as long to compile. What has convolutions or narrow layers is slower at the first level, by up to a
tenth."""


def compiled_program(lowered: jax.stages.Lowered) -> Program:
    """The program of what is to be compiled."""
    end_at_once()
    with cache.persistent(), cache.once(lowered.as_text):
        compiled = lowered.compile()
    program = Program(compiled, needed_by(compiled))
    for programs in _RECORDING:
        programs.append(program)
    return program


_RECORDING: list[list[Program]] = []


@contextmanager
def recorded_compilations() -> Iterator[list[Program]]:
    """A list to which each program that is compiled in the block is added; reused ones are not."""
    programs: list[Program] = []
    _RECORDING.append(programs)
    try:
        yield programs
    finally:
        _RECORDING[:] = [others for others in _RECORDING if others is not programs]


@contextmanager
def assert_max_compilations(most: int) -> Iterator[None]:
    """Fail if kohort compiles more programs inside the block than expected; for your own tests.

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
    """A function of one member as a function of all seats; for one seat without `jax.vmap`.

    Args: as of `compile_for_seats`.
    """
    if seats > 1:
        return jax.vmap(of_one, in_axes=axes)

    def of_only(*arguments: Any) -> Any:
        of_seat = [
            argument if axis is None else jax.tree.map(lambda leaf: leaf[0], argument)
            for axis, argument in zip(axes, arguments, strict=True)
        ]
        return jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], of_one(*of_seat))

    return of_only


class Compiling(NamedTuple):
    """What programs have taken in this process.

    Args:
        waited: Seconds that their callers have waited for them.
        programs: How many have compiled, or were found in the cache.
        seconds: What that took, of those side by side counted for each.
        goes_on: Whether one compiles now, in another thread.
    """

    waited: float
    programs: int
    seconds: float
    goes_on: bool


class Programs:
    """The programs that this process has compiled; the least recently used ones are dropped.

    The key holds the key of the steps, which identifies what they compute, and everything else
    that a program depends on: its spec, and the shapes of its arguments.

    Args:
        size: How many to keep.
        compiled: Compiles one.
    """

    def __init__(
        self, size: int, compiled: Callable[[jax.stages.Lowered], Program] = compiled_program
    ) -> None:
        self._size, self._compiled = size, compiled
        self._waited, self._took = 0.0, list[float]()
        self._programs: OrderedDict[Hashable, Program | Future[Program]] = OrderedDict()

    def get(
        self, key: Hashable, arguments: Any, lower: Callable[[], jax.stages.Lowered]
    ) -> Program:
        """The program of `key` for arguments of these shapes; it is compiled if it is not kept.

        Args:
            key: Of the program.
            arguments: Its arguments.
            lower: Returns what is to be compiled.
        """
        full_key = _with_shapes(key, arguments)
        if full_key not in self._programs:
            with self._waiting():
                self._keep(full_key, self._timed(lower()))
        found = self._programs[full_key]
        if isinstance(found, Future):
            del self._programs[full_key]  # One that fails is tried again when it is asked for.
            with self._waiting():
                found = self._programs[full_key] = found.result()
        self._programs.move_to_end(full_key)
        return found

    def begin(self, key: Hashable, arguments: Any, lower: Callable[[], jax.stages.Lowered]) -> None:
        """Compile what `get` will be asked for, in another thread; arguments as of `get`."""
        full_key = _with_shapes(key, arguments)
        if full_key not in self._programs:
            with self._waiting():
                lowered = lower()
            self._keep(full_key, _COMPILERS.submit(self._timed, lowered))

    def finish(self) -> None:
        """Wait until nothing compiles in another thread."""
        with self._waiting():
            wait(self._begun)

    def compiling(self) -> Compiling:
        """What programs have taken so far."""
        took = self._took.copy()  # Other threads add to it.
        goes_on = not all(program.done() for program in self._begun)
        return Compiling(self._waited, len(took), sum(took), goes_on)

    @property
    def _begun(self) -> list[Future[Program]]:
        return [found for found in self._programs.values() if isinstance(found, Future)]

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._waited += time.monotonic() - began

    def _timed(self, lowered: jax.stages.Lowered) -> Program:
        began = time.monotonic()
        program = self._compiled(lowered)
        self._took.append(time.monotonic() - began)
        return program

    def _keep(self, full_key: Hashable, program: "Program | Future[Program]") -> None:
        self._programs[full_key] = program
        if len(self._programs) > self._size:
            self._programs.popitem(last=False)

    def clear(self) -> None:
        """Forget all of them, when what compiles in another thread has ended."""
        self.finish()
        self._programs.clear()


PROGRAMS = Programs(size=64)
_COMPILERS = ThreadPoolExecutor(cores(), "compiling")


def _with_shapes(key: Hashable, arguments: Any) -> Hashable:
    leaves, structure = jax.tree.flatten(arguments)
    return key, structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)


def _member_axis(rows: jax.Array) -> int | None:
    """The axis of members in rows `[member, sample]`; None for shared rows, `[sample]`."""
    return 0 if rows.ndim == 2 else None


def needed_by(program: jax.stages.Compiled) -> int:
    """Bytes of memory of a program while it runs; 0 where the backend does not report it."""
    sizes: Any = program.memory_analysis()
    if sizes is None:
        return 0
    return int(
        sizes.argument_size_in_bytes
        + sizes.output_size_in_bytes
        - sizes.alias_size_in_bytes
        + sizes.temp_size_in_bytes
    )
