"""How good a network is on the images of each source, view, sex, age and the like."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxcovid.audits.blind_floor import figure
from jaxcovid.data.patients import FURTHER
from jaxcovid.statistics.metrics import measure

FIGURES = ("accuracy", "balanced_accuracy", "auroc")
# Years at which groups of age begin.
AGES = (0, 18, 40, 60, 80)
# Smaller groups are told of, and not judged.
FEWEST_PATIENTS = 10


def subgroups(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    groups: Int[np.ndarray, "n"] | None,
    columns: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """The check for groups on which the network is clearly worse, as audit.json holds it.

    `columns` say of every image what group it is of, by what; empty where unknown. A group fails if
    it has `FEWEST_PATIENTS` or more and the interval of a figure lies below that of all others.
    """
    owners = np.arange(len(labels)) if groups is None else groups
    table: dict[str, dict[str, Any]] = {}
    worse = []
    for column in FURTHER:
        if column == "mask" or column not in columns:
            continue
        values = np.array([_group(column, value) for value in columns[column]])
        of_column = table[column] = {}
        for value in sorted(set(values.tolist())):
            members = values == value
            row = of_column[value or "unknown"] = _figures(
                labels, probabilities, classes, owners, members
            )
            if value and row["patients"] >= FEWEST_PATIENTS and not members.all():
                others = _figures(labels, probabilities, classes, owners, ~members)
                worse += [
                    {"by": column, "group": value, "figure": name,
                     "here": row[name], "others": others[name]}
                    for name in FIGURES
                    if _is_below(row[name], others[name])
                ]  # fmt: skip
    if not table:
        return {
            "passed": None,
            "reason": "nothing is known of the images; give columns source, view, sex, age in the "
            "patients' file or the table",
            "found": [],
            "table": {},
        }
    return {"passed": not worse, "found": worse, "table": table}


def _figures(
    labels: Int[np.ndarray, "n"],
    probabilities: Float[np.ndarray, "n class"],
    classes: Sequence[str],
    owners: Int[np.ndarray, "n"],
    members: Any,
) -> dict[str, Any]:
    metrics = measure(labels[members], probabilities[members], classes, groups=owners[members])
    return {
        "images": int(members.sum()),
        "patients": len(np.unique(owners[members])),
        **{name: figure(name, metrics) for name in FIGURES},
    }


def _group(column: str, value: str) -> str:
    """The group that a value puts an image in; ages go by ranges of years."""
    if column != "age" or not value:
        return value
    try:
        years = float(value.rstrip("Yy"))
    except ValueError:
        return value
    start = max((age for age in AGES if age <= years), default=0)
    end = next((age - 1 for age in AGES if age > start), None)
    return f"{start:02d} to {end}" if end is not None else f"{start} and older"


def _is_below(one: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    return one["high"] is not None and others["low"] is not None and one["high"] < others["low"]
