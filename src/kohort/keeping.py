"""Keeps a study while it trains, and tells what of it has trained already."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from kohort.description import key_of
from kohort.design.plan import MemberPlan, Plan
from kohort.engine.checkpoint import Checkpoint, lean, whole
from kohort.engine.events import Block, EpochRecord, Laid
from kohort.errors import Interrupted, StoreError
from kohort.evidence.store import KeptStudy, MemberKey
from kohort.findings.finding import Finding
from kohort.report.exported import finding_record

CADENCE = 60.0
"""Seconds of training between two checkpoints of a block of members."""

COST = 0.02
"""The part of the time that writing may take; where it takes more, it is done less often."""

_CURVES = 1.0  # seconds between two writings of curves: soon enough for who looks on

type KeptBlock = list[MemberKey]


class Work(NamedTuple):
    """Members to train in one program.

    Args:
        members: Those to train, and one of each other kind that their cohort has, so that the same
            constants are inputs of the program as ever.
        trains: How many of them, the first ones, train.
        begun: The blocks that are left, by places in `members`; empty to lay them out.
        done: Member epochs of them that were trained earlier.
        spent: Seconds that the members of such blocks have trained, each.
    """

    members: tuple[MemberPlan, ...]
    trains: int
    begun: tuple[Block, ...] = ()
    done: int = 0
    spent: Mapping[MemberPlan, float] = {}

    @classmethod
    def of(cls, members: Sequence[MemberPlan]) -> "Work":
        """Members of which none has begun."""
        return cls(tuple(members), len(members))


class Earlier(NamedTuple):
    """What is kept of a member: its logs by epoch (from 0), and once it has finished the rest."""

    logs: dict[int, dict[str, float]]
    weights: list[np.ndarray] | None
    seconds: float


class Keeper:
    """Keeps what happens while a study trains.

    Args:
        kept: Where; claimed.
        plan: What is to train.
        cadence: Seconds of training between two checkpoints of a block.
    """

    def __init__(self, kept: KeptStudy, plan: Plan, cadence: float) -> None:
        self._kept, self._plan = kept, plan
        self._finished = {r.key: r.seconds or 0.0 for r in kept.members() if r.finished}
        self._set_blocks([[MemberKey(*key) for key in b] for b in kept.description["blocks"]])
        self._to_write: list[tuple[MemberKey, int, Mapping[str, float]]] = []
        self._curves, self._checkpoints = _Pace(min(_CURVES, cadence)), _Pace(cadence)
        self._is_asked_to_end = False
        self._lasts: list[_Last] = []
        # Blocks that train at once are told one after the other, and treated alike.
        self._is_amid = self._ends = self._saves = False

    def _set_blocks(self, blocks: list[KeptBlock]) -> None:
        self._blocks = blocks
        self._block_of = {key: block for block in blocks for key in block}

    def ask_to_end(self) -> None:
        """Let the epoch that runs be the last one: after it `take` raises `Interrupted`."""
        self._is_asked_to_end = True

    @property
    def is_asked_to_end(self) -> bool:
        """Whether what trains is to be the last."""
        return self._is_asked_to_end

    @property
    def runs(self) -> int:
        """Runs of the study, this one among them."""
        return len(self._kept.runs())

    def seats(self, group: tuple[MemberPlan, ...]) -> int:
        """How many members of a group were laid out side by side; 0 where none were yet."""
        keys = {key_of(self._plan, member) for member in group}
        return max((len(block) for block in self._blocks if set(block) <= keys), default=0)

    def recall(self) -> Iterator[tuple[MemberPlan, Earlier]]:
        """What is kept of each member; one whose weights are damaged has not finished."""
        logs: dict[MemberKey, dict[int, dict[str, float]]] = {}
        for record in self._kept.epochs():
            logs.setdefault(record.member, {})[record.epoch] = record.logs
        for member in self._plan.every_member:
            key = key_of(self._plan, member)
            weights = self._weights(key)
            yield member, Earlier(logs.get(key, {}), weights, self._finished.get(key, 0.0))

    def _weights(self, key: MemberKey) -> list[np.ndarray] | None:
        if key not in self._finished:
            return None
        try:
            return self._kept.weights(key)
        except StoreError as error:
            self._kept.note("damaged", f"{error}; {key} is trained again")
            self._kept.restart(key)
            del self._finished[key]
            return None

    def work(self, group: tuple[MemberPlan, ...], *, in_blocks: bool) -> Iterator[Work]:
        """What is left to train of one of the plan's groups.

        Args:
            group: The members.
            in_blocks: Whether they train side by side, in blocks; else one after another.
        """
        planned = {key_of(self._plan, member): member for member in group}
        left = {key: member for key, member in planned.items() if key not in self._finished}
        if not in_blocks:
            if left:
                yield Work.of(list(left.values()))
            return
        # A block trains whole, also where a kill came when some of it had been kept as finished:
        # in other company its members' numbers would round otherwise.
        blocks = [b for b in self._blocks if set(b) <= set(planned) and set(b) & set(left)]
        if blocks:
            yield self._of_blocks(blocks, planned)
        begun = {key for block in blocks for key in block}
        new = [member for key, member in left.items() if key not in begun]
        if new:
            yield Work(_with_all_kinds(new, group), len(new))

    def _of_blocks(self, blocks: list[KeptBlock], planned: Mapping[MemberKey, MemberPlan]) -> Work:
        keys = dict.fromkeys(key for block in blocks for key in block)
        members = _with_all_kinds([planned[key] for key in keys], tuple(planned.values()))
        place = {key: number for number, key in enumerate(keys)}
        begun, done = [], 0
        spent: dict[MemberPlan, float] = {}
        for block in blocks:
            checkpoint, seconds = self._checkpoint(block)
            if checkpoint is not None:
                done += len(set(block)) * checkpoint.epoch
                spent |= {planned[key]: seconds for key in block}
            begun.append(Block([place[key] for key in block], checkpoint))
        return Work(members, len(keys), tuple(begun), done, spent)

    def _checkpoint(self, block: KeptBlock) -> tuple[Checkpoint | None, float]:
        """Where a block goes on, and the seconds that each of its members has trained."""
        kept = self._kept.checkpoint(_label(block))
        if kept is None:
            return None, 0.0
        checkpoint = Checkpoint(kept.epoch, kept.arrays, kept.state["engine"])
        if digests := kept.state.get("weights"):
            try:
                ended = [
                    self._kept.weights(key, digest)
                    for key, digest in zip(dict.fromkeys(block), digests, strict=True)
                ]
            except StoreError as error:
                self._kept.note("checkpoint", f"{error}; its block starts over")
                return None, 0.0
            checkpoint = whole(checkpoint, ended)
        return checkpoint, kept.state["seconds"]

    def take(self, event: Laid | EpochRecord, work: Work) -> None:
        """Keep what happened.

        Args:
            event: What.
            work: What trains.

        Raises:
            Interrupted: The run was asked to end, and all is kept that can be.
            StoreError: It cannot be kept.
        """

        def key(place: int) -> MemberKey:
            return key_of(self._plan, work.members[place])

        if isinstance(event, Laid):
            self._lay_out([[key(place) for place in block] for block in event.blocks])
            return
        if not self._is_amid:
            self._ends = self._is_asked_to_end
            self._saves = self._ends or self._checkpoints.is_due
        self._is_amid = event.more
        self._to_write += [(key(place), event.epoch, logs) for place, logs in event.logs.items()]
        first = next(iter(event.logs))
        block = self._block_of.get(key(first))
        if block and event.checkpoint and (event.is_last or self._saves):
            spent = work.spent.get(work.members[first], 0.0)
            seconds = spent + event.seconds / len(set(block))
            if event.is_last and not self._ends:
                self._write_curves()
                self._lasts.append(_Last(block, event.checkpoint(), seconds, {}))
            else:
                self._save(block, event.checkpoint(), seconds)
        elif self._curves.is_due or self._ends:
            self._write_curves()
        # What has trained, and could not go on from anywhere, is kept first: its end comes next.
        if self._ends and not event.more and (event.checkpoint or not event.is_last):
            raise Interrupted

    def end(self, member: MemberPlan, weights: Sequence[np.ndarray], seconds: float) -> None:
        """Keep the weights of a member that has trained."""
        self._write_curves()
        key = key_of(self._plan, member)
        digest = self._kept.finish(key, weights, seconds)
        self._finished[key] = seconds
        for last in [own for own in self._lasts if key in own.block]:
            last.ended[key] = digest, weights
            if set(last.ended) == set(last.block):
                self._save_last(last)
                self._lasts.remove(last)

    def conclude(self, result: Mapping[str, Any], findings: Sequence[Finding]) -> None:
        """Keep what the study's result is made of, as JSON, and what the rules say."""
        self._kept.extend(self._kept.description | {"result": result}, [], [])
        self._kept.keep_findings([finding_record(finding) for finding in findings])

    def _lay_out(self, blocks: list[KeptBlock]) -> None:
        """Remember in which blocks members train, in the place of those in which they did."""
        anew = {key for block in blocks for key in block}
        for block in self._blocks:
            if set(block) & anew:
                self._kept.drop_checkpoint(_label(block))
        self._set_blocks([block for block in self._blocks if not set(block) & anew] + blocks)
        self._kept.extend(self._kept.description | {"blocks": self._blocks}, [], [])

    def _save_last(self, last: "_Last") -> None:
        """Keep a block that has trained, for more epochs, after the weights of its members.

        These are not kept twice: where a run is killed between, or they are damaged, more epochs
        go on from an earlier checkpoint, or from the beginning.
        """
        digests, weights = zip(*(last.ended[key] for key in dict.fromkeys(last.block)), strict=True)
        self._save(last.block, lean(last.checkpoint, weights), last.seconds, digests)

    def _save(
        self,
        block: KeptBlock,
        checkpoint: Checkpoint,
        seconds: float,
        digests: Sequence[str] = (),
    ) -> None:
        # Curves first: what comes after a checkpoint is measured again, what is before it is not.
        self._write_curves()
        state = {"engine": checkpoint.state, "seconds": seconds, "weights": digests}
        with self._checkpoints.writing():
            self._kept.save_checkpoint(_label(block), checkpoint.epoch, checkpoint.arrays, state)

    def _write_curves(self) -> None:
        if self._to_write:
            with self._curves.writing():
                self._kept.append(self._to_write)
            self._to_write = []


