"""Reads the files of a folder or an archive one by one, without unpacking to disk."""

import lzma
import posixpath
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from kohort.errors import DataError, reason

LARGEST = 2**28
"""The most bytes of a file that is read; no image of a sample has more."""
ENDINGS = frozenset(
    {".tar", ".tgz", ".gz", ".tbz2", ".bz2", ".txz", ".xz", ".tzst", ".zst", ".zip"}
)
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_ZIP = (b"PK\3\4", b"PK\5\6")
_TAR, _TAR_AT = b"ustar", 257

# Errors that the readers of archives and their decompressors raise on damaged or locked files.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    UserWarning,
    ValueError,
    KeyError,
    IndexError,
    OverflowError,
)

type Wanted = Callable[[PurePosixPath], bool]
"""Whether a file of this path is read."""

type Read[T] = Callable[[PurePosixPath, bytes], T]
"""Makes something of the path and the content of a file."""


def is_archive(path: Path) -> bool:
    """Whether a file has the ending or the first bytes of an archive."""
    return path.suffix.lower() in ENDINGS or _starts(path, *_COMPRESSED, *_ZIP) or _is_tar(path)


type Passed = Callable[[float], None]
"""Is told again and again which part of the work is done, from 0 to 1."""


def silent(_: float) -> None:
    """Take no notice of how far the work is."""


def read_files[T](
    source: Path, wanted: Wanted, read: Read[T], passed: Passed = silent
) -> dict[str, T | None]:
    """The result of `read` by each file's path, ascending; None where a file cannot be read.

    Of two entries of one name in an archive the later one counts, as when it is unpacked. Links in
    a tar archive are followed.

    Args:
        source: A folder, a tar archive (compressed or not), or a zip archive.
        wanted: Whether to read a file of this path.
        read: Called with the path and the content of a file.
        passed: Called after each file with the part of the source that is read: of the bytes of a
            tar archive, whose files nobody has counted, of the files elsewhere.

    Raises:
        DataError: The source is none of these or is damaged, or a file is too large.
    """
    if source.is_dir():
        return _from_folder(source, wanted, read, passed)
    is_tar = _is_tar(source) or _starts(source, *_COMPRESSED) or not zipfile.is_zipfile(source)
    try:
        contents = (_from_tar if is_tar else _from_zip)(source, wanted, read, passed)
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(
            "a folder, or a whole tar or zip archive",
            f"{source} ({reason(error).rstrip(':')})",
            "check the path, or fetch the archive again"
            if is_archive(source)
            else "name a folder of images, or an archive of them",
        ) from error
    # As PurePosixPath sorts, of which half a million take a GB: by folders first.
    return dict(sorted(contents.items(), key=lambda item: item[0].split("/")))


def _starts(path: Path, *marks: bytes) -> bool:
    """Whether a file begins with one of these marks."""
    with path.open("rb") as file:
        return file.read(8).startswith(marks)


def _is_tar(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(_TAR_AT)
        return file.read(len(_TAR)) == _TAR


def _from_folder[T](
    source: Path, wanted: Wanted, read: Read[T], passed: Passed
) -> dict[str, T | None]:
    paths = {PurePosixPath(path.relative_to(source)): path for path in _below(source)}
    contents: dict[str, T | None] = {}
    chosen = sorted(filter(wanted, paths))
    for number, path in enumerate(chosen, 1):
        try:
            content = _content_of(paths[path], path)
        except OSError:
            content = None
        contents[str(path)] = None if content is None else read(path, content)
        passed(number / len(chosen))
    return contents


def _content_of(file: Path, path: PurePosixPath) -> bytes | None:
    """The content of a regular file; None for anything else."""
    if not file.is_file():  # a pipe, a device, a link to nothing
        return None
    _check_size(path, file.stat().st_size)
    return file.read_bytes()


def _below(folder: Path, *, through_links: bool = True) -> Iterator[Path]:
    """Everything below a folder that is not a folder; links to folders are followed once."""
    for top, _, names in folder.walk(on_error=_refuse_folder):
        for path in (top / name for name in names):
            if not path.is_dir():
                yield path
            # No links inside a linked folder, nor to a folder above the link: it would not end.
            elif through_links and not top.resolve().is_relative_to(path.resolve()):
                yield from _below(path, through_links=False)


def _refuse_folder(error: OSError) -> None:
    raise DataError(
        "folders that can be read", f"{error.filename} ({error.strerror})", "allow it, or move it"
    ) from error


def _from_tar[T](
    source: Path, wanted: Wanted, read: Read[T], passed: Passed
) -> dict[str, T | None]:
    contents: dict[str, T | None] = {}
    links: dict[str, str] = {}
    size = source.stat().st_size
    with source.open("rb") as file, tarfile.open(fileobj=file) as archive:
        for entry in archive:
            # It would keep each entry, of a kilobyte.
            archive.members.clear()  # type: ignore[attr-defined]
            path = _inside(entry.name, source)
            if entry.isdir() or not wanted(path):
                continue
            links.pop(str(path), None)
            contents[str(path)] = None
            if entry.isfile():
                _check_size(path, entry.size)
                content = archive.extractfile(entry)
                contents[str(path)] = read(path, content.read() if content else b"")
                passed(file.tell() / size)
            elif entry.islnk() or entry.issym():
                # Hard links name a path from the top of the archive, soft links from their folder.
                start = "" if entry.islnk() else path.parent
                linked = posixpath.normpath(start / PurePosixPath(entry.linkname))
                links[str(path)] = str(PurePosixPath(linked))
        _check_end(archive)
    return contents | {path: contents.get(_end_of(path, links)) for path in links}


def _end_of(path: str, links: dict[str, str]) -> str:
    """The path at which a chain of links ends; links in a circle end at one of themselves."""
    passed = set()
    while path in links and path not in passed:
        passed.add(path)
        path = links[path]
    return path


def _check_end(archive: tarfile.TarFile) -> None:
    """Refuse an archive that does not end as archives do.

    tarfile takes a damaged header for the end, and does not read the checksum at the end of a
    compressed stream.
    """
    stream = archive.fileobj
    assert stream is not None
    stream.seek(archive.offset)
    if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("it is cut or damaged")
    while stream.read(1 << 20):
        pass


def _from_zip[T](
    source: Path, wanted: Wanted, read: Read[T], passed: Passed
) -> dict[str, T | None]:
    contents: dict[str, T | None] = {}
    with zipfile.ZipFile(source) as archive:
        entries = {_inside(entry.filename, source): entry for entry in archive.infolist()}
        for number, (path, entry) in enumerate(sorted(entries.items()), 1):
            if wanted(path) and not entry.is_dir():
                _check_size(path, entry.file_size)
                contents[str(path)] = read(path, archive.read(entry))
                passed(number / len(entries))
    return contents


def _inside(name: str, source: Path) -> PurePosixPath:
    """The path of an entry; raises an error where it leads out of the archive."""
    path = PurePosixPath(name)
    if ".." in path.parts:
        raise DataError(
            "an archive whose files lie inside it",
            f"{source} with {name!r}",
            "pack the class folders themselves, such as with tar -c A B",
        )
    return path


def _check_size(path: PurePosixPath, size: int) -> None:
    if size > LARGEST:
        raise DataError(
            f"image files of at most {LARGEST / 1e6:.0f} MB",
            f"{str(path)!r} of {size / 1e6:,.0f} MB",
            "leave it out",
        )
