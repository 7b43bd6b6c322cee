"""What a store keeps of a search while it runs, and has of earlier runs of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from kohort.design.searches.draws import Draw, trial_name, trial_number
from kohort.design.searches.rungs import Schedule
from kohort.design.searches.search_spec import SearchSpec
from kohort.engine.loop.checkpoints import Checkpoint
from kohort.engine.loop.events import Logs
from kohort.errors import Interrupted, StoreError
from kohort.evidence.store import KeptStudy, MemberKey, Store, VariantRecord
from kohort.evidence.store.records import from_text, to_text
from kohort.evidence.trials import (
    GROWS,
    Facts,
    SearchRecord,
    facts_of,
    is_race_of,
    kept_name,
    search_to_json,
    with_times,
)
from kohort.report.following.time_left import Left
from kohort.runs.fingerprint import all_as_code, source_of
from kohort.runs.pace import Pace
from kohort.runs.retention.retaining import KEEP, Keep, kept_way
from kohort.runs.retention.told_run import ToldRun
from kohort.runs.searches.growing import told_of_growth
from kohort.runs.searches.sameness import changed, check_same, describe, schedule_of
from kohort.runs.session import running

_CURVES = 1.0  # seconds between two writes of curves


class SearchKeeper:
    """Stores what trials measure, and the states from which they go on.

    A rung that is done is recorded as such, with the curves. What follows from them (who goes on,
    what is drawn next) is not: it is found again. States are kept when they are due, and when a run
    is asked to end; a trial whose state is not kept is trained again from its last one, or from the
    beginning, to the same numbers.

    Args:
        kept: The search in its store; claimed.
        schedule: What it trains.
        cadence: Seconds between two writes of states.
        keep: What stays of it when it has ended: the states of trials on the last rung, or none.
    """

    def __init__(self, kept: KeptStudy, schedule: Schedule, cadence: float, keep: Keep) -> None:
        self._kept, self._keep = kept, keep
        self.schedule = schedule
        """What the search trains."""
        self._description = kept.description
        self._curves, self._states = Pace(min(_CURVES, cadence)), Pace(cadence)
        self._to_write: list[tuple[MemberKey, int, Logs]] = []
        self._unsaved: dict[int, Checkpoint] = {}
        self._has_state = kept.checkpoints()
        self._is_asked_to_end, self._told = False, ToldRun(kept)
        self._known = {variant.name: variant for variant in kept.variants()}
        # Of one configuration all is kept, to tell what of it is another.
        self._has_whole = any(facts_of(variant).model for variant in self._known.values())
        self._seconds = {member.key.variant: member.seconds for member in kept.members()}
        self.logs: dict[str, dict[int, Logs]] = {}
        """Of earlier runs: by the name of a trial and epoch, what was measured."""
        for record in kept.epochs():
            self.logs.setdefault(record.member.variant, {})[record.epoch] = record.logs

    def ask_to_end(self) -> None:
        """End after the current epoch: `measured` will raise `Interrupted`."""
        self._is_asked_to_end = True

    @property
    def is_asked_to_end(self) -> bool:
        """Whether the run was asked to end."""
        return self._is_asked_to_end

    def place(self, places: Mapping[str, Sequence[str]]) -> None:
        """Store the names of the trials that train now, by machine of a cluster."""
        self._told.place(places)

    def tell_left(self, left: Left) -> None:
        """Store the seconds that are left of the run, or of a part of it, where it is due."""
        self._told.tell_left(left)

    def __getitem__(self, key: str) -> Any:
        """Something that was noted of the search; None if it was not."""
        return self._description.get(key)

    def note(self, **what: Any) -> None:
        """Note something of the search, as JSON."""
        self._write_curves()
        if all(self._description.get(name) == value for name, value in what.items()):
            return
        self._description |= what
        self._kept.extend(self._description, [], [])

    def check(self, spec: SearchSpec, draws: Sequence[Draw]) -> None:
        """Check that earlier runs drew the same.

        Raises:
            StoreError: They drew others, as from another space, or by another version of Optuna.
        """
        for draw in draws:
            name, arguments = trial_name(draw.number), all_as_code(draw.arguments)
            before = self._known.get(name)
            if before is not None and before.arguments != arguments:
                raise StoreError(
                    f"the arguments that {name} of {spec.name!r} had, {before.arguments}",
                    f"{arguments}, as drawn from another space (or one in another order) or by "
                    "another sampler, seed (or none) or version of Optuna",
                    "go on with what began it, or begin anew: fresh=True, or --fresh",
                )

    def enter(self, spec: SearchSpec, draws: Sequence[Draw], facts: Mapping[int, Facts]) -> None:
        """Add trials to the search, with what is known of each, where it does not have them."""
        source = source_of(spec.build)
        records = []
        for draw in draws:
            name, fact = trial_name(draw.number), facts[draw.number]
            if name not in self._known:
                kept = fact.kept(whole=bool(fact.model) and not self._has_whole)
                self._has_whole |= bool(fact.model)
                records.append(VariantRecord(name, source, all_as_code(draw.arguments), kept))
        if records:
            members = [MemberKey(record.name, 0) for record in records]
            self._kept.extend(self._description, records, members)

    def facts(self, number: int) -> Facts | None:
        """What earlier runs knew of a trial before it trained."""
        known = self._known.get(trial_name(number))
        return None if known is None else facts_of(known)

    def seconds(self, number: int) -> float:
        """The training time of a trial in earlier runs."""
        name = trial_name(number)
        return float(self._description["seconds"].get(name) or self._seconds.get(name) or 0.0)

    def measured(self, number: int, epoch: int, logs: Logs) -> None:
        """Store what a trial measured in an epoch (from 0)."""
        self._to_write.append((MemberKey(trial_name(number), 0), epoch, logs))

    @property
    def saves(self) -> bool:
        """Whether states are to be taken now, in the middle of a rung as well."""
        return self._is_asked_to_end or self._states.is_due

    def breathe(self) -> None:
        """Write curves when they are due.

        Raises:
            Interrupted: The run was asked to end, and everything that can be stored is stored.
        """
        if self._is_asked_to_end:
            self._write_curves()
            self._write_states()
            raise Interrupted
        self.write_what_is_due()

    def write_what_is_due(self) -> None:
        """Write curves when they are due."""
        if self._curves.is_due:
            self._write_curves()

    def keep(self, states: Mapping[int, Checkpoint]) -> None:
        """Take the states from which trials go on, by their numbers, and write them when due."""
        self._unsaved |= states
        if self._states.is_due:
            with self._states.writing():
                self._write_states()

    def keep_ended(self, numbers: Sequence[int], states: Mapping[int, Checkpoint]) -> None:
        """Write the states of trials that reached the last rung, if more epochs go on from them.

        Args:
            numbers: Of the trials.
            states: Of those that trained in this run.
        """
        if self._keep != "all":
            self.drop(numbers)
            return
        self._unsaved |= states
        self._write_states()

    def drop(self, numbers: Sequence[int]) -> None:
        """Remove the states of trials that go on no more."""
        for number in numbers:
            self._unsaved.pop(number, None)
            if trial_name(number) in self._has_state:
                self._kept.drop_checkpoint(trial_name(number))
                self._has_state.discard(trial_name(number))

    def state(self, number: int) -> Checkpoint | None:
        """The state that an earlier run kept of a trial."""
        if trial_name(number) not in self._has_state:
            return None
        stored = self._kept.checkpoint(trial_name(number))
        return None if stored is None else Checkpoint(stored.epoch, stored.arrays, stored.state)

    def conclude(self, seconds: Mapping[int, float]) -> None:
        """Mark trials as ended, with their training times."""
        self._write_curves()
        ended = {
            trial_name(number): taken
            for number, taken in seconds.items()
            if self._seconds.get(trial_name(number)) != taken
        }
        if ended:
            self._kept.conclude({MemberKey(name, 0): taken for name, taken in ended.items()})
            self._seconds |= ended

    def record(self, record: SearchRecord) -> SearchRecord:
        """Keep what the search tried, for who opens the result of its race.

        Returns:
            The same with the times that are kept of it.
        """
        asked = {what: self._description[what] for what in GROWS}
        self.note(record=from_text(to_text(search_to_json(record))), done_with=asked)
        return with_times(record, self._kept)

    def _write_curves(self) -> None:
        if self._to_write:
            with self._curves.writing():
                self._kept.append(self._to_write)
                self._is_asked_to_end |= self._kept.is_asked_to_end
            self._to_write = []

    def _write_states(self) -> None:
        # Curves first: epochs before a state are not measured again.
        self._write_curves()
        for number, state in self._unsaved.items():
            name = trial_name(number)
            self._kept.save_checkpoint(name, state.epoch, state.arrays, state.state)
            self._has_state.add(name)
        self._unsaved = {}


@contextmanager
def keeping(
    store: Store,
    spec: SearchSpec,
    how: Mapping[str, Any],
    cadence: float,
    keep: Keep | None = None,
    *,
    fresh: bool,
    tell: Callable[[str], None],
) -> Iterator[SearchKeeper]:
    """Keep a search while the block runs; no other process can run it meanwhile.

    Args:
        store: Where.
        spec: The search.
        how: What else determines the numbers: precision, and the environment.
        cadence: Seconds between two writes of states.
        keep: What stays of it when it has ended; None for what did before.
        fresh: Whether to forget what the store has of it.
        tell: Shows a line to the user.

    Raises:
        StoreError: Another process runs it, it differs from the search in the store, or its name is
            that of another study.
        Interrupted: It was asked to end, and what it had done is stored.
    """
    name = kept_name(spec.name)
    if fresh and store.find(name):
        store.delete(name)
    description = describe(spec, how)
    before = store.find(name)
    if before is not None and _begins_anew(before, description):
        store.delete(name)
    if not fresh and store.find(name) is None:
        proved_before(store, spec, fresh=False)  # Nothing is kept of a search that is refused.
    kept = store.find_or_create(
        name, description | {"blocks": [], "seats": {}, "done": [], "seconds": {}}, [], []
    )
    with kept.claim():
        known = kept.description
        check_same(spec.name, known, description)
        for what, value in description["environment"].items():
            was = known["environment"].get(what)
            if was != value:
                tell(f"{name} goes on with another {what}: {was} before, {value} now")
        schedule = schedule_of(spec, known)
        race = store.find(spec.name)
        about = kept.checkpoints(), None if race is None else race.description
        for line in told_of_growth(name, known, description, schedule.ladder, *about):
            tell(line)
        keep = kept_way(keep, known)
        now = {what: description[what] for what in ("trials", "epochs", "environment")}
        kept.extend(known | now | {"schedule": asdict(schedule), KEEP: keep}, [], [])
        keeper = SearchKeeper(kept, schedule, cadence, keep)
        with running(kept, how["environment"], keeper.ask_to_end):
            yield keeper


def proved_before(store: Store, spec: SearchSpec, *, fresh: bool) -> list[int]:
    """The trials of a search that a store has proved, or begun to prove.

    Args:
        store: Where.
        spec: The search.
        fresh: Whether to forget them.

    Raises:
        StoreError: The name is that of another study.
    """
    kept = store.find(spec.name)
    if kept is None:
        return []
    if fresh:
        store.delete(spec.name)
        return []
    if not is_race_of(describe(spec, {}), kept):
        raise StoreError(
            f"the name {spec.name!r} for the race of the finalists",
            "another study of that name in the store",
            "give the search another name or store, or have both begin anew: fresh=True, or "
            "--fresh",
        )
    return [trial_number(variant.name) for variant in kept.variants()]


def _begins_anew(kept: KeptStudy, now: Mapping[str, Any]) -> bool:
    """Whether it is a search of which nothing was measured, and nothing is to go on.

    So it is where it has changed, and where all trials failed: why they did may be mended where
    nobody sees it, as in a function that the build function calls. One that ended before its first
    epoch goes on: its schedule decides which trials it has when it grows.
    """
    is_search = kept.description.get("kind") == "search"
    if not is_search or any(member.epochs for member in kept.members()):
        return False
    if changed(kept.description, now):
        return True
    known = [facts_of(variant) for variant in kept.variants()]
    return bool(known) and all(facts.failure for facts in known)
