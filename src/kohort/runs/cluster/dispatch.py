"""Sends blocks to a Ray cluster, takes what they tell, and sends them again where a worker died."""

import inspect
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from uuid import uuid4

import keras

from kohort.design.spec import StudySpec
from kohort.engine.loop.events import BlockPlan, BlocksPlanned
from kohort.engine.program.precision import Precision
from kohort.errors import DesignError, Interrupted, reason
from kohort.runs.cluster import connecting, shipping, versions
from kohort.runs.cluster.blocks import ClusterWork, SentBlock, Told
from kohort.runs.cluster.messages import BlockTask, Message, Shipment
from kohort.runs.cluster.ray_settings import Ray

MOST_DEATHS = 3
"""A block of which so many workers have died, with no epoch in between, is sent no more."""

_POLL = 0.2  # seconds between two looks at whether the user has asked to end
_ANSWER = 30.0  # seconds in which a task of no work, or an actor, must answer
_ALONE = 30.0  # seconds without a node, after which it is told
_PASSED_ON = ("JAX_", "XLA_", "KOHORT_CACHE")
"""Beginnings of the names of environment variables that workers get too; Ray shows them."""


class Dispatcher:
    """The blocks of a study on a cluster.

    Args:
        ray: The module, joined to the cluster.
        cluster: How blocks train there.
        precision: As in `Study.run`.
        cadence: Seconds of training between two checkpoints of a block.
        here: The versions of this process.
    """

    def __init__(
        self,
        ray: Any,
        cluster: Ray,
        precision: Precision,
        cadence: float,
        here: Mapping[str, str],
    ) -> None:
        self._ray, self._cluster = ray, cluster
        self._precision, self._cadence, self._here = precision, cadence, here
        self._bell = _bell(ray)
        self._train: Any = None
        self._shipment: Any = None
        self._waiting: list[SentBlock] = []
        self._running: dict[Any, SentBlock] = {}
        self._poisoned: list[SentBlock] = []
        self._warming: list[Any] = []
        self._heard = time.monotonic()
        self._tell: Callable[[str], None] = lambda _: None

    @property
    def slots(self) -> int:
        """How many blocks train at once."""
        return connecting.slots(self._ray, self._cluster.cpus)

    @property
    def memory(self) -> int:
        """Bytes that a block may take where the user sets no limit."""
        return connecting.memory_of_block(self._ray, self._cluster.cpus)

    @property
    def waiting(self) -> int:
        """How many blocks were added and do not train yet."""
        return len(self._waiting)

    def warm(self) -> None:
        """Let workers begin to import what they need, while the driver plans."""
        warm = _remote(self._ray, self._cluster.cpus, shipping.modules(), _warm)
        self._warming = [warm.remote() for _ in range(self.slots)]

    def ship(self, spec: StudySpec, memory: int, tell: Callable[[str], None]) -> None:
        """Send what all blocks need: each node gets it once, when it first trains.

        Args:
            spec: The study.
            memory: Bytes that a block may take.
            tell: Shows a line to the user.

        Raises:
            DesignError: It cannot be sent.
        """
        self._tell = tell
        modules = shipping.modules()  # To plan may have imported further ones.
        self._train = _remote(self._ray, self._cluster.cpus, modules, _block)
        try:
            sent = self._ray.put(shipping.bare(spec))
        except Exception as error:
            raise shipping.unpicklable(error) from error
        shipment = Shipment(
            uuid4().hex,
            self._here,
            modules,
            shipping.settings(),
            self._precision,
            memory,
            self._cadence,
            [sent],
        )
        self._shipment = self._ray.put(shipment)

    def add(self, of: ClusterWork, plans: Sequence[BlockPlan]) -> None:
        """Add blocks that are to train."""
        self._waiting += [SentBlock(of, plan) for plan in plans]

    def events(self, ends: Callable[[], bool]) -> Generator[Told]:
        """Train all blocks; yield what they tell, as it comes.

        Args:
            ends: Returns whether the user has asked to end.

        Raises:
            DesignError: The user's code fails, a worker cannot train, or a block kills its workers.
            Interrupted: The user has asked to end, and what blocks have done is told.
        """
        # The longest first, so that none is left over at the end.
        for block in sorted(self._waiting, key=lambda block: -block.cost):
            self._send(block)
        self._waiting = []
        is_asked = False
        while self._running:
            if ends() and not is_asked:
                is_asked = True
                self._ring()
            ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=_POLL)
            self._watch(is_idle=not ready)
            for stream in ready:
                yield from self._next(stream, is_asked=is_asked)
        if is_asked:
            raise Interrupted
        self._check_poisoned()

    def close(self) -> None:
        """End what trains."""
        with suppress(Exception):  # The cluster may be gone.
            for stream in self._running:
                self._ray.cancel(stream, force=True)
            self._ray.kill(self._bell)

    def _send(self, block: SentBlock) -> None:
        block.begin_again()
        self._running[self._train.remote(self._shipment, block.task, self._bell)] = block

    def _next(self, stream: Any, *, is_asked: bool) -> Iterator[Told]:
        """Take the next message of a block, its end, or how it failed."""
        block, exceptions = self._running[stream], self._ray.exceptions
        try:
            message: Message = self._ray.get(next(stream))
        except (StopIteration, exceptions.TaskCancelledError):
            del self._running[stream]
            return
        except exceptions.RayTaskError as error:
            raise error.cause from error
        except exceptions.RuntimeEnvSetupError as error:
            raise shipping.missing(error) from error
        except exceptions.RayError as error:
            del self._running[stream]
            self._ray.cancel(stream, force=True)  # What it told is lost, and it may live.
            self._bury(block, error, is_asked=is_asked)
            return
        for told in block.take(message):
            self._divide(told)
            yield told

    def _divide(self, told: Told) -> None:
        """Send the blocks that take the place of one that does not fit in memory."""
        if isinstance(told.event, BlocksPlanned):
            for seats in told.event.blocks:
                self._send(SentBlock(told.of, BlockPlan(seats)))

    def _bury(self, block: SentBlock, error: Exception, *, is_asked: bool) -> None:
        """Send a block again whose worker died, unless it kills one after another."""
        exceptions = self._ray.exceptions
        is_of_node = isinstance(error, exceptions.NodeDiedError | exceptions.ObjectLostError)
        words = "its node died" if is_of_node else self._last_words(block, error)
        self._tell(f"{block.of.label}: a worker died ({words})")
        if is_asked:
            return
        if not is_of_node:
            block.deaths.append(words)
        if len(block.deaths) < MOST_DEATHS:
            self._send(block)
        else:
            self._poisoned.append(block)

    def _last_words(self, block: SentBlock, error: Exception) -> str:
        """The last line that a worker has written, or how Ray tells its death."""
        begun, told = block.begun, reason(error)
        if isinstance(error, self._ray.exceptions.OutOfMemoryError) or begun is None:
            return told
        read = self._ray.remote(num_cpus=0, max_retries=0)(_reader())
        with suppress(self._ray.exceptions.RayError):
            asked = read.options(**connecting.on_node(self._ray, begun.node)).remote(begun.stderr)
            lines = self._ray.get(asked, timeout=_ANSWER).splitlines()
            told = next((line.strip() for line in reversed(lines) if line.strip()), told)
        return told

    def _check_poisoned(self) -> None:
        if not self._poisoned:
            return
        block, poisoned = self._poisoned[0], len(self._poisoned)
        raise DesignError(
            f"blocks that a worker lives through, of {block.of.label}",
            f"{poisoned} of which {MOST_DEATHS} workers died, with the last words "
            f"{block.deaths[-1]!r}",
            "mend that; the other blocks are trained, and the same run goes on",
        )

    def _ring(self) -> None:
        """Let all blocks end after their epoch; at once where they cannot be told."""
        try:
            self._ray.get(self._bell.ring.remote(), timeout=_ANSWER)
        except self._ray.exceptions.RayError:
            for stream in self._running:
                self._ray.cancel(stream, force=True)
            return
        for stream, block in self._running.items():
            if block.begun is None:
                self._ray.cancel(stream)

    def _watch(self, *, is_idle: bool) -> None:
        """Tell of a cluster that has lost all nodes, which wait for others."""
        now = time.monotonic()
        if not is_idle:
            self._heard = now
        elif now - self._heard > _ALONE:
            self._heard = now
            if not connecting.nodes(self._ray, self._cluster.cpus):
                self._tell("no node of the cluster is alive that can train a block: waiting")


