"""What clean data were made of, as far as splits ask for it."""

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np

from kohort.errors import DataError


def fingerprint_by_name(fingerprint: str) -> str:
    """The fingerprint of the same data whose inputs come by name, 64 hexadecimal digits."""
    return hashlib.sha256(f"{fingerprint} by name".encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class RawData:
    """The training samples that clean data were chosen from.

    A split of the clean data is that of the raw data, without what was left out: so a study on
    either of them has the same replicates, sample by sample.

    Args:
        fingerprint: Of the raw data.
        rows: int64 `[train sample]`, for each clean training sample the raw one; ascending.
        targets: `[raw train sample, ...]`.
        groups: `[raw train sample]`; None where there are none.
        as_numbers: The fingerprint of the raw data where numbers that name their classes are
            taken as numbers to predict; "" where no numbers name them.
    """

    fingerprint: str
    rows: np.ndarray = field(repr=False)
    targets: np.ndarray = field(repr=False)
    groups: np.ndarray | None = field(default=None, repr=False)
    as_numbers: str = ""

    @property
    def samples(self) -> int:
        """How many training samples there were."""
        return len(self.targets)

    def check(self, samples: int) -> None:
        """Refuse another number of clean training samples.

        Raises:
            DataError: It is.
        """
        if len(self.rows) != samples:
            told = f"{len(self.rows):,} of them and {samples:,} training samples"
            raise DataError("a raw sample for each", told, "leave raw out of other data")

    def by_name(self) -> "RawData":
        """The same where inputs come by name."""
        numbers = self.as_numbers and fingerprint_by_name(self.as_numbers)
        named = fingerprint_by_name(self.fingerprint)
        return replace(self, fingerprint=named, as_numbers=numbers)

    def numbered(self, numbers: np.ndarray) -> "RawData":
        """The same where the numbers that name classes, `[class]`, are taken as numbers."""
        targets = numbers[self.targets][:, None]
        return replace(self, fingerprint=self.as_numbers, targets=targets, as_numbers="")

    def kept(self, rows: np.ndarray) -> np.ndarray:
        """The clean training samples among raw ones, int64, ascending as these."""
        place = np.searchsorted(self.rows, rows)
        place[place == len(self.rows)] = 0
        found: np.ndarray = place[self.rows[place] == rows]
        return found
