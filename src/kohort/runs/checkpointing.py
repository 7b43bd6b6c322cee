"""Stores a study while it trains, and finds out what is left to train."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kohort.design.plan import MemberPlan, Plan
from kohort.engine.loop.checkpoints import Checkpoint, lean, whole
from kohort.engine.loop.events import BlockPlan, BlocksPlanned, EpochsMeasured, MeasuredEpoch
from kohort.errors import Interrupted, StoreError
from kohort.evidence.outset import OUTSET
from kohort.evidence.record import StudyRecord, to_json
from kohort.evidence.store import MemberKey, MemberRecord, Weights
from kohort.findings.diagnosis import without_test
from kohort.findings.finding import Finding
from kohort.report.exports.study_export import finding_record
from kohort.report.following.time_left import Left
from kohort.runs.fingerprint import key_of
from kohort.runs.pace import EndRequest, Pace
from kohort.runs.recording import Trained
from kohort.runs.retention.kept_blocks import EndedBlock, KeptBlock, label_of
from kohort.runs.retention.retaining import DEFAULT, Keep, prune
from kohort.runs.retention.stored_members import from_store, to_store
from kohort.runs.retention.told_run import ToldRun
from kohort.runs.work import PriorProgress, WorkItem, with_all_kinds

if TYPE_CHECKING:
    from kohort.evidence.store import KeptStudy, RunRecord

CADENCE = 60.0
"""Seconds of training between two checkpoints of a block of members."""

_CURVES = 1.0  # seconds between two writes of curves, for users who watch them

REFITS = "refits"
"""The entry of a study's description that tells of its refits, by variant name."""