class _Last(NamedTuple):
    """A block after its last epoch, until the weights of all its members are kept.

    Args:
        block: Its members.
        checkpoint: Where it is.
        seconds: That each member has trained.
        ended: Of those whose weights are kept, their SHA-256 and they.
    """

    block: KeptBlock
    checkpoint: Checkpoint
    seconds: float
    ended: dict[MemberKey, tuple[str, Sequence[np.ndarray]]]


class _Pace:
    """When to write again: not before some seconds, nor so often that it costs more than `COST`.

    Args:
        seconds: The least between two writings.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = time.monotonic() + seconds

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self._next

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Time a writing."""
        began = time.monotonic()
        yield
        ended = time.monotonic()
        pause = (ended - began) / COST if self._seconds else 0.0
        self._next = ended + max(self._seconds, pause)


def _with_all_kinds(
    members: Sequence[MemberPlan], group: Sequence[MemberPlan]
) -> tuple[MemberPlan, ...]:
    """Members, and behind them one of each kind of the group's that is not among them.

    Constants that differ between kinds are inputs of a program, others are part of it, and the
    compiler rounds the two otherwise: what goes on must run the program that it began with.
    """
    kinds = {member.signature for member in members}
    others = {m.signature: m for m in group if m.signature not in kinds}
    return (*members, *others.values())


def _label(block: KeptBlock) -> str:
    """Names a block's checkpoint."""
    return hashlib.sha256(json.dumps(block).encode()).hexdigest()[:16]