def _remote(ray: Any, cpus: int, modules: shipping.Modules, task: Callable[..., Any]) -> Any:
    """A task of a block's cores, in processes of their own for each set of the user's modules."""
    variables = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    variables |= {
        "KERAS_BACKEND": keras.backend.backend(),
        "JAX_PLATFORMS": "cpu",
        # XLA has as many threads as this says, and else as the machine has cores.
        "NPROC": str(cpus),
        "PJRT_NPROC": str(cpus),
        "KOHORT_SHIPPED": shipping.digest_of(modules),
    }
    streams = {"num_returns": "streaming"} if inspect.isgeneratorfunction(task) else {}
    options = {"num_cpus": cpus, "max_retries": 0, "runtime_env": {"env_vars": variables}}
    return ray.remote(**options, **streams)(task)


def _warm() -> None:
    """Import what a worker needs."""
    from kohort.runs.cluster import worker

    del worker


def _block(shipment: Shipment, task: BlockTask, bell: Any) -> Iterator[Message]:
    """Train a block in a worker of Ray."""
    import ray

    from kohort.runs.cluster import worker

    yield worker.begun(ray.get_runtime_context().get_node_id())
    rung = bell.wait.remote()

    def ends() -> bool:
        if not ray.wait([rung], timeout=0)[0]:
            return False
        try:
            return bool(ray.get(rung))
        except ray.exceptions.RayError:  # Its node died.
            return False

    yield from worker.train_block(shipment, task, ray.get, ends)


