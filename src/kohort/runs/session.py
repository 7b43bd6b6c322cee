"""A run of a study that is kept in a store: who may run it, from where it goes on, how it ends."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from kohort.design.plan import Plan
from kohort.design.spec import StudySpec
from kohort.errors import Interrupted, StoreError
from kohort.evidence.readings import KeptReadings
from kohort.evidence.store import KeptStudy, Store, durable_location, open_store
from kohort.runs.checkpointing import Checkpointer
from kohort.runs.fingerprint import change, describe, key_of, refusal, variant_records

_ASKS_TO_END = (signal.SIGINT, signal.SIGTERM)


class StoreTarget(NamedTuple):
    """Where and how a run is kept.

    Args:
        place: Of the store.
        fresh: Whether to forget what is kept of the study, and begin anew.
        cadence: Seconds between the checkpoints of a block of members.
    """

    place: str | Path
    fresh: bool
    cadence: float

    def readings(self, study: str) -> KeptReadings | None:
        """Where readings of a study's test set are kept; None where nothing lasts."""
        place = durable_location(self.place)
        return None if place is None else KeptReadings(place, study)


@contextmanager
def session(
    target: StoreTarget,
    spec: StudySpec,
    plan: Plan,
    how: Mapping[str, Any],
    tell: Callable[[str], None],
) -> Iterator[Checkpointer]:
    """Keep a study in a store while the block runs; nobody else runs it meanwhile.

    SIGINT and SIGTERM let the epoch that runs be the last; a second one ends at once.

    Args:
        target: Where and how.
        spec: The study, which goes on where it was left.
        plan: What it trains.
        how: What else decides the numbers: the engine, its precision, and the environment.
        tell: Shows a line to who looks on.

    Raises:
        StoreError: The store cannot be opened, another process runs the study, or it is not the one
            that is kept.
        Interrupted: It was asked to end, and has kept what it had done.
    """
    with ExitStack() as stack:
        store = stack.enter_context(open_store(target.place))
        if target.fresh and store.find(spec.name):
            store.delete(spec.name)
        kept = stack.enter_context(_claimed(store, spec, plan, how, tell))
        checkpointer = Checkpointer(kept, plan, target.cadence)
        stack.enter_context(_asked_by_signals(checkpointer))
        kept.begin_run(how["environment"])
        try:
            yield checkpointer
        except BaseException as error:
            _note_end(kept, error)
            raise
        kept.end_run("done")


def _note_end(kept: KeptStudy, error: BaseException) -> None:
    """Note that a run ended in an error; it is the error that is told, whether noted or not."""
    outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    with suppress(StoreError):
        kept.end_run(outcome, patiently=isinstance(error, Interrupted))


@contextmanager
def _claimed(
    store: Store,
    spec: StudySpec,
    plan: Plan,
    how: Mapping[str, Any],
    tell: Callable[[str], None],
) -> Iterator[KeptStudy]:
    """The study as it is kept, brought up to date, while nobody else runs it."""
    description = describe(spec, plan, how)
    variants = variant_records(spec, plan)
    members = [key_of(plan, member) for member in plan.every_member]
    kept = store.find(spec.name) or store.create(
        spec.name, description | {"blocks": []}, variants, members
    )
    with kept.claim():
        before = kept.description
        changed = change(before, description, kept.variants(), variants)
        if changed.refused:
            raise refusal(spec.name, changed)
        for difference in changed.noted:
            kept.note("changed", difference)
            tell(f"{spec.name} goes on with another {difference}")
        for record in kept.members():
            if record.finished and record.key.variant in changed.longer:
                kept.reopen(record.key)
        kept.extend(description | {"blocks": before["blocks"]}, variants, members)
        yield kept


@contextmanager
def _asked_by_signals(checkpointer: Checkpointer) -> Iterator[None]:
    """Have signals ask the checkpointer to end; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        restore()
        checkpointer.ask_to_end()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    # Who started this process may have it ignore signals; None is a handler that is not Python's.
    before = {
        number: handler
        for number in _ASKS_TO_END
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)
    }
    for number in before:
        signal.signal(number, ask)
    try:
        yield
    finally:
        restore()
