"""The suspect labels of a dataset, as rows."""

from typing import TypedDict

from kohort.data.dataset import Dataset
from kohort.findings.checks.checked import CheckedData
from kohort.report.checks.thumbnails import place_of, side_and_row, source_file, source_row


class SuspectRow(TypedDict):
    """A sample whose label is suspect."""

    side: str
    row: int
    sample: int
    source_row: int | None
    source_file: str | None
    place: str
    given: str
    suggested: str
    of_given: float
    of_suggested: float


def suspect_rows(data: Dataset, checked: CheckedData, most: int | None = None) -> list[SuspectRow]:
    """The suspect labels, the most suspect first; none where labels were not checked.

    Args:
        data: The data.
        checked: What was seen of them.
        most: The most rows to give; None for all.
    """
    predicted, labels = checked.predicted, checked.labels
    if predicted is None or labels is None:
        return []
    suspects, rows = predicted.suspects, []
    for place, suggested in zip(suspects.places[:most], suspects.suggested[:most], strict=True):
        sample, given = int(predicted.samples[place]), int(predicted.labels[place])
        side, row = side_and_row(data, sample)
        rows.append(
            SuspectRow(
                side=side,
                row=row,
                sample=sample,
                source_row=source_row(data, sample),
                source_file=source_file(data, sample),
                place=place_of(data, sample),
                given=labels.names[given],
                suggested=labels.names[int(suggested)],
                of_given=round(float(predicted.probabilities[place, given]), 6),
                of_suggested=round(float(predicted.probabilities[place, suggested]), 6),
            )
        )
    return rows
