"""report.html: one self-contained page about a network's results."""

from collections.abc import Iterator, Mapping
from typing import Any

from jaxcovid.report import DISCLAIMER, tables
from jaxcovid.report.cautions import run_cautions, together
from jaxcovid.report.pictures import Picture
from jaxcovid.report.templates import template
from jaxcovid.report.verdicts import comparison_verdict, mcnemar, run_verdict
from jaxcovid.results import EXAMPLES_OF_CLASS, Measured, Results, Training

# Each with its title and the content or picture without which it is left out.
SECTIONS = {
    "comparison": ("The two networks compared", "comparison"),
    "plan": ("What was trained, what was frozen", "plan"),
    "curves": ("Loss and accuracy while training", "loss"),
    "confusion": ("Confusion matrices", "confusions"),
    "operating": ("ROC and precision-recall curves", "operating"),
    "reliability": ("Are its probabilities to be believed?", "reliabilities"),
    "figures": ("All figures", "per_class"),
    "examples": ("Best and worst images of each class", "examples"),
    "misclassified": ("Every misclassified image", "misclassified"),
    "views": ("Training images as the network sees them", "training_views"),
    "settings": ("Settings, versions, data, warnings", "settings"),
}

CONTENT = (
    "title", "verdict", "tiles", "interval_note", "cautions", "comparison", "plan", "confusions",
    "operating", "reliabilities", "overall", "per_class", "undefined", "examples", "examples_note",
    "misclassified", "settings",
)  # fmt: skip

TILES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")


def run_page(results: Results, pictures: Mapping[str, Picture]) -> str:
    """The HTML of a network's results: one file that needs no other and fetches nothing.

    `pictures` are those of `pictures.run_pictures`, by name; what they or the results lack is left
    out with its section.
    """
    labelled = {name: split for name, split in results.splits.items() if split.metrics is not None}
    measured = results.splits[results.main]

    def of_splits(kind: str) -> list[str]:
        return [f"{kind}_{name}" for name in labelled if f"{kind}_{name}" in pictures]

    return _rendered(
        title=results.title,
        verdict=run_verdict(results),
        tiles=_tiles(measured.metrics),
        interval_note=_interval_note(measured.metrics),
        cautions=together(run_cautions(results)),
        pictures=pictures,
        plan=_plan(results.training) if results.training is not None else None,
        confusions=of_splits("confusion"),
        operating=[*zip(of_splits("roc"), of_splits("precision_recall"), strict=True)],
        reliabilities=of_splits("reliability"),
        overall=tables.overall_table(labelled),
        per_class=tables.class_tables(results, labelled),
        undefined=list(_undefined(labelled)),
        examples=_examples(results),
        examples_note=(
            f"Of the {results.main} images, the {EXAMPLES_OF_CLASS} with the highest and the "
            f"{EXAMPLES_OF_CLASS} with the lowest probability of their true class. Beside each, "
            "where the network saw what speaks for the class that it predicts (Grad-CAM; red most, "
            "uncoloured least)."
        ),
        misclassified=tables.misclassified_table(labelled),
        settings=list(tables.settings_tables(results)),
    )


def comparison_page(
    first: Results,
    second: Results,
    compared: Mapping[str, Any],
    pictures: Mapping[str, Picture],
) -> str:
    """The HTML of two networks on the same images; it refers to the page that each has besides.

    `compared` is what `statistics.compare` found of them, `pictures` the `comparison_picture` by
    its name.
    """
    return _rendered(
        title=f"{first.title} (first), {second.title} (second)",
        verdict=comparison_verdict(first, second, compared),
        interval_note=_interval_note(compared),
        cautions=together(run_cautions(first), run_cautions(second)),
        pictures=pictures,
        comparison={
            "mcnemar": mcnemar(compared),
            "table": tables.difference_table(compared),
        },
        settings=[
            *tables.settings_tables(first),
            *(
                table
                for table in tables.settings_tables(second)
                if table["title"].startswith("The run")
            ),
        ],
    )


def _rendered(pictures: Mapping[str, Picture], **content: Any) -> str:
    """The template filled in; what is not given is left out, with its section."""
    content = dict.fromkeys(CONTENT) | content
    has_content = {
        name: bool(content[needed]) if needed in content else needed in pictures
        for name, (_, needed) in SECTIONS.items()
    }
    sections = [
        {"id": name, "title": title} for name, (title, _) in SECTIONS.items() if has_content[name]
    ]
    return template("page.html").render(
        content,
        pictures=pictures,
        sections=sections,
        has_content=has_content,
        disclaimer=DISCLAIMER,
    )


def _tiles(metrics: Mapping[str, Any] | None) -> list[dict[str, str]]:
    if metrics is None:
        return []
    return [
        {"name": tables.OVERALL[name], **tables.cell(metrics[name], metrics["intervals"][name])}
        for name in TILES
    ]


def _interval_note(metrics: Mapping[str, Any] | None) -> str:
    if metrics is None:
        return ""
    what = (
        "patients, all images of one together"
        if metrics["patients"] is not None
        else "images, as if each were of another patient"
    )
    return (
        f"Below each figure its 95 % interval: from a bootstrap over {what}; or exact binomial, "
        "where every resample is alike."
    )


def _plan(training: Training) -> dict[str, Any]:
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
        "sentence": f"{trained:,} of {total:,} parameters trained ({trained / total:.1%}).",
        "audit": sentence,
        "audit_passed": audit.frozen_unchanged,
        "table": tables.plan_table(training),
    }


def _undefined(labelled: Mapping[str, Measured]) -> Iterator[str]:
    for name, split in labelled.items():
        assert split.metrics is not None
        for what, reason in split.metrics["undefined"].items():
            yield f"{name}, {what}: {reason}"


def _examples(results: Results) -> list[dict[str, Any]]:
    measured = results.splits[results.main]
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in results.classes}
    for number, example in enumerate(results.examples):
        row = measured.probabilities[example.place]
        label, predicted = int(measured.labels[example.place]), int(row.argmax())
        groups[results.classes[label]].append(
            {
                "xray": f"example_{number}",
                "heat": f"example_{number}_grad_cam",
                "kind": ("Best" if example.best else "Worst")
                + (", yet wrong." if example.best and label != predicted else "."),
                "file": measured.paths[example.place],
                "true": results.classes[label],
                "predicted": results.classes[predicted],
                "correct": label == predicted,
                "probability": _percent(float(row[predicted])),
                "probability_of_true": _percent(float(row[label])),
            }
        )
    return [{"title": name, "members": members} for name, members in groups.items() if members]


def _percent(value: float) -> str:
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"