def _bell(ray: Any) -> Any:
    """An actor that tells all blocks to end."""

    class Bell:
        def __init__(self) -> None:
            import asyncio

            self.rung = asyncio.Event()

        async def wait(self) -> bool:
            return await self.rung.wait()

        async def ring(self) -> None:
            self.rung.set()

    here = ray.get_runtime_context().get_node_id()
    actor = ray.remote(num_cpus=0, max_restarts=0)(Bell)
    return actor.options(**connecting.on_node(ray, here, soft=True)).remote()


def _reader() -> Callable[[str], str]:
    """A function that reads the end of a file, and can be sent to where there is no kohort."""

    def tail(path: str) -> str:
        from pathlib import Path

        return Path(path).read_bytes()[-2000:].decode(errors="replace")

    return tail


@contextmanager
def dispatching(
    cluster: Ray | None, precision: Precision, cadence: float
) -> Iterator[Dispatcher | None]:
    """A cluster that is joined while the block runs; nothing trains there afterwards.

    Args:
        cluster: The cluster; None for this process, for which there is nothing to join.
        precision: As in `Study.run`.
        cadence: Seconds of training between two checkpoints of a block.

    Raises:
        DesignError: It cannot be joined, or cannot train the study.
    """
    if cluster is None:
        yield None
        return
    with ExitStack() as stack:
        ray = stack.enter_context(connecting.connected(cluster))
        here = versions.teller()()
        connecting.check_nodes(ray, cluster.cpus, here)
        dispatcher = Dispatcher(ray, cluster, precision, cadence, here)
        stack.callback(dispatcher.close)
        dispatcher.warm()
        yield dispatcher


def memory_for(workers: Dispatcher | None, memory: int | str | None) -> int | str | None:
    """What training may take: what the user says, or what a block may on the cluster.

    None is the memory of this machine's device.
    """
    return memory if workers is None or memory is not None else workers.memory
