"""Render the glyphs of the built-in dataset "letters" again, from the fonts' own files.

A letter is drawn at 200 pixels, anti-aliased and unhinted, cropped to its box and resized to
28x28 with Lanczos, ignoring the aspect ratio. Pillow cannot switch hinting off, so FreeType
draws, through freetype-py; Pillow crops and resizes.
"""

import importlib
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from PIL import Image

LETTERS = "ABCDEFGHIJ"
PIXELS = 200
SIDE = 28
ROOTS = [Path("/usr/share/fonts"), Path("/usr/share/texmf"), Path("/usr/share/texlive/texmf-dist")]
BUILTIN = Path(__file__).parents[2] / "src" / "kohort" / "data" / "builtin"

Glyphs = NDArray[np.uint8]  # (letter, 28, 28)


def load_freetype() -> Any:
    """Import freetype-py, which only this script needs."""
    try:
        return importlib.import_module("freetype")
    except ModuleNotFoundError as error:
        raise SystemExit("render: freetype-py is missing; run: pip install freetype-py") from error


def read_table(path: Path) -> pd.DataFrame:
    """Read faces.csv, and end with one line where it cannot be read."""
    try:
        return pd.read_csv(path, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise SystemExit(f"render: {path} must be the dataset's faces.csv: {error}") from error


def read_letters(path: Path) -> dict[str, NDArray[Any]]:
    """Read letters.npz, and end with one line where it cannot be read."""
    try:
        with np.load(path) as archive:
            return {name: archive[name] for name in ("images", "labels", "face")}
    except (OSError, ValueError, KeyError) as error:
        raise SystemExit(f"render: {path} must be the dataset's letters.npz: {error}") from error


def files_below(folders: list[Path], names: set[str]) -> dict[str, list[Path]]:
    """Find every file of these names below the folders."""
    found = defaultdict(list)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.name in names and path.is_file():
                found[path.name].append(path)
    return found


def plain(text: str) -> str:
    """Reduce a package's or folder's name to what both have in common."""
    return "".join(filter(str.isalnum, text.lower().removeprefix("fonts-")))


def choose(paths: list[Path], package: str) -> Path:
    """Prefer, among files of one name, the one in a folder named like the package."""
    wanted = plain(package.rsplit("/", 1)[-1])
    return next((p for p in paths if wanted in map(plain, p.parts)), paths[0])


def draw_letter(freetype: Any, face: Any, letter: str) -> NDArray[np.uint8]:
    """Draw one letter, white on black, as 28x28 pixels."""
    flags = freetype.FT_LOAD_RENDER | freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_NO_BITMAP
    face.load_char(letter, flags)
    bitmap = face.glyph.bitmap
    rows = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, bitmap.pitch)
    glyph = Image.fromarray(rows[:, : bitmap.width])
    cropped = glyph.crop(glyph.getbbox())
    return np.asarray(cropped.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def draw_face(freetype: Any, path: Path, style: str) -> Glyphs:
    """Draw the ten letters of a font file, in its named style where the font is variable."""
    face = freetype.Face(str(path))
    if face.has_multiple_masters:
        face.set_var_named_instance(style)
    face.set_pixel_sizes(0, PIXELS)
    return np.stack([draw_letter(freetype, face, letter) for letter in LETTERS])


def draw_all(faces: pd.DataFrame, folders: list[Path]) -> dict[int, Glyphs]:
    """Draw every face whose file lies below the folders, and say which do not."""
    freetype = load_freetype()
    found = files_below(folders, set(faces["font_file"]))
    drawn: dict[int, Glyphs] = {}
    for row in faces.to_dict("records"):
        file, package = str(row["font_file"]), str(row["source_package"])
        if file not in found:
            typer.echo(f"not found: {file} ({row['family']}, {package})")
            continue
        path = choose(found[file], package)
        try:
            drawn[int(row["face"])] = draw_face(freetype, path, str(row["style"]))
        except (freetype.FT_Exception, ValueError) as error:
            typer.echo(f"not drawn: {path}: {error}")
    return drawn


def compare(drawn: dict[int, Glyphs], letters: dict[str, NDArray[Any]]) -> None:
    """Report how far the drawn pixels lie from the shipped ones."""
    rows = np.flatnonzero(np.isin(letters["face"], list(drawn)))
    if not len(rows):
        raise SystemExit("render: nothing to compare: no font file was found; name more folders")
    face, label = letters["face"][rows], letters["labels"][rows]
    fresh = np.stack([drawn[f][i] for f, i in zip(face, label, strict=True)])
    difference = np.abs(fresh.astype(int) - letters["images"][rows])
    worst = pd.Series(difference.max(axis=(1, 2))).groupby(face).max()
    typer.echo(f"{(worst == 0).sum()} of {len(worst)} faces are equal to the shipped pixels")
    typer.echo(f"difference: at most {difference.max()}, mean {difference.mean():.4f} of 255")
    for number in worst.index[worst > 0]:
        typer.echo(f"differs: face {number}, by at most {worst[number]}")


def write(drawn: dict[int, Glyphs], letters: dict[str, NDArray[Any]], out: Path) -> None:
    """Write the drawn glyphs in the shipped order, leaving out faces that were not drawn."""
    rows = np.isin(letters["face"], list(drawn))
    face, labels = letters["face"][rows], letters["labels"][rows]
    images = [drawn[f][i] for f, i in zip(face, labels, strict=True)]
    pixels = np.array(images, np.uint8).reshape(-1, SIDE, SIDE)
    np.savez_compressed(out, images=pixels, labels=labels, face=face)
    typer.echo(f"wrote {len(pixels):,} images to {out}")


def main(
    folders: Annotated[list[Path] | None, typer.Argument(help="Folders with fonts.")] = None,
    builtin: Annotated[Path, typer.Option(help="Folder of faces.csv and letters.npz.")] = BUILTIN,
    *,
    check: Annotated[bool, typer.Option("--check", help="Compare with the shipped.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write the glyphs to this .npz.")] = None,
) -> None:
    """Render the letters again from font files found below FOLDERS."""
    if absent := [str(folder) for folder in folders or [] if not folder.is_dir()]:
        raise SystemExit(f"render: folders must exist: {', '.join(absent)}")
    faces = read_table(builtin / "faces.csv")
    letters = read_letters(builtin / "letters.npz")
    drawn = draw_all(faces, folders or ROOTS)
    typer.echo(f"drew {len(drawn):,} of {len(faces):,} faces")
    if check:
        compare(drawn, letters)
    if out is not None:
        write(drawn, letters, out)


if __name__ == "__main__":
    typer.run(main)
