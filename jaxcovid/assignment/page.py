"""One page about all reproduced experiments: index.html, and README.md with plots/."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from jaxcovid.assignment import tables as tables
from jaxcovid.assignment.batch_question import ARMS, answer, differences
from jaxcovid.assignment.experiment_results import VARIANTS, Experiment, Run
from jaxcovid.assignment.text import about, cautions, how_to_read, summary
from jaxcovid.report import DISCLAIMER, charts
from jaxcovid.report.pictures import Picture, drawn
from jaxcovid.report.templates import template
from jaxcovid.runs import files
from jaxcovid.statistics.seed_statistics import BySeed

PARTS = {
    1: "Part 1: infected or normal",
    2: "Part 2: covid-19, normal or pneumonia",
}


class Asked(NamedTuple):
    """Where an arm of the question about batch 60 was run."""

    experiment: str
    variant: str


class Reproduction(NamedTuple):
    """All that the page shows. `question` gives arms of `batch_question.ARMS`."""

    experiments: Sequence[Experiment]
    question: Mapping[str, Asked]
    settings: Mapping[str, Any]


def write(folder: Path, reproduction: Reproduction) -> None:
    """plots/, README.md and, last, index.html; each appears whole, over an earlier one."""
    content, pictures = page_content(reproduction)
    (folder / "plots").mkdir(exist_ok=True)
    for name, picture in pictures.items():
        files.write_bytes(folder / "plots" / f"{name}.png", picture.content)
    files.write_bytes(folder / "README.md", markdown(content, pictures).encode())
    files.write_bytes(folder / "index.html", html(content, pictures).encode())


def html(content: Mapping[str, Any], pictures: Mapping[str, Picture]) -> str:
    """One self-contained page."""
    return template("reproduction.html", "jaxcovid.assignment").render(content, pictures=pictures)


def markdown(content: Mapping[str, Any], pictures: Mapping[str, Picture]) -> str:
    """The same, with the pictures as files in plots/."""
    text = template("reproduction.md", "jaxcovid.assignment", _plain_in_markdown).render(
        content, pictures=pictures
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def page_content(reproduction: Reproduction) -> tuple[dict[str, Any], dict[str, Picture]]:
    """What both pages say, and their pictures by name."""
    pictures: dict[str, Picture] = {}
    parts = []
    for part, title in PARTS.items():
        members = [each for each in reproduction.experiments if each.part == part]
        if members:
            curves, cut = _curves(members, f"part{part}")
            pictures |= curves
            matrices = {each.name: _matrices(each) for each in members}
            for each in matrices.values():
                pictures |= each
            parts.append(
                {
                    "id": f"part{part}",
                    "title": title,
                    "tables": [tables.accuracy(members), tables.f1(members)],
                    "curves": _in_pairs(curves),
                    "cut": cut,
                    "experiments": [
                        {
                            "name": each.name,
                            "title": each.title,
                            "source": each.source,
                            "sentences": about(each),
                            "matrices": list(matrices[each.name]),
                        }
                        for each in members
                    ],
                }
            )
    question, shown = _question(reproduction)
    content = {
        "title": "The assignment's experiments, reproduced",
        "disclaimer": DISCLAIMER,
        "summary": summary(reproduction.experiments),
        "how_to_read": how_to_read(),
        "parts": parts,
        "question": question,
        "cautions": cautions(reproduction.experiments),
        "runs": tables.all_runs(reproduction.experiments),
        "settings": tables.settings(reproduction.settings, reproduction.experiments),
    }
    return content, pictures | shown


def _question(reproduction: Reproduction) -> tuple[dict[str, Any], dict[str, Picture]]:
    """The section about batch 60."""
    by_name = {each.name: each for each in reproduction.experiments}
    members: dict[str, list[Run]] = {}
    for arm, asked in reproduction.question.items():
        if asked.experiment in by_name:
            members[arm] = by_name[asked.experiment].runs(asked.variant)
    right: dict[str, BySeed] = {
        arm: {run.seed: run.correct for run in runs} for arm, runs in members.items()
    }
    pictures: dict[str, Picture] = {}
    cut = False
    if runs := {arm: each for arm, each in members.items() if each}:
        groups = {
            # Each arm has a panel of its own: in one, six times two lines would hide each other.
            ARMS[arm]: {"": [run.history for run in each]}
            for arm, each in runs.items()
        }
        pictures, cut = _panels(groups, "question", "step")
    base = members.get("batch_8", [])
    support = [each["support"] for each in base[0].metrics["per_class"].values()] if base else [0]
    always = max(support) / max(sum(support), 1)
    return {
        "sentences": answer(differences(right, always)),
        "table": tables.question(members, right),
        "curves": _in_pairs(pictures),
        "cut": cut,
    }, pictures


Histories = Mapping[str, Sequence[Sequence[Mapping[str, float]]]]


def _curves(members: Sequence[Experiment], prefix: str) -> tuple[dict[str, Picture], bool]:
    """Those of the question have panels of their own, by updates: as many need more epochs."""
    groups: dict[str, Histories] = {}
    for each in members:
        # Also what has no runs, so that a colour always means the same.
        found = {
            words: [run.history for run in each.runs(variant)]
            for variant, words in VARIANTS.items()
        }
        if any(found.values()) and each.source != "question":
            groups[each.name] = found
    return _panels(groups, prefix, "epoch")


def _panels(
    groups: Mapping[str, Histories], prefix: str, column: str
) -> tuple[dict[str, Picture], bool]:
    """A panel of loss and one of accuracy for each, all on one scale; whether losses leave it."""
    histories = [run for each in groups.values() for runs in each.values() for run in runs if run]
    if not histories:
        return {}, False
    end = max(run[-1][column] for run in histories)
    losses = sorted(
        max(row[f"{split}_loss"] for row in run for split in ("train", "validation"))
        for run in histories
    )
    # One run that goes astray must not press all others onto the axis.
    highest = 1.05 * min(losses[-1], 3 * losses[len(losses) // 2])
    pictures = {}
    for number, (title, shown) in enumerate(groups.items()):
        for name, limit in (("loss", highest), ("accuracy", 1.02)):
            figure = charts.repeated_curves(shown, name, title, (column, end), limit)
            alt = f"{name} of {title}: {_course(shown, name)}"
            pictures[f"{prefix}-{number + 1}-{name}"] = drawn(figure, alt)
    return pictures, losses[-1] > highest


def _course(groups: Histories, name: str) -> str:
    """The curves in words: where the first seed begins and ends."""
    said = []
    for group, histories in groups.items():
        if not histories:
            continue
        first, last = histories[0][0], histories[0][-1]
        key = f"validation_{name}"
        ends = f"on validation from {first[key]:.3f} to {last[key]:.3f}"
        said.append(f"{group}, {ends}" if group else ends)
    return "; ".join(said)


def _matrices(experiment: Experiment) -> dict[str, Picture]:
    """As reported, as written and corrected; the latter two summed over seeds."""
    found: dict[str, tuple[Sequence[Sequence[int]], Sequence[str], str]] = {}
    if experiment.reported is not None and experiment.reported.confusion is not None:
        found["reported"] = (
            experiment.reported.confusion, experiment.reported.classes, "reported",
        )  # fmt: skip
    for variant, words in VARIANTS.items():
        if runs := experiment.runs(variant):
            every = "1 seed" if len(runs) == 1 else f"{len(runs)} seeds together"
            found[variant] = (tables.summed(runs), runs[0].classes, f"{words} ({every})")
    pictures = {}
    for which, (matrix, classes, title) in found.items():
        counts = "; ".join(
            f"of {sum(row)} {label}, {row[index]} right"
            for index, (label, row) in enumerate(zip(classes, matrix, strict=True))
        )
        alt = f"Confusion matrix of {experiment.name}, {title}: {counts}"
        name = f"confusion-{experiment.name}-{which}"
        pictures[name] = drawn(charts.confusion(matrix, classes, title), alt)
    return pictures


def _in_pairs(pictures: Mapping[str, Picture]) -> list[list[str]]:
    """Names of loss and accuracy beside each other."""
    names = list(pictures)
    return [names[start : start + 2] for start in range(0, len(names), 2)]


def _plain_in_markdown(value: Any) -> Any:
    """Text that means nothing to Markdown, neither in a paragraph nor in a table's cell."""
    if hasattr(value, "__html__"):  # what a macro has written
        return value
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    return Markup(re.sub(r"([\\`*_{}\[\]|#~!$>])", r"\\\1", text))
