"""What the folders of images say: their class, and whether they are for a test."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np

from kohort.errors import legible, shortened

TRAIN_FOLDERS = frozenset({"train", "training"})
TEST_FOLDERS = frozenset({"test", "testing"})
VALID_FOLDERS = frozenset({"val", "valid", "validation", "dev"})
_SIDES = TRAIN_FOLDERS | TEST_FOLDERS | VALID_FOLDERS


def class_of(path: str) -> str:
    """The class of an image, its innermost folder; "" where it is in none."""
    return PurePosixPath(path).parent.name


def are_in_test_folder(paths: list[str]) -> np.ndarray | None:
    """Whether each image is below a folder "test", bool `[image]`; None unless ones "train" too."""
    in_test, in_train = (_are_below(paths, names) for names in (TEST_FOLDERS, TRAIN_FOLDERS))
    return in_test if in_test.any() and in_train.any() else None


def told_of_folders(paths: list[str]) -> list[str]:
    """What may not be meant so, in sentences: classes in several folders, and ones to validate.

    Args:
        paths: `[image]`, from the top of the source.
    """
    above = defaultdict(set)
    for folder in {path.rpartition("/")[0] for path in paths}:
        *outer, name = folder.split("/")
        above[name].add("/".join(part for part in outer if part.lower() not in _SIDES))
    told = []
    shared = sorted(name for name, outers in above.items() if len(outers) > 1)
    if shared:
        name = shared[0]
        folders = [legible(f"{outer}/{name}") for outer in sorted(above[name])]
        more = f", and so on for {len(shared) - 1:,} more" * (len(shared) > 1)
        told.append(
            "the class of an image is its innermost folder, and several are of one name: "
            f"{shortened(folders, 4, rest='more')} are the class {legible(name)}{more}; where the "
            "outer folders are the classes, take the inner ones out"
        )
    valid = int(_are_below(paths, VALID_FOLDERS).sum())
    if valid and _are_below(paths, TRAIN_FOLDERS).any():
        told.append(
            f"the {valid:,} images in folders to validate train as others do: a study splits "
            "validation parts off itself"
        )
    return told


def told_of_no_class(source: Path, found: Iterable[str], readable: list[str]) -> list[str]:
    """Which folders may be meant as classes, and hold no image: a sentence, or none.

    Args:
        source: The folder, or the archive, of which empty folders are not known.
        found: All files of images, from the top of the source.
        readable: Those that could be read.
    """
    full = {path.rpartition("/")[0] for path in readable}
    empty = {path.rpartition("/")[0] for path in found} - full
    if source.is_dir():
        tops = {PurePosixPath(folder).parent for folder in full}
        beside = {
            folder.relative_to(source).as_posix()
            for top in tops
            for folder in (source / top).iterdir()
            if folder.is_dir() and not folder.name.startswith(".")
        }
        outer = {str(above) for folder in full | empty for above in PurePosixPath(folder).parents}
        empty |= beside - full - outer
    if not empty:
        return []
    names = shortened([legible(folder) for folder in sorted(empty)], 4, rest="more")
    return [
        f"folders of which nothing is in the data, as they hold no image that can be read: {names}"
    ]


def _are_below(paths: list[str], names: frozenset[str]) -> np.ndarray:
    """Whether each image is in a class folder below one of such a name, bool `[image]`."""
    return np.array([not names.isdisjoint(path.lower().split("/")[:-2]) for path in paths], bool)