class Checkpointer:
    """Stores the events of a study while it trains.

    Args:
        kept: The study in its store; claimed.
        plan: The members to train.
        cadence: Seconds of training between two checkpoints of a block.
        keep: What stays of the study when it has ended.
    """

    def __init__(self, kept: "KeptStudy", plan: Plan, cadence: float, keep: Keep = DEFAULT) -> None:
        self._kept, self._plan, self._keep = kept, plan, keep
        self._wants: set[MemberKey] = set()
        self.reopened = 0
        """How many members train again because their weights were dropped."""
        self._has_checkpoint = kept.checkpoints()
        self._finished = {r.key: r.seconds or 0.0 for r in kept.members() if r.finished}
        self._set_blocks([[MemberKey(*key) for key in b] for b in kept.description["blocks"]])
        self._to_write: list[tuple[MemberKey, int, Mapping[str, float]]] = []
        self._curves, self._checkpoints = Pace(min(_CURVES, cadence)), Pace(cadence)
        self.end_request, self._takes_what_comes = EndRequest(), False
        self._ended_blocks: list[EndedBlock] = []
        self._told = ToldRun(kept)

    def _set_blocks(self, blocks: list[KeptBlock]) -> None:
        self._blocks = blocks
        self._block_of = {key: block for block in blocks for key in block}

    def take_what_comes(self) -> None:
        """Store each checkpoint that there is, as workers send one when it is due, and never end.

        Whoever asks workers for events asks them to end, too.
        """
        self._takes_what_comes, self._checkpoints = True, Pace(0.0)

    def place(self, places: Mapping[str, Sequence[str]]) -> None:
        """Store the names of the members that train now, by machine of a cluster."""
        self._told.place(places)

    def tell_left(self, left: Left) -> None:
        """Store the seconds that are left of the run, or of a part of it, where it is due."""
        self._told.tell_left(left)

    @property
    def runs(self) -> "list[RunRecord]":
        """The runs of the study, including this one."""
        return self._kept.runs()

    def seats(self, group: tuple[MemberPlan, ...]) -> int:
        """How many members of a group were laid out side by side; 0 if none were."""
        keys = {key_of(self._plan, member) for member in group}
        return max((len(block) for block in self._blocks if set(block) <= keys), default=0)

    def enter(self, plan: Plan) -> None:
        """Add the members of a plan to the study, where it does not have them."""
        members = [key_of(plan, member) for member in plan.every_member]
        self._kept.extend(self._kept.description, [], members)

    def forget(self, member: MemberPlan) -> None:
        """Delete what is stored of a member that trains by itself: it starts over."""
        self.drop_checkpoints(member)
        key = key_of(self._plan, member)
        self._kept.restart(key)
        self._finished.pop(key, None)

    def drop_checkpoints(self, member: MemberPlan) -> None:
        """Delete the checkpoints of a member that trains by itself, and no more epochs later."""
        key = key_of(self._plan, member)
        self._drop([block for block in self._blocks if key in block])
        self._set_blocks([block for block in self._blocks if key not in block])
        self._kept.extend(self._kept.description | {"blocks": self._blocks}, [], [])

    def recall(self, plan: Plan) -> Iterator[tuple[MemberPlan, PriorProgress]]:
        """Yield the stored progress of each member.

        One has not finished whose weights are damaged, or were dropped and are wanted again.
        """
        logs: dict[MemberKey, dict[int, dict[str, float]]] = {}
        for record in self._kept.epochs():
            logs.setdefault(record.member, {})[record.epoch] = record.logs
        records = {record.key: record for record in self._kept.members()}
        beside = self._kept.beside_dropped()
        for member in plan.every_member:
            key = key_of(plan, member)
            weights = self._weights(records[key]) if key in self._finished else None
            seconds = self._finished.get(key)
            stored = weights, seconds, beside.get(key, {}), records[key].finished
            yield member, from_store(logs.get(key, {}), *stored)

    def _weights(self, record: MemberRecord) -> Weights | None:
        """The weights of a member that finished, unless it is to be trained again."""
        try:
            weights = self._kept.weights_of(record)
        except StoreError as error:
            self._kept.note("damaged", f"{error}; {record.key} is trained again")
            self._kept.restart(record.key)
            del self._finished[record.key]
            return None
        if weights is None and self._is_wanted(record.key):
            self._kept.reopen(record.key)
            del self._finished[record.key]
            self.reopened += 1
        return weights

    def _is_wanted(self, key: MemberKey) -> bool:
        """Whether the weights of a member stay; those of one on a part of its samples are unread.

        Of winners it is known when the study has ended.
        """
        return key.share == 1 and (self._keep != "winners" or key in self._wants)

    def lacks(self, members: Collection[tuple[int, int]]) -> bool:
        """Want the weights of members that "winners" keeps; `recall` reopens those without.

        Args:
            members: Numbers of variants and replicates.

        Returns:
            Whether some have none: an earlier run dropped them.
        """
        if self._keep != "winners":
            return False
        names = self._plan.variant_names
        self._wants = {MemberKey(names[variant], replicate) for variant, replicate in members}
        there = {record.key for record in self._kept.members() if record.weights is not None}
        return not self._wants <= there

    def work(
        self, group: tuple[MemberPlan, ...], kinds: tuple[MemberPlan, ...], *, in_blocks: bool
    ) -> Iterator[WorkItem]:
        """Yield what is left to train of one group of the plan.

        Args:
            group: The members.
            kinds: Members of each kind on which their program depends.
            in_blocks: Whether they train side by side, in blocks, or one after another.
        """
        planned = {key_of(self._plan, member): member for member in group}
        left = {key: member for key, member in planned.items() if key not in self._finished}
        if not in_blocks:
            if left:
                yield WorkItem.of(list(left.values()))
            return
        # A block trains as a whole, even if a run was killed after some of its members were stored
        # as finished: beside other members their numbers would be rounded differently.
        blocks = [b for b in self._blocks if set(b) <= set(planned) and set(b) & set(left)]
        if blocks:
            yield self._of_blocks(blocks, planned, kinds)
        begun = {key for block in blocks for key in block}
        new = [member for key, member in left.items() if key not in begun]
        if new:
            yield WorkItem(with_all_kinds(new, kinds), len(new))

    def _of_blocks(
        self,
        blocks: list[KeptBlock],
        planned: Mapping[MemberKey, MemberPlan],
        kinds: tuple[MemberPlan, ...],
    ) -> WorkItem:
        keys = dict.fromkeys(key for block in blocks for key in block)
        members = with_all_kinds([planned[key] for key in keys], kinds)
        place = {key: number for number, key in enumerate(keys)}
        begun, done = [], 0
        spent: dict[MemberPlan, float] = {}
        for block in blocks:
            checkpoint, seconds = self._checkpoint(block)
            if checkpoint is not None:
                done += len(set(block)) * checkpoint.epoch
                spent |= {planned[key]: seconds for key in block}
            begun.append(BlockPlan([place[key] for key in block], checkpoint))
        return WorkItem(members, len(keys), tuple(begun), done, spent)

    def _checkpoint(self, block: KeptBlock) -> tuple[Checkpoint | None, float]:
        """The checkpoint of a block, and the training time of each of its members."""
        stored = self._kept.checkpoint(label_of(block))
        if stored is None:
            return None, 0.0
        checkpoint = Checkpoint(stored.epoch, stored.arrays, stored.state["engine"])
        if digests := stored.state.get("weights"):
            try:
                ended = [
                    self._kept.weights(key, digest)
                    for key, digest in zip(dict.fromkeys(block), digests, strict=True)
                ]
            except StoreError as error:
                self._kept.note("checkpoint", f"{error}; its block starts over")
                return None, 0.0
            checkpoint = whole(checkpoint, ended)
        return checkpoint, stored.state["seconds"]

    def take(self, event: BlocksPlanned | EpochsMeasured, work: WorkItem) -> None:
        """Store an event.

        Args:
            event: The event.
            work: The members that train.

        Raises:
            Interrupted: The run was asked to end, and everything that can be stored is stored.
            StoreError: It cannot be stored.
        """
        # Of those alone that an event tells of: there is an event for each block and epoch.
        if isinstance(event, BlocksPlanned):
            self._lay_out([[self._key(work, place) for place in s] for s in event.blocks])
            return
        # Blocks that train at once are treated alike.
        ends = self.end_request.is_asked and not self._takes_what_comes
        saves = ends or self._checkpoints.is_due
        for epoch in event.epochs:
            self._to_write += [
                (self._key(work, place), epoch.epoch, logs) for place, logs in epoch.logs.items()
            ]
            self._take_epoch(epoch, work, ends=ends, saves=saves)
        # Members that have finished, and have no checkpoint, are stored first: their end is next.
        if ends and all(epoch.checkpoint or not epoch.is_last for epoch in event.epochs):
            raise Interrupted

    def _take_epoch(self, epoch: MeasuredEpoch, work: WorkItem, *, ends: bool, saves: bool) -> None:
        """Store the checkpoint of a block, or its curves, when it is due."""
        first = next(iter(epoch.logs))
        block = self._block_of.get(self._key(work, first))
        if block and epoch.checkpoint and (epoch.is_last or saves):
            spent = work.spent.get(work.members[first], 0.0)
            seconds = spent + epoch.seconds / len(set(block))
            if not epoch.is_last or ends:
                self._save(block, epoch.checkpoint(), seconds)
                return
            self._write_curves()
            if self._keep == "all":
                self._ended_blocks.append(EndedBlock(block, epoch.checkpoint(), seconds, {}))
        elif self._curves.is_due or ends:
            self._write_curves()

    def _key(self, work: WorkItem, place: int) -> MemberKey:
        return key_of(self._plan, work.members[place])

    def end(self, trained: Sequence[Trained]) -> None:
        """Store the weights of members that ended together, and what they found with them."""
        self._write_curves()
        ended = {key_of(self._plan, of.plan): of for of in trained}
        stays = {key: of for key, of in ended.items() if self._keep == "all" or key.share == 1}
        digests = self._kept.finish_all([to_store(key, of) for key, of in stays.items()])
        if len(stays) < len(ended):
            left = {key: of for key, of in ended.items() if key not in stays}
            self._kept.conclude(
                {key: of.seconds for key, of in left.items()},
                {key: of.finished for key, of in left.items()},
            )
        self._finished |= {key: of.seconds for key, of in ended.items()}
        blocks = {id(block): block for key in ended if (block := self._block_of.get(key))}
        if self._keep != "all":
            self._drop([b for b in blocks.values() if set(b) <= self._finished.keys()])
            return
        known = dict(zip(stays, digests, strict=True))
        for at_end in [each for each in self._ended_blocks if id(each.block) in blocks]:
            for key in ended.keys() & set(at_end.block):
                at_end.weights[key] = known[key], ended[key].weights or ()
            if set(at_end.weights) == set(at_end.block):
                self._save_ended(at_end)
                self._ended_blocks.remove(at_end)

    def begin(self, outset: Mapping[str, Any]) -> None:
        """Store what is known of the study's record before a member has trained."""
        self._kept.extend(self._kept.description | {OUTSET: outset}, [], [])

    def conclude(self, record: StudyRecord, findings: Sequence[Finding]) -> None:
        """Store the study's record and the findings that follow; then drop what does not stay."""
        self._kept.extend(self._kept.description | {"result": to_json(record)}, [], [])
        self._kept.keep_findings([finding_record(finding) for finding in without_test(findings)])
        ended = [block for block in self._blocks if set(block) <= self._finished.keys()]
        prune(self._kept, self._keep, self._wants, [*map(label_of, ended)])

    def _lay_out(self, blocks: list[KeptBlock]) -> None:
        """Store the blocks in which members will train; they replace earlier blocks."""
        moved = {key for block in blocks for key in block}
        self._drop([block for block in self._blocks if set(block) & moved])
        self._set_blocks([block for block in self._blocks if not set(block) & moved] + blocks)
        self._kept.extend(self._kept.description | {"blocks": self._blocks}, [], [])

    def _drop(self, blocks: Sequence[KeptBlock]) -> None:
        """Drop the checkpoints of blocks, of those that have one."""
        labels = self._has_checkpoint & set(map(label_of, blocks))
        if labels:
            self._kept.drop_checkpoint(*labels)
            self._has_checkpoint -= labels

    def _save_ended(self, ended: "EndedBlock") -> None:
        """Store the checkpoint of a block that has finished, to train more epochs from it later.

        It refers to the weights of its members, which are already stored. If a run is killed before
        it, or the weights are damaged, more epochs resume from an earlier checkpoint or start over.
        """
        stored = [ended.weights[key] for key in dict.fromkeys(ended.block)]
        digests, weights = zip(*stored, strict=True)
        self._save(ended.block, lean(ended.checkpoint, weights), ended.seconds, digests)

    def _save(
        self, block: KeptBlock, checkpoint: Checkpoint, seconds: float, digests: Sequence[str] = ()
    ) -> None:
        # Curves first: epochs after a checkpoint are measured again, epochs before it are not.
        self._write_curves()
        state = {"engine": checkpoint.state, "seconds": seconds, "weights": digests}
        with self._checkpoints.writing():
            self._kept.save_checkpoint(label_of(block), checkpoint.epoch, checkpoint.arrays, state)
        self._has_checkpoint.add(label_of(block))

    def _write_curves(self) -> None:
        if self._to_write:
            with self._curves.writing():
                self._kept.append(self._to_write)
                self.end_request.is_asked |= self._kept.is_asked_to_end
            self._to_write = []
