"""Pack the built-in dataset "letters" from an archive of rendered glyphs.

The archive holds, per image, `images` (n, 28, 28), `labels` and `face_id`, and per face the
columns of `TEXT` below with `capped4` (which faces to take), `consensus` (up to 10, taken as how
easily the ten letters are read) and `group` (one number per font family).
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

TEXT = ["family", "style", "font_file", "source_package", "licence"]
COLUMNS = ["face", *TEXT, "group", "split"]
NEEDED = [*TEXT, "capped4", "consensus", "group", "images", "labels", "face_id"]
SEED = 20
TEST_SHARE = 0.15
EASY = 9.5  # mean consensus from which a group counts as easy
BUILTIN = Path(__file__).parents[2] / "src" / "kohort" / "data" / "builtin"

Archive = dict[str, NDArray[Any]]


def read_archive(path: Path) -> Archive:
    """Read the archive of rendered glyphs, and end with one line where it is not one."""
    try:
        with np.load(path) as archive:
            if missing := [name for name in NEEDED if name not in archive.files]:
                raise SystemExit(f"pack: {path} must hold the arrays {missing}")
            return {name: archive[name] for name in NEEDED}
    except (OSError, ValueError) as error:
        raise SystemExit(f"pack: {path} must be a readable .npz archive: {error}") from error


def table_of_faces(archive: Archive, dropped: list[str]) -> pd.DataFrame:
    """List the faces to take, one a row, indexed by their number in the archive."""
    columns = [*TEXT, "capped4", "consensus", "group"]
    faces = pd.DataFrame({name: archive[name] for name in columns})
    if unknown := sorted(set(dropped) - set(faces["family"])):
        raise SystemExit(f"pack: --drop-family must name families of the archive, not {unknown}")
    return faces[faces["capped4"] & ~faces["family"].isin(dropped)]


def joined(labels: NDArray[np.int64], *links: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give items one label where any link, an equal number in `links`, joins them."""
    before = np.full_like(labels, -1)
    while not np.array_equal(before, labels):
        before = labels
        for link in links:
            lowest = np.full(link.max() + 1, labels.max())
            np.minimum.at(lowest, link, labels)
            labels = lowest[link]
    return np.unique(labels, return_inverse=True)[1]


def split_units(
    faces: pd.DataFrame, images: NDArray[np.uint8], face: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Join, and number, groups that share a family name or an exact image."""
    group = pd.factorize(faces["group"])[0]
    family = pd.factorize(faces["family"])[0]
    pattern = np.unique(images.reshape(len(images), -1), axis=0, return_inverse=True)[1]
    first = np.unique(face, return_index=True)[1]
    units = joined(group[face], group[face], family[face], face, pattern)[first]
    return np.asarray(pd.factorize(units)[0])


def kind_of(package: str) -> str:
    """Name the kind of source, so that the split can hold each in its proportion."""
    if package == "fonts-aenigma":
        return "aenigma"
    return "texlive" if package.startswith("texlive") else "other"


def take(sizes: pd.Series, share: float, rng: np.random.Generator) -> list[int]:
    """Take groups in random order while they fit into a share of the stratum's faces."""
    room = share * sizes.sum() + 0.5
    taken = []
    for group in rng.permutation(sizes.index.to_numpy()):
        if sizes[group] <= room:
            taken.append(int(group))
            room -= sizes[group]
    return taken


def held_out_groups(faces: pd.DataFrame, rng: np.random.Generator) -> list[int]:
    """Choose the groups of the test side, stratified by source kind and difficulty."""
    named = faces.assign(kind=faces["source_package"].map(kind_of))
    units = named.groupby("group").agg(
        kind=("kind", "first"), consensus=("consensus", "mean"), size=("kind", "size")
    )
    strata = units.groupby(["kind", units["consensus"] >= EASY])["size"]
    return [group for _, sizes in strata for group in take(sizes, TEST_SHARE, rng)]


def main(
    glyphs: Annotated[Path, typer.Argument(help="The .npz archive of rendered glyphs.")],
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = BUILTIN,
    seed: Annotated[int, typer.Option(help="Fixes the split and the order of the rows.")] = SEED,
    drop_family: Annotated[list[str] | None, typer.Option(help="A family to leave out.")] = None,
) -> None:
    """Write letters.npz and faces.csv."""
    archive = read_archive(glyphs)
    faces = table_of_faces(archive, drop_family or [])
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(np.isin(archive["face_id"], faces.index))
    face = np.searchsorted(faces.index.to_numpy(), archive["face_id"][rows])
    faces = faces.assign(group=split_units(faces, archive["images"][rows], face))
    held_out = faces["group"].isin(held_out_groups(faces, rng))
    faces = faces.assign(split=np.where(held_out, "test", "train"), face=range(len(faces)))
    order = rng.permutation(len(rows))
    images, labels = (archive[name][rows][order].astype(np.uint8) for name in ("images", "labels"))
    out.mkdir(parents=True, exist_ok=True)
    faces[COLUMNS].to_csv(out / "faces.csv", index=False, lineterminator="\n")
    number = face[order].astype(np.uint16)
    np.savez_compressed(out / "letters.npz", images=images, labels=labels, face=number)
    typer.echo(f"{len(rows):,} images of {len(faces):,} faces, {held_out.sum()} of them for test")


if __name__ == "__main__":
    typer.run(main)
