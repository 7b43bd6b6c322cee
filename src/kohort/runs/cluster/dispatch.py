"""Sends blocks to a Ray cluster, takes what they tell, and sends them again where a worker died."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

from kohort.engine.loop.events import BlockPlan, BlocksPlanned
from kohort.engine.program.precision import Precision
from kohort.engine.ray_settings import Ray
from kohort.errors import DesignError, Interrupted, reason
from kohort.evidence.provenance import training_on
from kohort.runs.cluster import connecting, gpus, shipping, tasks, versions
from kohort.runs.cluster.blocks import ClusterWork, SentBlock, Told
from kohort.runs.cluster.listening import Listening
from kohort.runs.cluster.messages import Jobs, Message, Shipment

MOST_DEATHS = 3
"""A block of which so many workers have died, with no epoch in between, is sent no more."""

_POLL = 0.2  # seconds between two looks at whether the user has asked to end
_ANSWER = 30.0  # seconds in which a task of no work, or an actor, must answer
_ALONE = 30.0  # seconds without a node, after which it is told


class Dispatcher:
    """The blocks of a study on a cluster.

    Args:
        ray: The module, joined to the cluster.
        cluster: How blocks train there.
        precision: As in `Study.run`.
        cadence: Seconds of training between two checkpoints of a block.
        here: The versions of this process.
        seen: The GPUs that JAX finds there; none where blocks train on cores.
    """

    def __init__(
        self,
        ray: Any,
        cluster: Ray,
        precision: Precision,
        cadence: float,
        here: Mapping[str, str],
        seen: Sequence[gpus.Seen] = (),
    ) -> None:
        self._ray, self._cluster = ray, cluster
        self._precision, self._cadence, self._here = precision, cadence, here
        self._seen = seen
        self._bell = tasks.bell(ray)
        self._train: Any = None
        self._shipment: Any = None
        self._waiting: list[SentBlock] = []
        self._running: dict[Any, SentBlock] = {}
        self._poisoned: list[SentBlock] = []
        self._warming: list[Any] = []
        self._addresses: dict[str, str] = {}
        self._heard, self._listening = time.monotonic(), Listening()
        self._tell: Callable[[str], None] = lambda _: None

    @property
    def slots(self) -> int:
        """How many blocks train at once."""
        return connecting.slots(self._ray, self._cluster)

    @property
    def memory(self) -> int:
        """Bytes that a block may take where the user sets no limit."""
        if self._seen:
            return gpus.memory_of_block(self._seen)
        return connecting.memory_of_block(self._ray, self._cluster)

    @property
    def waiting(self) -> int:
        """How many blocks were added and do not train yet."""
        return len(self._waiting)

    @property
    def places(self) -> dict[str, list[str]]:
        """The names of the members that train now, by the address of a node."""
        found: dict[str, list[str]] = {}
        for block in self._running.values():
            if block.begun is not None:
                names = [block.of.names[number] for number in block.plan.members]
                found.setdefault(self._address(block.begun.node), []).extend(names)
        return dict(sorted(found.items()))

    def warm(self) -> None:
        """Let workers begin to import what they need, while the driver plans."""
        warm = tasks.remote(self._ray, self._cluster, shipping.modules(), tasks.warm)
        self._warming = [warm.remote() for _ in range(self.slots)]

    def ship[Spec](
        self,
        spec: Spec,
        memory: int,
        tell: Callable[[str], None],
        jobs: Callable[[Spec, int], Jobs],
    ) -> None:
        """Send what all blocks need: each node gets it once, when it first trains.

        Args:
            spec: The study, or the search, without what was worked out of it.
            memory: Bytes that a block may take.
            tell: Shows a line to the user.
            jobs: Finds the members of its blocks on a worker.

        Raises:
            DesignError: It cannot be sent, or its data cannot be kept where all nodes reach them.
        """
        self._tell = tell
        modules = shipping.modules()  # To plan may have imported further ones.
        self._train = tasks.remote(self._ray, self._cluster, modules, tasks.block)
        shared = self._cluster.shared
        try:
            packed = spec if shared is None else shipping.put_aside(self._ray, spec, shared)
            sent = self._ray.put(packed)
        except DesignError:
            raise
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
            jobs,
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
        self._waiting, self._listening = [], Listening()
        is_asked = False
        while self._running:
            if ends() and not is_asked:
                is_asked = True
                self._ring()
            ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=_POLL)
            self._watch(is_idle=not ready)
            if not ready:
                self._give_up_hanging(is_asked=is_asked)
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

    def _address(self, node: str) -> str:
        if node not in self._addresses:
            self._addresses = connecting.addresses(self._ray)
        return self._addresses.get(node, node)

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
            is_of_node = isinstance(error, exceptions.NodeDiedError | exceptions.ObjectLostError)
            words = "its node died" if is_of_node else self._last_words(block, error)
            self._tell(f"{block.of.label}: a worker died ({words})")
            self._begin_again(stream, "" if is_of_node else words, is_asked=is_asked)
            return
        self._listening.hear(block, message)
        for told in block.take(message):
            self._divide(told)
            yield told

    def _divide(self, told: Told) -> None:
        """Send the blocks that take the place of one that does not fit in memory."""
        if isinstance(told.event, BlocksPlanned):
            for seats in told.event.blocks:
                self._send(SentBlock(told.of, BlockPlan(seats)))

    def _give_up_hanging(self, *, is_asked: bool) -> None:
        """Kill workers that hang, and let their blocks go on elsewhere."""
        for block, seconds in self._listening.hanging().items():
            words = f"nothing of it was heard for {seconds:.0f} seconds"
            self._tell(f"{block.of.label}: a worker hangs ({words}), and is killed")
            assert block.begun is not None
            kill = self._ray.remote(num_cpus=0, max_retries=0)(tasks.killer())
            with suppress(self._ray.exceptions.RayError):
                where = connecting.on_node(self._ray, block.begun.node)
                kill.options(**where).remote(block.begun.process)
            stream = next(stream for stream, of in self._running.items() if of is block)
            self._begin_again(stream, words, is_asked=is_asked)

    def _begin_again(self, stream: Any, words: str, *, is_asked: bool) -> None:
        """Send a block again whose worker died, unless it kills one after another.

        Args:
            stream: Where it told what it measured.
            words: How its worker died; "" where that has nothing to do with the block.
            is_asked: Whether the user has asked to end.
        """
        block = self._running.pop(stream)
        self._ray.cancel(stream, force=True)  # What it told is lost, and it may live.
        self._listening.forget(block)
        if is_asked:
            return
        if words:
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
        read = self._ray.remote(num_cpus=0, max_retries=0)(tasks.reader())
        with suppress(self._ray.exceptions.RayError):
            asked = read.options(**connecting.on_node(self._ray, begun.node)).remote(begun.stderr)
            told = self._ray.get(asked, timeout=_ANSWER) or told
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
        self._listening.look()
        now = time.monotonic()
        if not is_idle:
            self._heard = now
        elif now - self._heard > _ALONE:
            self._heard = now
            if not connecting.nodes(self._ray, self._cluster):
                self._tell("no node of the cluster is alive that can train a block: waiting")


@contextmanager
def staying(cluster: Ray | None) -> Iterator[Ray | None]:
    """A cluster that stays joined over several runs in the block; yields it as these name it.

    Args:
        cluster: The cluster; None for this process.

    Raises:
        DesignError: It cannot be joined.
    """
    if cluster is None:
        yield None
        return
    with connecting.connected(cluster):
        yield replace(cluster, address="auto")


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
        connecting.check_nodes(ray, cluster, here)
        seen: list[gpus.Seen] = []
        if cluster.gpus:
            ask = tasks.remote(ray, cluster, {}, gpus.seen)
            seen = gpus.asked(ray, ask, connecting.nodes(ray, cluster))
            stack.enter_context(training_on(gpus.kinds(seen)))
        dispatcher = Dispatcher(ray, cluster, precision, cadence, here, seen)
        stack.callback(dispatcher.close)
        if not seen:
            dispatcher.warm()
        yield dispatcher


def memory_for(workers: Dispatcher | None, memory: int | str | None) -> int | str | None:
    """What training may take: what the user says, or what a block may on the cluster.

    None is the memory of this machine's device.
    """
    return memory if workers is None or memory is not None else workers.memory
