"""What can be fetched by name: where it is published, its size and its checksum."""

from dataclasses import dataclass


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
