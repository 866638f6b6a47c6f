"""Several findings in one image: each combination of them is a class, and this is what it means."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

# Between the findings of a combination, and behind one of which it is not known.
BETWEEN, UNKNOWN = "|", "?"

# The combination of images in which nothing was found.
NOTHING = "no finding"

# What says that nothing was found, as public sets have it.
_NO_FINDING = re.compile(r"no[ _-]?findings?|normal|none|nothing", re.IGNORECASE)


def finding_codes(
    combinations: Sequence[str], findings: Sequence[str]
) -> Float[np.ndarray, "combination finding"]:
    """What each combination says of each finding: 1 it is there, 0 it is not, NaN it is unknown."""
    codes = np.zeros((len(combinations), len(findings)), np.float32)
    columns = {name: column for column, name in enumerate(findings)}
    for row, combination in zip(codes, combinations, strict=True):
        for part in combination.split(BETWEEN):
            if part in columns:
                row[columns[part]] = 1
            elif part.removesuffix(UNKNOWN) in columns:
                row[columns[part.removesuffix(UNKNOWN)]] = np.nan
    return codes


def combination_of(states: Mapping[str, float]) -> str:
    """The combination of images with these findings, by name: as in `finding_codes`.

    Such as "edema|effusion|mass?": first those that are there, each kind in the order of names.
    """
    there = [name for name in sorted(states) if states[name] == 1]
    unknown = [name + UNKNOWN for name in sorted(states) if np.isnan(states[name])]
    return BETWEEN.join([*there, *unknown]) or NOTHING


def is_no_finding(name: str) -> bool:
    """Whether a value or column says that nothing was found."""
    return _NO_FINDING.fullmatch(name) is not None


def findings_among(names: Iterable[str]) -> tuple[str, ...]:
    """The values or columns that name a finding, in their order."""
    return tuple(name for name in names if not is_no_finding(name))


def present(combination: str) -> frozenset[str]:
    """The findings that are there for certain."""
    parts = combination.split(BETWEEN)
    return frozenset(part for part in parts if part != NOTHING and not part.endswith(UNKNOWN))


def scarce_findings(
    data: object, classes: Sequence[str], labels: Int[np.ndarray, "n"], findings: Sequence[str]
) -> list[str]:
    """What training images of these combinations lack: one with each finding, and one without."""
    codes = finding_codes(classes, findings)[labels]
    return [
        f"{data}: no train image {kind} {name!r}; {remedy}"
        for value, kind, remedy in (
            (1, "with", "add some, or leave it out (`columns`, `labels`)"),
            (0, "known to be without", "write 0, or name a column such as No Finding with others"),
        )
        for name, has in zip(findings, (codes == value).any(0), strict=True)
        if not has
    ]
