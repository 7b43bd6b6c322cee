"""What can be fetched by name: where it is published, its size and its checksum."""

import os
from dataclasses import dataclass
from pathlib import Path

from kohort.data.system import is_file, is_folder
from kohort.errors import DataError

PART = ".part"
"""The ending of what has come of a file."""


@dataclass(frozen=True)
class Published:
    """A file that its author publishes.

    Args:
        file_name: What it is called.
        size: Bytes.
        md5: Its checksum, 32 hexadecimal digits. It tells a damaged or another file; whoever
            wants to forge one would have to find a second file of the same MD5, which nobody can.
        addresses: Where it is, the author's first; the others have copies of it.
    """

    file_name: str
    size: int
    md5: str
    addresses: tuple[str, ...]


def _not_mnist(file_name: str, size: int, md5: str) -> Published:
    folders = (
        "http://yaroslavvb.com/upload/notMNIST/",
        "https://commondatastorage.googleapis.com/books1000/",
    )
    return Published(file_name, size, md5, tuple(folder + file_name for folder in folders))


# The author gives neither size nor checksum. These are what others have noted of what they fetched:
# the sizes in the assignments of Udacity's course "Deep Learning" (2016, from the second address),
# the checksums in several data loaders for PyTorch (from the first).
PUBLISHED = {
    "notmnist": _not_mnist(
        "notMNIST_small.tar.gz", 8_458_043, "c9890a473a9769fda4bdf314aaf500dd"
    ),
    "notmnist-large": _not_mnist(
        "notMNIST_large.tar.gz", 247_336_696, "70a95b805ecfb6592c48e196df7c1499"
    ),
}  # fmt: skip
"""By name; notMNIST (Bulatov 2011) is the small set, cleaned by hand, or the large one."""


def place_of(file: Published, out: Path = Path()) -> Path:
    """Where a file is fetched to: below a folder, by default the working directory; or a path."""
    return out / file.file_name if is_folder(out) else out


def source_path(source: str | Path) -> Path:
    """The path of a source: of the name of something published, the place that it is fetched to.

    A file or folder of that name comes first.

    Raises:
        DataError: It is such a name, and nothing was fetched there.
    """
    name, path = str(source), Path(source)
    if name not in PUBLISHED or os.path.lexists(path):
        return path
    path = place_of(PUBLISHED[name])
    if is_file(path):
        return path
    is_part = is_file(path.with_name(path.name + PART))
    raise DataError(
        f"{path} in the working directory for {name!r}",
        f"a part of it ({path}{PART})" if is_part else "none there",
        f"fetch {'the rest' if is_part else 'it'}: kohort data fetch {name}",
    )
