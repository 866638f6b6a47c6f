"""Which file each row of a table means: tables name files with, without and with other folders."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from jaxcovid.data.listing import SUFFIXES
from jaxcovid.data.patient_rows import parts_of

_Key = tuple[str, ...]
_End = tuple[str, _Key]  # a path as text and as names


class Match(NamedTuple):
    """The files of each row, mostly one, and what to tell of that.

    `problems` are rows that several files or folders may be meant by, `unlisted` files in no row.
    """

    files: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    unlisted: tuple[str, ...]


class _Folders(NamedTuple):
    """The files below each folder, and the folders by their names."""

    files: dict[str, list[str]]
    by_name: dict[str, list[_End]]


def files_of_rows(names: Sequence[str], files: Sequence[str]) -> Match:
    """The files that each name means.

    That is the one whose path ends alike, from the name on, longest; else all below the folder
    whose path does. `files` are paths with slashes. Suffixes may be missing in names, and capitals
    differ.
    """
    # Most tables name all files as they are: then nothing else need be known of them.
    whole = {*files}
    index = {} if whole.issuperset(names) else _indexed(files)
    folders: _Folders | None = None
    known: dict[str, tuple[str, ...]] = {}
    ambiguous: dict[str, Sequence[str]] = {}
    other_case, in_folders = [], []
    for name in dict.fromkeys(names):
        if name in whole:
            known[name] = (name,)
            continue
        paths = _candidates(name, index)
        if len(paths) == 1:
            known[name] = (paths[0],)
            if not _same_case(name, paths[0]):
                other_case.append(f"{name} = {paths[0]}")
            continue
        if not paths:
            folders = _folders(files) if folders is None else folders
            paths = _candidates(name, folders.by_name)
            if len(paths) == 1:
                known[name] = tuple(folders.files[paths[0]])
                in_folders.append(name)
        if len(paths) > 1:
            ambiguous[name] = paths
    found = tuple(known.get(name, ()) for name in names)
    listed = {path for of_row in found for path in of_row}
    absent = [name for name in names if name not in known and name not in ambiguous]
    problems = (
        f"`data`: {name} may be {paths[0]} or {paths[1]}; give "
        "its path below `images`, or a folder of one of them as `images`"
        for name, paths in list(ambiguous.items())[:5]
    )
    return Match(
        found,
        tuple(_notes(absent, other_case, in_folders)),
        tuple(problems),
        tuple(path for path in files if path not in listed),
    )


def unlisted_note(unlisted: Sequence[str]) -> list[str]:
    """What to tell of files in no row of any table."""
    if not unlisted:
        return []
    return [f"{len(unlisted)} image(s) in no row, so left out ({examples(unlisted)})"]


def _indexed(files: Sequence[str]) -> dict[str, list[_End]]:
    """Files by their names, with and without suffix, as they are and in lower case."""
    index: dict[str, list[_End]] = {}
    for path in files:
        parts = parts_of(path)
        keys = {parts[-1], _without_suffix(parts[-1])}
        for key in keys | {key.lower() for key in keys}:
            index.setdefault(key, []).append((path, parts))
    return index


def _folders(files: Sequence[str]) -> _Folders:
    below: dict[str, list[str]] = {}
    for path in files:
        parts = path.split("/")
        for length in range(1, len(parts)):
            below.setdefault("/".join(parts[:length]), []).append(path)
    index: dict[str, list[_End]] = {}
    for folder in below:
        parts = parts_of(folder)
        for key in {parts[-1], parts[-1].lower()}:
            index.setdefault(key, []).append((folder, parts))
    return _Folders(below, index)


def _candidates(name: str, index: Mapping[str, Sequence[_End]]) -> list[str]:
    parts = parts_of(name)
    if not parts:
        return []
    last = parts[-1]
    for key in (last, last.lower()):
        if of_key := index.get(key):
            lengths = [_common_end(parts, of_file) for _, of_file in of_key]
            best = max(lengths)
            return list(
                dict.fromkeys(
                    path
                    for (path, _), length in zip(of_key, lengths, strict=True)
                    if length == best
                )
            )
    return []


def _common_end(parts: _Key, of_file: _Key) -> int:
    """How many folders before the names are equal, from the last on."""
    length = 0
    for one, other in zip(parts[-2::-1], of_file[-2::-1], strict=False):
        if one.lower() != other.lower():
            break
        length += 1
    return length


def _without_suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if stem and f"{dot}{suffix}".lower() in SUFFIXES else name


def _same_case(name: str, path: str) -> bool:
    last, of_file = parts_of(name)[-1], parts_of(path)[-1]
    return last in (of_file, _without_suffix(of_file))


def _notes(
    absent: Sequence[str],
    other_case: Sequence[str],
    in_folders: Sequence[str],
) -> Iterator[str]:
    if in_folders:
        yield f"{len(in_folders)} name(s) are of folders: all in them ({examples(in_folders)})"
    if absent:
        yield f"{len(absent)} row(s) left out: there is no image of that name ({examples(absent)})"
    if other_case:
        yield f"{len(other_case)} name(s) differ in capitals ({examples(other_case)})"


def examples(names: Sequence[str]) -> str:
    """The first three of the names, with dots for others; none twice."""
    return ", ".join(list(Counter(names))[:3]) + (", ..." if len(set(names)) > 3 else "")
