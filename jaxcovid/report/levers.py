"""Which settings may help against what an audit found, and what came of a trial of them.

The trial, six settings with three seeds each, is in docs/results/README.md, "Levers against
shortcuts": update these sentences with its table.
"""

from collections.abc import Mapping
from typing import Any

from jaxcovid.report import words
from jaxcovid.report.checks import Check, Checks, floor_area

FURTHER_SOURCES = (
    "What may help: images of one more source, of every class if they can be had, and grey values "
    "and shapes that tell less (`--data HERE THERE --sampling balanced-by-source --fit squash "
    "--intensity equalise`). In a trial, with children's X-rays of two of three classes, macro "
    "AUROC on a third source was then 0.640 instead of 0.586 (difference +0.054, -0.002 to 0.114), "
    "which is no clear gain, and far below the figure on patients of the same sources. Squares or "
    "gentle augmentation alone did not help."
)
EQUAL_GREYS = (
    "What may help: grey values that are equally common in every image (`--intensity equalise`). "
    "In a trial it cost 0.05 of macro AUROC on patients of the same sources, and whether it helps "
    "on another was not clear."
)


def advice(check: str, checks: Checks, record: Mapping[str, Any]) -> list[str]:
    """What to try against what this check found; nothing where the network was trained so.

    `checks` are all of an audit; `record` is what config.json holds of the run or the evaluation.
    """
    trained = record.get("run") or record
    failed = {name for name, result in checks.items() if result["passed"] is False}
    if check not in failed or trained.get("dataset", {}).get("several_findings"):
        return []  # of several findings images are drawn as they are
    # Once, below the finding that says most of where images come from.
    first = next((name for name in ("sources", "blind_floor") if name in failed), None)
    sentences = []
    if check == first and trained.get("sampling") != "balanced-by-source":
        sentences.append(FURTHER_SOURCES)
    by_brightness = check == "blind_floor" and _tells(checks[check], "brightness")
    if by_brightness and not sentences and trained.get("intensity") != "equalise":
        sentences.append(EQUAL_GREYS)
    return sentences


def _tells(floors: Check, floor: str) -> bool:
    """Whether the classes are told above chance by that alone."""
    area = floor_area(floors, floor)
    ends = None if area is None else words.ends(area)
    return ends is not None and ends[0] > 0.5
