"""What lies at a path that a user gave."""

from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether it is a file that can be read from start to end: no pipe, no device."""
    try:
        return path.is_file()
    except OSError:  # Python 3.12, of a name that is too long
        return False


def is_folder(path: Path) -> bool:
    """Whether it is a folder."""
    try:
        return path.is_dir()
    except OSError:  # Python 3.12, of a name that is too long
        return False
