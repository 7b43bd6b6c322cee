"""What a store keeps of the members of a study that have trained."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from kohort.errors import StoreError
from kohort.evidence.store import files, rows
from kohort.evidence.store.claimed import ClaimedStudy
from kohort.evidence.store.records import EndedMember, MemberKey, MemberRecord, Weights
from kohort.evidence.store.trained import weight_rows


class TrainedStudy(ClaimedStudy):
    """A study in a store, with the members of it that have trained."""

    def finish(
        self,
        member: MemberKey,
        weights: Sequence[np.ndarray],
        seconds: float,
        beside: Mapping[str, np.ndarray] | None = None,
    ) -> str:
        """Store a member's weights, and that it finished, both or neither.

        Args:
            member: The member.
            weights: Arrays of any shape; they are returned in this order.
            seconds: Training time.
            beside: More arrays about it, by names that are no numbers.

        Returns:
            The SHA-256 of the file with its weights, in hexadecimal.

        Raises:
            StoreError: The study has no such member, is not claimed, or there is no room.
        """
        return self.finish_all([EndedMember(member, weights, seconds, beside or {})])[0]

    def finish_all(self, ended: Sequence[EndedMember]) -> list[str]:
        """As `finish`, for members that ended together: in one transaction."""
        self._check_claimed()
        if not ended:
            return []
        numbers = [self._id(one.member) for one in ended]
        several = [
            {str(n): array for n, array in enumerate(one.weights)} | dict(one.beside)
            for one in ended
        ]
        kept = files.keep_all(self._files, [f"member-{number}" for number in numbers], several)
        now = rows.now()
        written = {
            number: {
                "weights": name,
                "sha256": digest,
                "beside": None,
                "beside_sha256": None,
                "seconds": float(one.seconds),
                "finished": one.finished or now,
            }
            for number, (name, digest), one in zip(numbers, kept, ended, strict=True)
        }
        before = self._write_claimed(lambda connection: weight_rows.finish_all(connection, written))
        for number, old in before.items():
            self._remove(old, but=str(written[number]["weights"]))
        return [digest for _, digest in kept]

    def conclude(
        self,
        seconds: Mapping[MemberKey, float],
        finished: Mapping[MemberKey, datetime] | None = None,
    ) -> None:
        """Mark members as finished that leave no weights.

        Args:
            seconds: Their training times.
            finished: When, in UTC; None for now.
        """
        times = finished or dict.fromkeys(seconds, rows.now())
        ended = {
            self._id(member): {"seconds": float(taken), "finished": times[member]}
            for member, taken in seconds.items()
        }

        def write(connection: Connection) -> None:
            for number, values in ended.items():
                weight_rows.finish(connection, number, values)

        self._write_claimed(write)

    def reopen(self, member: MemberKey) -> None:
        """Mark a member as not finished; its weights stay until it finishes again."""
        number, gone = self._id(member), {"finished": None, "seconds": None}
        self._write_claimed(lambda connection: weight_rows.finish(connection, number, gone))

    def restart(self, member: MemberKey) -> None:
        """Delete a member's epochs and weights, and mark it as not finished."""
        number = self._id(member)
        self._remove(
            self._write_claimed(lambda connection: weight_rows.restart(connection, number))
        )

    def weights(self, member: MemberKey, sha256: str | None = None) -> Weights:
        """The weights of a member that finished, as they were stored, and what is beside them.

        Args:
            member: The member.
            sha256: The digest that `finish` returned; with it, weights are also returned for a
                member that was reopened since. None requires that the member has finished.

        Raises:
            StoreError: There are none, or their file is missing or damaged; the message names it.
        """
        number = self._id(member)
        name, digest, finished = self._read(lambda c: weight_rows.weights_file(c, number))
        is_meant = finished is not None if sha256 is None else digest == sha256
        if name is None or digest is None or not is_meant:
            raise StoreError("a member that finished", f"{member}", "run the study to its end")
        return Weights(files.read(self._files / name, digest))

    def weights_of(self, record: MemberRecord) -> Weights | None:
        """The weights of a member, as `members` told of it; None where they were dropped.

        No row is read but where the file is not as it was: another process may have dropped or
        replaced it since.

        Raises:
            StoreError: The file is missing or damaged; the message names it.
        """
        if record.weights is None or record.sha256 is None:
            return None
        try:
            return Weights(files.read(self._files / record.weights, record.sha256))
        except StoreError:
            number = self._id(record.key)
            name, digest, _ = self._read(lambda c: weight_rows.weights_file(c, number))
            if name == record.weights:
                raise
            return self.weights_of(replace(record, weights=name, sha256=digest))

    def drop_weights(self, members: Collection[MemberKey]) -> None:
        """Drop the weights of members; they stay finished, and rows take over what lay beside.

        The rows forget all files before one is removed: a row never names a file that is not there,
        and what a kill leaves behind is removed by the next claim.

        Raises:
            StoreError: The study has no such member, or is not claimed.
        """
        self._check_claimed()
        numbers = {self._id(member) for member in members}
        records = self._read(lambda connection: rows.members(connection, self.number))
        there = {self._id(r.key): r for r in records if r.weights is not None}
        beside = {number: self._beside(there[number]) for number in there if number in numbers}
        dropped = self._write_claimed(lambda c: weight_rows.drop_weights(c, beside))
        for name in dropped:
            self._remove(name)

    def _beside(self, record: MemberRecord) -> bytes | None:
        """What lies beside a member's weights, for its row; None for nothing, or a damaged file."""
        try:
            weights = self.weights_of(record)
        except StoreError:
            return None
        return files.to_bytes(weights.beside) if weights and weights.beside else None

    def beside_dropped(self) -> dict[MemberKey, dict[str, np.ndarray]]:
        """What lay beside weights that were dropped, by member; without what is damaged."""
        kept = self._read(lambda connection: weight_rows.beside_dropped(connection, self.number))
        return {
            member: files.from_bytes(content)
            for member, content, digest in kept
            if files.digest_of(content) == digest
        }
