"""Several folders and tables as one set of images, each a source of its own."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from jaxcovid.data import class_names
from jaxcovid.data.dataset import Row
from jaxcovid.data.finding_codes import combination_of, finding_codes, findings_among
from jaxcovid.data.layout import Layout, Listed, names_of
from jaxcovid.data.split_folders import SPLITS, WHOLE, split_named
from jaxcovid.errors import check


def listed_together(
    data: Sequence[Path],
    sources: Sequence[str],
    read: Callable[[Path, Sequence[str]], Listed],
    again: bool = False,
) -> Listed:
    """The images of all data, named below the name of the folder or table that they are from.

    `sources` are the names of these, else those of the folders. A patient is one of a source: the
    same name elsewhere is another. `read` also takes the findings that a table is to be read with,
    or none to tell them by its rows. `again` says that splits do not count; else a folder or table
    without splits of its own that is called train or valid, say, is that split. Raises InputError
    with all that is wrong.
    """
    check(list(_misnamed(data, sources)))
    listings = _read(data, read)
    if len(data) > 1 and not again:
        listings = [_of_its_split(*pair) for pair in zip(data, listings, strict=True)]
    findings = tuple(dict.fromkeys(name for listed in listings for name in listed.findings))
    check(
        [
            *_of_two_kinds(data, listings),
            *([] if findings else _alike(listings)),
            *([] if again else _without_splits(data, listings)),
        ]
    )
    listings = [_with_unknown(listed, findings) for listed in listings]
    prefixes = [f"{name}/" for name in _apart([_name(path) for path in data])]
    folder, told_of = Path("+".join(prefix[:-1] for prefix in prefixes)), prefixes
    if _share_a_folder(listings):
        folder, prefixes = listings[0].folder, [""] * len(data)
    names = sources or _sources(data)
    unlisted = _unlisted(listings, prefixes)
    files, rows, notes, warnings, ignored = [], {}, [], [], []
    for listed, source, prefix, of in zip(listings, names, prefixes, told_of, strict=True):
        layout, known = listed.layout, listed.rows or {}
        for file, name in zip(layout.files, names_of(layout, listed.folder), strict=True):
            files.append(file._replace(name=prefix + name))
            rows[prefix + name] = _of_source(known.get(name), source, apart=len({*names}) > 1)
        said = f"{of[:-1]}: " if len(data) > 1 else ""
        notes += [said + note for note in listed.notes]
        warnings += [said + warning for warning in layout.warnings]
        ignored += [prefix + path for path in layout.ignored]
    order = [*SPLITS, WHOLE]
    files.sort(key=lambda file: (order.index(file.split), file.label or ""))
    counts = Counter(rows[file.name].further["source"] for file in files)
    told = ", ".join(f"{name} {count} images" for name, count in counts.items())
    return Listed(
        folder,
        Layout(
            tuple(sorted({file.label for file in files if file.label is not None})),
            tuple(files),
            tuple(ignored),
            tuple(warnings),
        ),
        rows,
        (*notes, f"sources: {told}"),
        findings=findings,
        unlisted=unlisted,
    )


def _unlisted(listings: Sequence[Listed], prefixes: Sequence[str]) -> tuple[str, ...]:
    """Images in no row of any table: of tables on one folder, those that all of them lack."""
    unlisted: dict[Path, tuple[str, set[str]]] = {}
    for listed, prefix in zip(listings, prefixes, strict=True):
        first, names = unlisted.get(listed.folder, (prefix, {*listed.unlisted}))
        unlisted[listed.folder] = first, names & {*listed.unlisted}
    return tuple(sorted(prefix + name for prefix, names in unlisted.values() for name in names))


def _read(data: Sequence[Path], read: Callable[[Path, Sequence[str]], Listed]) -> list[Listed]:
    """What lies in each; a table of one finding in each row, beside others of several, is such."""
    listings = [read(path, ()) for path in data]
    if not any(listed.findings for listed in listings):
        return listings
    return [
        listed if listed.findings else read(path, findings_among(listed.layout.classes))
        for path, listed in zip(data, listings, strict=True)
    ]


def _with_unknown(listed: Listed, findings: Sequence[str]) -> Listed:
    """A listing in which findings that it does not speak of are unknown."""
    if missing := {name: math.nan for name in findings if name not in listed.findings}:
        layout, names = listed.layout, listed.findings
        codes = finding_codes(layout.classes, names)
        label = {
            name: combination_of(missing | dict(zip(names, map(float, row), strict=True)))
            for name, row in zip(layout.classes, codes, strict=True)
        }
        files = tuple(
            file if file.label is None else file._replace(label=label[file.label])
            for file in layout.files
        )
        return listed._replace(layout=layout._replace(files=files))
    return listed


def _share_a_folder(listings: Sequence[Listed]) -> bool:
    """Whether their files lie below one folder and are not the same, so that paths tell them."""
    paths = Counter(file.path for listed in listings for file in listed.layout.files)
    return len({listed.folder for listed in listings}) == 1 and max(paths.values(), default=1) == 1


def _of_its_split(path: Path, listed: Listed) -> Listed:
    """What a folder or table of no splits holds, of the split that it is named as."""
    split = _split_of(path)
    if split is None or {file.split for file in listed.layout.files} != {WHOLE}:
        return listed
    files = tuple(file._replace(split=split) for file in listed.layout.files)
    note = f"its images are the split {split}, by its name"
    layout = listed.layout._replace(files=files)
    return listed._replace(layout=layout, notes=(*listed.notes, note))


def _sources(data: Sequence[Path]) -> list[str]:
    """What folders and tables are called; of those that are called as splits, the folder around.

    Only those of one place are one source: of others that are called alike the names are numbered.
    """
    places = [path.resolve() if _split_of(path) is None else path.resolve().parent for path in data]
    different = [*dict.fromkeys(places)]
    names = dict(zip(different, _apart([_name(place) for place in different]), strict=True))
    return [names[place] for place in places]


def _split_of(path: Path) -> str | None:
    """The split that a folder or table is named as: of a table also by a word, image_labels_train.

    None if it is named as none, or as several.
    """
    words = re.split(r"[^a-z]+", _name(path).lower()) if path.is_file() else [_name(path)]
    splits = {split_named(word) for word in words} - {None}
    return splits.pop() if len(splits) == 1 else None


def _name(path: Path) -> str:
    path = path.absolute()
    return path.stem if path.is_file() else path.name


def _apart(names: Sequence[str]) -> list[str]:
    """The names, numbered where they are equal."""
    counts, numbers = Counter(names), Counter[str]()
    apart = []
    for name in names:
        numbers[name] += 1
        apart.append(f"{name}-{numbers[name]}" if counts[name] > 1 else name)
    return apart


def _of_source(row: Row | None, source: str, apart: bool) -> Row:
    row = Row("") if row is None else row
    own = row.further.get("source", source)
    patient = f"{own}/{row.patient}" if apart and row.patient else row.patient
    return Row(patient, {**row.further, "source": own})


def _misnamed(data: Sequence[Path], sources: Sequence[str]) -> Iterator[str]:
    if sources and len(sources) != len(data):
        yield f"`source`: {len(sources)} name(s) for {len(data)} `data`; give one for each"
    if any(not name.strip() for name in sources):
        yield "`source`: a name is empty; give one for each of the `data`"
    places = [path.resolve() for path in data]
    for number, place in enumerate(places):
        others = places[:number] + places[number + 1 :]
        if place in places[:number] or any(other in place.parents for other in others):
            again = "is given twice, or lies in another of the data; leave it out"
            yield f"`data`: {data[number]} {again}"


def _without_splits(data: Sequence[Path], listings: Sequence[Listed]) -> Iterator[str]:
    whole = [
        str(path)
        for path, listed in zip(data, listings, strict=True)
        if any(file.split == WHOLE for file in listed.layout.files)
    ]
    if 0 < len(whole) < len(data):
        yield (
            f"`data`: {', '.join(whole)}: no splits, though others of the data have some; draw new "
            "ones for all (`resplit`), or name a column of splits"
        )


def _of_two_kinds(data: Sequence[Path], listings: Sequence[Listed]) -> Iterator[str]:
    kinds = {bool(listed.findings): str(path) for path, listed in zip(data, listings, strict=True)}
    if len(kinds) > 1:
        yield (
            f"`data`: images of {kinds[True]} have several findings each, those of {kinds[False]} "
            "one class each; give tables of findings alone, or train with `loss` cross_entropy"
        )


def _alike(listings: Sequence[Listed]) -> Iterator[str]:
    spelled = {name for listed in listings for name in listed.layout.classes}
    for sentence in class_names.look_alikes(spelled):
        yield f"`data`: {sentence}; name them alike, or say which values are a class (`labels`)"
