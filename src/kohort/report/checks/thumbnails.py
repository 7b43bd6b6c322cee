"""Small pictures of samples that are images."""

import numpy as np

from kohort.data.dataset import Dataset
from kohort.data.labels import ClassLabels
from kohort.data.making.pixel_rows import image_shape
from kohort.report.templates.rendering import png_url


class Thumbnails:
    """Pictures of the samples of a dataset, which are numbered: training samples come first.

    Args:
        data: The dataset.
    """

    def __init__(self, data: Dataset) -> None:
        self._data = data
        self._shape = _picture_shape(data)

    @property
    def has_any(self) -> bool:
        """Whether the samples are images: pixels `[height, width]`, one or three channels or none.

        Rows of pixels of a square image count.
        """
        return self._shape is not None

    def of(self, sample: int) -> str:
        """A sample as the URL of a PNG image; empty where samples are no images."""
        if self._shape is None:
            return ""
        data = self._data
        side, row = side_and_row(data, sample)
        x = (data.x_train if side == "train" else data.x_test)[row]
        if x.dtype != np.uint8:
            assert data.pixels is not None
            raw = (x - data.pixels.offset) / data.pixels.factor
            x = np.rint(raw).clip(0, 255).astype(np.uint8)
        return png_url(x.reshape(self._shape))


def side_and_row(data: Dataset, sample: int) -> tuple[str, int]:
    """The side of a sample, and its row there, from 0."""
    train = len(data.x_train)
    return ("train", sample) if sample < train else ("test", sample - train)


def source_row(data: Dataset, sample: int) -> int | None:
    """The row of the table that a sample was, from 0 and without its header; None of other data."""
    return None if data.source_rows is None else int(data.source_rows[sample])


def source_file(data: Dataset, sample: int) -> str | None:
    """The file that a sample was; None of other data."""
    return None if data.source_files is None else data.source_files[sample]


def place_of(data: Dataset, sample: int) -> str:
    """Where a sample is: its side and row, behind the file or the row that it was, if any."""
    side, row = side_and_row(data, sample)
    source, file = source_row(data, sample), source_file(data, sample)
    if source is not None:
        return f"table row {source} ({side} {row})"
    return f"{side} {row}" if file is None else f"{file} ({side} {row})"


def label_of(data: Dataset, labels: ClassLabels | None, sample: int) -> str:
    """The class of a sample; empty where there are none."""
    if labels is None:
        return ""
    side, row = side_and_row(data, sample)
    return labels.names[int((labels.train if side == "train" else labels.test)[row])]


def _picture_shape(data: Dataset) -> tuple[int, ...] | None:
    """The shape of a sample as Pillow takes it; None where samples are no images."""
    if data.pixels is None or 0 in data.input_shape:
        return None
    shape = image_shape(data.pixels, data.input_shape)
    if len(shape) == 2:
        return shape
    if len(shape) == 3 and shape[2] in (1, 3):
        return shape[:2] if shape[2] == 1 else shape
    return None
