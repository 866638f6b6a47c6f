"""Data without the splits that training needs: their images divided, whole patients together."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from jaxcovid.data.dataset import Member
from jaxcovid.data.finding_codes import present
from jaxcovid.data.layout import Layout, Listed, names_of
from jaxcovid.data.split_folders import SPLITS, WHOLE
from jaxcovid.data.splits import SHARES, drawn_splits
from jaxcovid.data.uncollected import uncollected
from jaxcovid.errors import InputError


class Division(NamedTuple):
    """What is wanted of splits: percents in the order of SPLITS, none for the usual ones.

    `again` asks for a draw although the data have splits; `pooled` leaves that to folds.
    """

    shares: tuple[float, ...] = ()
    again: bool = False
    seed: int = 0
    pooled: bool = False


# What is given stays; what is missing is drawn as usual.
AS_GIVEN = Division()


class Divided(NamedTuple):
    """A layout with new splits, its images with these, a sentence on how, and warnings."""

    layout: Layout
    members: tuple[Member, ...]
    note: str
    warnings: tuple[str, ...]


def shares_to_draw(wanted: Division, layout: Layout) -> dict[str, float]:
    """The splits to draw and their shares; empty if there are enough.

    Images without any split, training images alone, or on request all become all splits; where a
    test split is there, training images become training and validation images. Raises InputError if
    shares are asked for in vain, or if there are no training images.
    """
    given = [name for name in (*SPLITS, WHOLE) if any(f.split == name for f in layout.files)]
    shares = dict(zip(SPLITS, wanted.shares or SHARES.values(), strict=False))
    if wanted.again or given in ([WHOLE], ["train"]):
        return shares
    if "train" not in given:
        raise InputError([f"`data`: it has no training images, only {', '.join(given)}"])
    if "validation" not in given:
        return {name: share for name, share in shares.items() if name != "test"}
    if wanted.shares:
        raise InputError(
            [
                f"`split`: the data have the splits {', '.join(given)}; leave it out to use them, "
                "or add `resplit` to draw others"
            ]
        )
    return {}


@uncollected()
def divided(listed: Listed, shares: Mapping[str, float], seed: int) -> Divided:
    """The layout with its labelled images in new splits, drawn by patient.

    A test split that is not in `shares` stays as it is, and so do images without a class. Raises
    InputError if a class, or a finding, has too few patients.
    """
    layout, rows, findings = listed.layout, listed.rows or {}, listed.findings
    paths = names_of(layout, listed.folder)
    patients = [rows[path].patient if path in rows else "" for path in paths]
    chosen = [
        place
        for place, file in enumerate(layout.files)
        if file.label is not None and (file.split != "test" or "test" in shares)
    ]
    labels = [str(layout.files[place].label) for place in chosen]
    drawn = drawn_splits(
        [present(label) if findings else frozenset((label,)) for label in labels],
        # An image of no known patient is one of its own; no file's name holds the character.
        [patients[place] or f"\0{paths[place]}" for place in chosen],
        shares,
        seed,
        kind := "finding" if findings else "class",
    )
    split_of = dict(zip(chosen, drawn, strict=True))
    files = [
        file._replace(split=split_of.get(place, file.split))
        for place, file in enumerate(layout.files)
    ]
    order = sorted(range(len(files)), key=lambda place: list(SPLITS).index(files[place].split))
    members = tuple(
        Member(paths[place], files[place].label or "", patients[place], files[place].split)
        for place in order
    )
    of_drawn = [member for member in members if member.split in shares and member.label]
    return Divided(
        layout._replace(files=tuple(files[place] for place in order)),
        members,
        _note(shares, of_drawn, kind),
        tuple(_warnings(of_drawn, is_one_class=not findings)),
    )


def _note(shares: Mapping[str, float], drawn: Sequence[Member], kind: str) -> str:
    asked = " ".join(f"{share:g}" for share in shares.values())
    patients = len({member.patient for member in drawn if member.patient})
    unknown = sum(not member.patient for member in drawn)
    of_whom = f"{patients} patients' images together" if patients else "no patient is known"
    if patients and unknown:
        of_whom += f", {unknown} images of no known patient one by one"
    return (
        f"Splits were drawn from {len(drawn)} images: {', '.join(shares)} as {asked}, each {kind} "
        f"in proportion, {of_whom}; split.csv says which is where"
    )


def _warnings(drawn: Sequence[Member], is_one_class: bool) -> Iterator[str]:
    classes: dict[str, set[str]] = {}
    for member in drawn:
        if member.patient:
            classes.setdefault(member.patient, set()).add(member.label)
    mixed = sorted(patient for patient, names in classes.items() if len(names) > 1)
    if mixed and is_one_class:
        count = "1 patient has" if len(mixed) == 1 else f"{len(mixed)} patients have"
        yield f"{count} images of several classes, such as {mixed[0]}"
    if not classes:
        yield (
            "splits were drawn image by image, as it is not known which images are of one patient "
            "(`patients`): if several are, they may be in several splits, and figures are partly "
            "memory"
        )
