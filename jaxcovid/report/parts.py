"""What a run's page says beside tables and charts: tiles, the plan, examples, mistakes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jaxcovid.report import epoch_words, gallery, tables, words
from jaxcovid.report.checklist import STATES
from jaxcovid.report.words import OVERALL
from jaxcovid.results import Measured, Results, Training

# So many examples stand before the appendix.
MOST_FIRST = 3

TILES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")


def checklist_table(rows: Sequence[Mapping[str, Any]]) -> tables.Table | None:
    """The rows of a checklist with their states in words; None if there are none."""
    if not rows:
        return None
    return {
        "title": "Checklist",
        "caption": "",
        "header": ["item", "asks", "state", "answer"],
        "rows": [[row["item"], row["asks"], STATES[row["state"]], row["answer"]] for row in rows],
    }


def misclassified(labelled: Mapping[str, Measured]) -> tables.Table:
    """The table of misclassified images, with small pictures by the number of their row."""
    table = tables.misclassified_table(labelled)
    pictures = {
        number: gallery.jpeg_base64(gallery.xray(labelled[split].mistakes[place]))
        for number, (split, place) in enumerate(table["places"])
        if place in labelled[split].mistakes
    }
    return table | {"pictures": pictures}


def tiles(
    metrics: Mapping[str, Any] | None, internal: Mapping[str, Any] | None
) -> list[dict[str, str]]:
    """Figures of the main split; of an evaluation with what the network's run reported of its."""
    if metrics is None:
        return []

    def reported(name: str) -> str:
        if internal is None or name not in internal:
            return ""
        cell = tables.figure_cell(internal[name])
        interval = f" ({cell['interval']})" if cell["interval"] else ""
        return f"its own {words.split_name(internal['split'])} images: {cell['value']}{interval}"

    def tile(name: str) -> dict[str, str]:
        cell = tables.cell(metrics[name], metrics["intervals"][name])
        interval = "undefined" if metrics[name] is None else cell["interval"] or "no interval"
        return {
            "name": OVERALL[name],
            "value": cell["value"],
            "interval": interval,
            "internal": reported(name),
        }

    return [tile(name) for name in TILES]


def interval_note(metrics: Mapping[str, Any] | None) -> str:
    """Where the intervals come from, in a sentence; empty if nothing is measured."""
    if metrics is None:
        return ""
    what = (
        "patients, all images of one together"
        if metrics["patients"] is not None
        else "images, as if each were of another patient"
    )
    return (
        "Beside or below each figure its 95 % interval: Wilson's of shares of images and of what "
        "is 0 or 1, made of the classes' for means over them, and of all else from a bootstrap; "
        f"over {what}."
    )


def plan_content(
    training: Training, record: Mapping[str, Any], curves: Sequence[str]
) -> dict[str, Any]:
    """What trained, for how long, and whether what was frozen is unchanged.

    `record` holds the settings, `curves` are names of pictures.
    """
    trained, total = (
        sum(row.trainable for row in training.plan),
        sum(row.parameters for row in training.plan),
    )
    audit = training.audit
    changed = f"{audit.trainable_changed} of {audit.trainable_leaves} trainable arrays changed"
    if not audit.frozen_unchanged:
        violations = ", ".join(audit.violations)
        sentence = f"Freeze audit FAILED: these should not have changed: {violations}."
    elif audit.frozen_leaves == 0:
        sentence = f"Nothing was frozen; {changed}."
    else:
        sentence = (
            f"Freeze audit: all {audit.frozen_leaves} frozen arrays, batch-norm statistics among "
            f"them, are bit for bit as before training; {changed}."
        )
    return {
        "sentence": f"{trained:,} of {total:,} parameters trained ({trained / total:.1%}). "
        f"{epoch_words.ending(training, record)} Measured and saved "
        f"{epoch_words.measured_after(training, record)}.",
        "audit": sentence,
        "audit_passed": audit.frozen_unchanged,
        "table": tables.plan_table(training),
        "curves": curves,
    }


def undefined_figures(labelled: Mapping[str, Measured]) -> Iterator[str]:
    """Why figures are missing, a line for each."""
    for name, split in labelled.items():
        assert split.metrics is not None
        for what, reason in split.metrics["undefined"].items():
            yield f"{words.split_name(name)}, {what}: {reason}"


def example_content(results: Results) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first example of each class, and the others by class; of many classes all by class."""
    measured = results.splits[results.main]
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in results.classes}
    for number, example in enumerate(results.examples):
        row = measured.probabilities[example.place]
        label, predicted = int(measured.labels[example.place]), int(row.argmax())
        groups[results.classes[label]].append(
            {
                "xray": f"example_{number}",
                "heat": f"example_{number}_grad_cam",
                "kind": _kind(example.best, label == predicted),
                "file": measured.paths[example.place],
                "true": results.classes[label],
                "predicted": results.classes[predicted],
                "correct": label == predicted,
                "probability": _percent(float(row[predicted])),
                "probability_of_true": _percent(float(row[label])),
            }
        )
    first = [members[0] for members in groups.values() if members][:MOST_FIRST]
    further = [
        {"title": name, "members": [member for member in members if member not in first]}
        for name, members in groups.items()
    ]
    return first, [group for group in further if group["members"]]


def seen_note(results: Results) -> str:
    """How much of its images the network is given, in a sentence."""
    if results.seen is None:
        return ""
    of_class = results.seen.shares
    shown = [*of_class][: len(results.seen.images)]
    shares = ", ".join(f"{_whole_percent(of_class[name])} of {name}" for name in shown)
    if len(shown) < len(of_class):
        ends = " to ".join(map(_whole_percent, (min(of_class.values()), max(of_class.values()))))
        shares += f"; of all {len(of_class)} classes {ends}"
    median = f"in the median of {words.images_of(results.main)}"
    return (
        "Of each image the network is given a square in the middle, framed here in an image of "
        f"{', of '.join(shown)}. By area that is, {median}, "
        f"{shares}. Trained with the setting fit pad or squash it is given all."
    )


def _whole_percent(value: float) -> str:
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%"


def _kind(best: bool, correct: bool) -> str:
    if best:
        return "Best." if correct else "Best, yet wrong."
    return "Least sure." if correct else "Worst."


def _percent(value: float) -> str:
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"
