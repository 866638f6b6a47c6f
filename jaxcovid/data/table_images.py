"""Which file each row of a table means: tables name files with, without and with other folders."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from jaxcovid.data.listing import SUFFIXES
from jaxcovid.data.patient_rows import parts_of

_Key = tuple[str, ...]


class Match(NamedTuple):
    """The file of each row, None where there is none, and what to tell of that.

    `problems` are rows that several files may be meant by.
    """

    files: tuple[str | None, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]


def files_of_rows(names: Sequence[str], files: Sequence[str]) -> Match:
    """The file that each name means: the one whose path ends alike, from the name on, longest.

    `files` are paths with slashes. Suffixes may be missing in names, and capitals differ.
    """
    # Most tables name all files as they are: then nothing else need be known of them.
    whole = {*files}
    index = {} if whole.issuperset(names) else _indexed(files)
    known: dict[str, list[str]] = {}
    found: list[str | None] = []
    other_case, absent = [], []
    ambiguous: dict[str, list[str]] = {}
    for name in names:
        if name not in known:
            known[name] = [name] if name in whole else _candidates(name, index)
        candidates = known[name]
        found.append(candidates[0] if len(candidates) == 1 else None)
        if not candidates:
            absent.append(name)
        elif len(candidates) > 1:
            ambiguous[name] = candidates
        elif candidates[0] != name and not _same_case(name, candidates[0]):
            other_case.append(f"{name} = {candidates[0]}")
    listed = {path for path in found if path is not None}
    left = [path for path in files if path not in listed]
    return Match(tuple(found), tuple(_notes(absent, left, other_case)), tuple(
        f"`data`: {name} may be {paths[0]} or {paths[1]}; give "
        "its path below `images`, or a folder of one of them as `images`"
        for name, paths in list(ambiguous.items())[:5]
    ))  # fmt: skip


def _indexed(files: Sequence[str]) -> dict[str, list[tuple[str, _Key]]]:
    """Files by their names, with and without suffix, as they are and in lower case."""
    index: dict[str, list[tuple[str, _Key]]] = {}
    for path in files:
        parts = parts_of(path)
        keys = {parts[-1], _without_suffix(parts[-1])}
        for key in keys | {key.lower() for key in keys}:
            index.setdefault(key, []).append((path, parts))
    return index


def _candidates(name: str, index: dict[str, list[tuple[str, _Key]]]) -> list[str]:
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


def _notes(absent: Sequence[str], left: Sequence[str], other_case: Sequence[str]) -> Iterator[str]:
    if absent:
        yield f"{len(absent)} row(s) left out: there is no image of that name ({_examples(absent)})"
    if left:
        yield f"{len(left)} image(s) in no row, so left out ({_examples(left)})"
    if other_case:
        yield f"{len(other_case)} name(s) differ in capitals ({_examples(other_case)})"


def _examples(names: Sequence[str]) -> str:
    return ", ".join(list(Counter(names))[:3]) + (", ..." if len(set(names)) > 3 else "")
