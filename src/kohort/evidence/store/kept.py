"""One study in a store: reads and writes everything that is kept of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import Connection

from kohort.errors import StoreError
from kohort.evidence.store import files, journal, rows, schema
from kohort.evidence.store.records import (
    EpochRecord,
    Event,
    FindingRecord,
    MemberKey,
    MemberRecord,
    ReadingRecord,
    RunRecord,
    StoredCheckpoint,
    VariantRecord,
    from_text,
    logs_text,
    to_text,
)
from kohort.evidence.store.trained.trained_study import TrainedStudy


class KeptStudy(TrainedStudy):
    """A study in a store. Its training can be written only under a claim."""

    @property
    def description(self) -> dict[str, Any]:
        """The description of the study as a whole."""
        text = self._read(lambda connection: rows.description(connection, self.number))
        return dict(from_text(text))

    def variants(self) -> list[VariantRecord]:
        """The variants, in the order in which they were added."""
        return self._read(lambda connection: rows.variants(connection, self.number))

    def members(self) -> list[MemberRecord]:
        """The progress of each member, in the order in which they were added."""
        return self._read(lambda connection: rows.members(connection, self.number))

    def epochs(self, known: Mapping[MemberKey, int] | None = None) -> list[EpochRecord]:
        """The measurements, by member and epoch; can be read while a run goes on.

        Args:
            known: Of these members alone, what was measured after so many epochs; None for all.
        """
        if known is None:
            return self._read(lambda connection: rows.epochs(connection, self.number))
        after = {self._id(key): epochs for key, epochs in known.items()}
        return self._read(lambda connection: rows.epochs(connection, self.number, after))

    def extend(
        self,
        description: Mapping[str, Any],
        variants: Sequence[VariantRecord],
        members: Iterable[MemberKey],
    ) -> None:
        """Replace the description, and add the variants and members that the study does not have.

        Variants and members that it has stay as they are, even if a record with their name differs.

        Raises:
            StoreError: The variant of a member is neither in the study nor in `variants`.
        """
        text, keys = to_text(description), list(members)

        def write(connection: Connection) -> None:
            rows.describe(connection, self.number, text)
            rows.add_parts(connection, self.number, variants, keys)

        self._write(write)

    def begin_run(self, environment: Mapping[str, Any]) -> int:
        """Record that a run begins, with its versions and hardware; returns its number."""
        values = journal.new_run(self.number, environment)
        self._run = self._write_claimed(lambda connection: journal.begin_run(connection, values))
        return self._run

    def tell_run(self, **told: Any) -> None:
        """Record what the current run tells while it goes on: see the entries of `RunRecord`."""
        number = self._current_run()
        self._write_claimed(lambda connection: journal.tell_run(connection, number, told))

    def end_run(self, outcome: str, *, patiently: bool = True) -> None:
        """Record how the current run ended, in a word; `patiently` waits for the store."""
        number = self._current_run()
        self._write_claimed(lambda c: journal.end_run(c, number, outcome), patiently=patiently)
        self._run = None

    def runs(self) -> list[RunRecord]:
        """The runs, in order."""
        return self._read(lambda connection: journal.runs(connection, self.number))

    def ask_to_end(self) -> bool:
        """Ask the last run to end after its epoch, as Ctrl-C does; it looks about once a second.

        Possible while another process runs the study.

        Returns:
            Whether it was asked: False where there is no run that has not ended.
        """
        runs = self.runs()
        return bool(runs) and self._write(
            lambda connection: journal.ask_to_end(connection, self.number, runs[-1].number)
        )

    @property
    def is_asked_to_end(self) -> bool:
        """Whether the current run of this process was asked to end; False where it has none."""
        number = self._run
        if number is None:
            return False
        return self._read(lambda connection: journal.is_asked_to_end(connection, number))

    def append(self, measured: Iterable[tuple[MemberKey, int, Mapping[str, float]]]) -> None:
        """Store measurements of members in epochs (from 0), all of them or none.

        An epoch that is already stored is replaced.

        Args:
            measured: Member, epoch, and metrics by name; may be NaN or infinite.

        Raises:
            StoreError: The study has no such member, or is not claimed.
        """
        texts = [(self._id(key), int(epoch), logs_text(logs)) for key, epoch, logs in measured]
        self._write_claimed(lambda connection: rows.append(connection, texts))

    def save_checkpoint(
        self,
        cohort: str,
        epoch: int,
        arrays: Mapping[str, np.ndarray],
        state: Mapping[str, Any],
    ) -> None:
        """Replace the checkpoint of a cohort.

        Args:
            cohort: The name of the cohort.
            epoch: The number of epochs that it trained.
            arrays: By name, of any shape.
            state: Anything that is JSON.

        Raises:
            StoreError: The study is not claimed, or there is no room.
        """
        self._check_claimed()
        name, digest = files.keep(self._files, f"checkpoint-{uuid4().hex[:16]}", arrays)
        row = {
            "study": self.number,
            "cohort": cohort,
            "epoch": epoch,
            "file": name,
            "sha256": digest,
            "state": to_text(state),
        }

        def write(connection: Connection) -> str | None:
            old = journal.checkpoint(connection, self.number, cohort)
            rows.upsert(connection, schema.checkpoint, ["study", "cohort"], [row])
            return None if old is None else old["file"]

        self._remove(self._write_claimed(write), but=name)

    def checkpoint(self, cohort: str) -> StoredCheckpoint | None:
        """The cohort's checkpoint; None if there is none, or (with an event) if it is damaged."""
        row = self._read(lambda connection: journal.checkpoint(connection, self.number, cohort))
        if row is None:
            return None
        try:
            arrays = files.read(self._files / row["file"], row["sha256"])
        except StoreError as error:
            self.note("checkpoint", str(error))
            return None
        return StoredCheckpoint(cohort, row["epoch"], arrays, from_text(row["state"]))

    def checkpoints(self) -> set[str]:
        """The cohorts that have a checkpoint."""
        return self._read(lambda connection: journal.checkpoints(connection, self.number))

    def drop_checkpoint(self, *cohorts: str) -> None:
        """Remove the checkpoints of cohorts, of those that have one."""
        dropped = self._write_claimed(
            lambda c: [journal.drop_checkpoint(c, self.number, cohort) for cohort in cohorts]
        )
        for name in dropped:
            self._remove(name)

    def note(self, kind: str, text: str) -> None:
        """Add an event: its kind in a word, and a sentence."""
        row = journal.new_event(self.number, self._run, kind, text)
        self._write(lambda connection: rows.upsert(connection, schema.event, ["token"], [row]))

    def events(self) -> list[Event]:
        """The events, in order."""
        return self._read(lambda connection: journal.events(connection, self.number))

    def keep_findings(self, findings: Sequence[FindingRecord]) -> None:
        """Replace the findings."""
        records = list(findings)
        self._write(lambda connection: journal.keep_findings(connection, self.number, records))

    def findings(self) -> list[FindingRecord]:
        """The findings, in the order in which they were added."""
        return self._read(lambda connection: journal.findings(connection, self.number))

    def add_reading(self, at: datetime, about: object, arrays: Mapping[str, np.ndarray]) -> None:
        """Add a reading of the test set; possible while another process runs the study.

        Args:
            at: When.
            about: What was read, as JSON.
            arrays: The results by name, of any shape.
        """
        row = journal.new_reading(self.number, at, about, arrays)
        self._write(lambda connection: rows.upsert(connection, schema.reading, ["token"], [row]))

    def readings(self) -> list[ReadingRecord]:
        """The readings of the test set, in order."""
        return self._read(lambda connection: journal.readings(connection, self.number))
