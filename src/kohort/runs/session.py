"""One run of a study in a store: claims it, checks what has changed, and records how it ends."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kohort.design.plan import Plan
from kohort.design.spec import StudySpec
from kohort.errors import Interrupted, StoreError
from kohort.evidence import store as stores
from kohort.evidence.readings import KeptReadings
from kohort.runs.checkpointing import REFITS, Checkpointer
from kohort.runs.fingerprint import change, describe, key_of, refusal, variant_records
from kohort.runs.pace import asked_by_signals
from kohort.runs.retention.retaining import KEEP, Keep, kept_way

if TYPE_CHECKING:
    from kohort.evidence.store import KeptStudy, Store


class StoreTarget(NamedTuple):
    """Where and how a run is stored.

    Args:
        place: The place of the store.
        fresh: Whether to delete the study from the store, and start over.
        cadence: Seconds between the checkpoints of a block of members.
        keep: What stays of it when it has ended; None for what did before.
    """

    place: str | Path
    fresh: bool
    cadence: float
    keep: Keep | None = None

    @property
    def durable(self) -> "StoreTarget | None":
        """The same, independent of the working directory; None for a store in memory."""
        place = stores.durable_location(self.place)
        return None if place is None else self._replace(place=place)

    def readings(self, study: str) -> KeptReadings | None:
        """The stored readings of a study's test set; None for a store in memory."""
        place = stores.durable_location(self.place)
        return None if place is None else KeptReadings(place, study)


@contextmanager
def session(
    target: StoreTarget,
    spec: StudySpec,
    plan: Plan,
    how: Mapping[str, Any],
    tell: Callable[[str], None],
) -> Iterator[Checkpointer]:
    """Store a study while the block runs; no other process can run it meanwhile.

    After SIGINT or SIGTERM the current epoch is the last; where none trains, and at a second
    signal, it ends at once.

    Args:
        target: Where and how it is stored.
        spec: The study, which resumes where it was left.
        plan: Its plan.
        how: What else determines the numbers: the engine, its precision, and the environment.
        tell: Shows a line to the user.

    Raises:
        StoreError: The store cannot be opened, another process runs the study, or it differs from
            the study in the store.
        Interrupted: It was asked to end, and what it had done is stored.
    """
    with ExitStack() as stack:
        store = stack.enter_context(stores.open_store(target.place))
        if target.fresh and store.find(spec.name):
            store.delete(spec.name)
        found = store.find(spec.name)
        known = None if found is None else found.description
        if known is not None and known.get("kind") == "search":
            raise StoreError(
                f"a study under the name {spec.name!r}", "a search", "choose another name"
            )
        keep = kept_way(target.keep, known)
        kept = stack.enter_context(_claimed(store, spec, plan, {**how, KEEP: keep}, tell))
        checkpointer = Checkpointer(kept, plan, target.cadence, keep)
        with running(kept, how["environment"], checkpointer.end_request.ask):
            yield checkpointer


@contextmanager
def running(
    kept: "KeptStudy", environment: Mapping[str, Any], ask_to_end: Callable[[], None]
) -> Iterator[None]:
    """Record a run of a study that is claimed, and how it ends.

    Args:
        kept: The study.
        environment: Versions and hardware.
        ask_to_end: Called at SIGINT or SIGTERM; a second signal ends at once.
    """
    with asked_by_signals(ask_to_end):
        kept.begin_run(environment)
        try:
            yield
        except BaseException as error:
            _note_end(kept, error)
            raise
        kept.end_run("done")


def _note_end(kept: "KeptStudy", error: BaseException) -> None:
    """Record that a run ended in an error; this error is raised even if it cannot be recorded."""
    outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    with suppress(StoreError):
        kept.end_run(outcome, patiently=isinstance(error, Interrupted))


@contextmanager
def _claimed(
    store: "Store",
    spec: StudySpec,
    plan: Plan,
    how: Mapping[str, Any],
    tell: Callable[[str], None],
) -> Iterator["KeptStudy"]:
    """The study in its store, brought up to date and claimed."""
    description = describe(spec, plan, how)
    variants = variant_records(spec, plan)
    members = [key_of(plan, member) for member in plan.every_member]
    kept = store.find_or_create(spec.name, description | {"blocks": []}, variants, members)
    with kept.claim():
        before = kept.description
        changed = change(before, description, kept.variants(), variants)
        if changed.refused:
            raise refusal(spec.name, changed)
        for difference in changed.noted:
            kept.note("changed", difference)
            tell(f"{spec.name} goes on with another {difference}")
        for record in kept.members():
            is_longer = record.key.variant in changed.longer
            if record.finished and is_longer and not record.key.is_refit:
                kept.reopen(record.key)
        if changed.longer and before.get(KEEP, "all") != "all":
            tell(
                f"{spec.name} trains its members from their first epoch: it was kept with "
                f"keep={before[KEEP]!r}, without what more epochs go on from"
            )
        stays = {"blocks": before["blocks"], REFITS: before.get(REFITS, {})}
        kept.extend(description | stays, variants, members)
        yield kept
