"""One page about all reproduced experiments: index.html, and README.md with plots/."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from jaxcovid.assignment import tables
from jaxcovid.assignment.batch_question import ARMS, answer, arm_differences
from jaxcovid.assignment.finished_runs import VARIANTS, Experiment
from jaxcovid.assignment.text import about, cautions, how_to_read, summary
from jaxcovid.report import DISCLAIMER, charts
from jaxcovid.report.pictures import Picture, chart_picture
from jaxcovid.report.templates import template
from jaxcovid.runs import files
from jaxcovid.statistics.seed_statistics import BySeed

PARTS = {
    1: "Part 1: infected or normal",
    2: "Part 2: covid-19, normal or pneumonia",
}


class Arm(NamedTuple):
    """Where an arm of the question about batch 60 was run."""

    experiment: str
    variant: str


class Reproduction(NamedTuple):
    """All that the page shows. `question` gives arms of `batch_question.ARMS`."""

    experiments: Sequence[Experiment]
    question: Mapping[str, Arm]
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
    """The content as Markdown, with the pictures as files in plots/."""
    text = template("reproduction.md", "jaxcovid.assignment", _plain_in_markdown).render(
        content, pictures=pictures
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def page_content(reproduction: Reproduction) -> tuple[dict[str, Any], dict[str, Picture]]:
    """What both pages say, and their pictures by name."""
    pictures: dict[str, Picture] = {}
    parts = []
    for part, title in PARTS.items():
        members = [member for member in reproduction.experiments if member.preset.part == part]
        if members:
            section, section_pictures = _part(part, title, members)
            parts.append(section)
            pictures |= section_pictures
    question, question_pictures = _question(reproduction)
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
    return content, pictures | question_pictures


def _part(
    part: int, title: str, members: Sequence[Experiment]
) -> tuple[dict[str, Any], dict[str, Picture]]:
    """The section about a part of the assignment, with its pictures."""
    curves, are_cut = _curves(members, f"part{part}")
    matrices = {experiment.name: _matrices(experiment) for experiment in members}
    section = {
        "id": f"part{part}",
        "title": title,
        "tables": [
            tables.accuracy(members),
            tables.balanced_accuracy(members),
            tables.auroc(members),
            tables.f1(members),
        ],
        "curves": _in_pairs(curves),
        "cut": are_cut,
        "experiments": [
            {
                "name": experiment.name,
                "title": experiment.preset.title,
                "source": experiment.preset.source,
                "sentences": about(experiment),
                "matrices": list(matrices[experiment.name]),
            }
            for experiment in members
        ],
    }
    pictures = dict(curves)
    for pictures_of_experiment in matrices.values():
        pictures |= pictures_of_experiment
    return section, pictures


def _question(reproduction: Reproduction) -> tuple[dict[str, Any] | None, dict[str, Picture]]:
    """The section about batch 60, with its pictures; None if nothing was run for it."""
    if not any(experiment.preset.source == "question" for experiment in reproduction.experiments):
        return None, {}
    by_name = {experiment.name: experiment for experiment in reproduction.experiments}
    runs_by_arm = {
        name: by_name[arm.experiment].runs(arm.variant)
        for name, arm in reproduction.question.items()
        if arm.experiment in by_name
    }
    right: dict[str, BySeed] = {
        arm: {run.seed: run.correct for run in runs} for arm, runs in runs_by_arm.items()
    }
    # Each arm has a panel of its own: in one, six times two lines would hide each other.
    groups = {
        ARMS[arm]: {"": [run.history for run in runs]} for arm, runs in runs_by_arm.items() if runs
    }
    pictures, are_cut = _panels(groups, "question", "step")
    base = runs_by_arm.get("batch_8", [])
    support = [row["support"] for row in base[0].metrics["per_class"].values()] if base else [0]
    most_frequent = max(support) / max(sum(support), 1)
    return {
        "sentences": answer(arm_differences(right, most_frequent)),
        "table": tables.question(runs_by_arm, right),
        "curves": _in_pairs(pictures),
        "cut": are_cut,
    }, pictures


Histories = Mapping[str, Sequence[Sequence[Mapping[str, float]]]]


def _curves(members: Sequence[Experiment], prefix: str) -> tuple[dict[str, Picture], bool]:
    """Curves of all experiments, by epoch; those of the question have panels of their own."""
    groups: dict[str, Histories] = {}
    for experiment in members:
        # Also what has no runs, so that a colour always means the same.
        histories = {
            words: [run.history for run in experiment.runs(variant)]
            for variant, words in VARIANTS.items()
        }
        if any(histories.values()) and experiment.preset.source != "question":
            groups[experiment.name] = histories
    return _panels(groups, prefix, "epoch")


def _panels(
    groups: Mapping[str, Histories], prefix: str, column: str
) -> tuple[dict[str, Picture], bool]:
    """A panel of loss and one of accuracy for each, all on one scale; whether losses leave it."""
    histories = [run for group in groups.values() for runs in group.values() for run in runs if run]
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
    for number, (title, group) in enumerate(groups.items()):
        for name, limit in (("loss", highest), ("accuracy", 1.02)):
            figure = charts.repeated_curves(group, name, title, (column, end), limit)
            alt = f"{name} of {title}: {_course(group, name)}"
            pictures[f"{prefix}-{number + 1}-{name}"] = chart_picture(figure, alt)
    return pictures, losses[-1] > highest


def _course(groups: Histories, name: str) -> str:
    """The curves in words: where the first seed begins and ends."""
    courses = []
    for group, histories in groups.items():
        if not histories:
            continue
        first, last = histories[0][0], histories[0][-1]
        key = f"validation_{name}"
        ends = f"on validation from {first[key]:.3f} to {last[key]:.3f}"
        courses.append(f"{group}, {ends}" if group else ends)
    return "; ".join(courses)


def _matrices(experiment: Experiment) -> dict[str, Picture]:
    """Confusion matrices as reported, as written and corrected; the latter two over all seeds."""
    matrices: dict[str, tuple[Sequence[Sequence[int]], Sequence[str], str]] = {}
    reported = experiment.preset.reported
    if reported is not None and reported.confusion is not None:
        matrices["reported"] = (reported.confusion, reported.classes, "reported")
    for variant, words in VARIANTS.items():
        if runs := experiment.runs(variant):
            seeds = "1 seed" if len(runs) == 1 else f"{len(runs)} seeds together"
            matrices[variant] = (
                tables.summed_confusion(runs), runs[0].classes, f"{words} ({seeds})",
            )  # fmt: skip
    pictures = {}
    for kind, (matrix, classes, title) in matrices.items():
        counts = "; ".join(
            f"of {sum(row)} {label}, {row[index]} right"
            for index, (label, row) in enumerate(zip(classes, matrix, strict=True))
        )
        alt = f"Confusion matrix of {experiment.name}, {title}: {counts}"
        name = f"confusion-{experiment.name}-{kind}"
        pictures[name] = chart_picture(charts.confusion_chart(matrix, classes, title), alt)
    return pictures


def _in_pairs(pictures: Mapping[str, Picture]) -> list[list[str]]:
    """The pictures' names, those of loss and accuracy beside each other."""
    names = list(pictures)
    return [names[start : start + 2] for start in range(0, len(names), 2)]


def _plain_in_markdown(value: Any) -> Any:
    """Text that means nothing to Markdown, neither in a paragraph nor in a table's cell."""
    if hasattr(value, "__html__"):  # what a macro has written
        return value
    text = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    return Markup(re.sub(r"([\\`*_{}\[\]|#~!$>])", r"\\\1", text))
