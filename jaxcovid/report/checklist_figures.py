"""Answers to a checklist about the figures: which, how sure, on which images."""

import numpy as np

from jaxcovid.report import words
from jaxcovid.report.cautions import run_cautions, together
from jaxcovid.report.checklist_facts import (
    Answer,
    check,
    counts,
    figures_of,
    is_evaluation,
    named,
)
from jaxcovid.report.checks import floor_area, floor_lines
from jaxcovid.report.words import sentence
from jaxcovid.results import FLOORS, Results

MEASURES = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "auroc", "auprc", "ece", "brier")

# Classes whose figures an answer lists.
FEW = 6


def summary(results: Results) -> Answer:
    """Images and headline figures."""
    parts = [f"{named(results, name)} {counts(results, name)}" for name in results.splits]
    metrics = results.splits[results.main].metrics
    text = sentence("; ".join(parts))
    if metrics is not None:
        text += f" On the {named(results, results.main)}: {figures_of(metrics)}."
    return Answer(text)


def size(results: Results) -> Answer | None:
    """How many images the verdict rests on, and how wide its interval is."""
    metrics = results.splits[results.main].metrics
    if metrics is None:
        return None
    text = f"{named(results, results.main)}: {counts(results, results.main)}"
    if (interval := metrics["intervals"]["auroc"]) is not None:
        text += f"; the interval of macro AUROC is {interval[1] - interval[0]:.3f} wide"
    kept = (
        "" if is_evaluation(results) or results.main == "test" else " No test set was kept apart."
    )
    return Answer(sentence(text) + kept)


def measures(results: Results) -> Answer | None:
    """The figures that are defined."""
    metrics = results.splits[results.main].metrics
    if metrics is None:
        return None
    defined = [words.OVERALL[key] for key in MEASURES if metrics[key] is not None]
    return Answer(f"{sentence(', '.join(defined))} Per class sensitivity, specificity and AUROC.")


def uncertainty(results: Results) -> Answer | None:
    """What was resampled."""
    metrics = results.splits[results.main].metrics
    if metrics is None:
        return None
    units = "images, as if each were of another patient"
    if metrics["patients"] is not None:
        units = "patients, all images of one together"
    return Answer(
        "95 % intervals: Wilson's of shares of images and of what is 0 or 1, made of the classes' "
        "for means over them, and of all else from a bootstrap of 1,000 resamples; both over "
        f"{units}. These figures are not tested for significance."
    )


def robustness(results: Results) -> Answer | None:
    """What is reached without lungs, and what the network reaches with parts of images blanked."""
    floors = check(results, "blind_floor")
    measured = any(floor_area(floors, name) is not None for name in FLOORS)
    texts = [sentence(line) for line in floor_lines(floors)[:1] if measured]
    lungs = check(results, "lungs")
    for key, name in {
        "lungs_blanked": "with the lungs blanked",
        "border_blanked": "with the border blanked",
    }.items():
        if (area := words.about(lungs.get(key) or {}, "auroc")) is not None:
            texts.append(f"Macro AUROC {name} {words.figure(area)}.")
    return Answer(" ".join(texts)) if texts else None


def explanation(results: Results) -> Answer | None:
    """Grad-CAM, and how much of it lies outside of the lungs."""
    if not results.examples:
        return None
    text = (
        "Grad-CAM (10.1109/ICCV.2017.74) at the last stage before the head, for "
        f"{words.counted(len(results.examples), 'image')} in the report; not compared with marked "
        "lesions."
    )
    outside = words.about(check(results, "lungs"), "grad_cam_outside")
    if outside is not None:
        text += f" Share of it outside of the central ellipse: {words.figure(outside)}."
    return Answer(text)


def internal_testing(results: Results) -> Answer | None:
    """Figures on internal images kept apart, or that there are none."""
    if is_evaluation(results):
        internal = results.settings.get("internal") or {}
        area = words.about(internal, "auroc")
        if area is None:
            return None
        where = {"validation": "its tuning set (folder validation)"}.get(
            internal["split"], f"its folder {internal['split']}"
        )
        return Answer(f"The network's run reported macro AUROC {words.figure(area)} on {where}.")
    metrics = results.splits[results.main].metrics
    if metrics is None:
        return None
    if results.main == "test":
        return Answer(f"On the {named(results, 'test')}: {figures_of(metrics)}.")
    return Answer(
        f"None on images kept apart. On the {named(results, results.main)}, which took part in the "
        f"training: {figures_of(metrics)}."
    )


def external_testing(results: Results) -> Answer:
    """Figures of an evaluation; of a run, that there are none."""
    if not is_evaluation(results):
        return Answer("", "no external testing is part of a training run")
    metrics = results.splits[results.main].metrics
    if metrics is None:
        return Answer("", "the images have no labels")
    name = words.quoted(results.settings.get("dataset", {}).get("name", ""))
    return Answer(
        f"On {name}, {counts(results, results.main)}: {figures_of(metrics)}.",
        "whether these images are of another source than the training images",
    )


def of_partitions(results: Results) -> Answer | None:
    """Headline figures of every labelled partition, and where those of groups are."""
    labelled = {
        name: split.metrics for name, split in results.splits.items() if split.metrics is not None
    }
    if not labelled:
        return None
    texts = [f"{named(results, name)}: {figures_of(metrics)}" for name, metrics in labelled.items()]
    columns = check(results, "subgroups").get("table") or {}
    groups = f" metrics.json has them by {words.listed([*columns])}." if columns else ""
    return Answer(f"{' '.join(map(sentence, texts))}{groups}")


def accuracy(results: Results) -> Answer | None:
    """Per class with intervals, calibration, and where thresholds come from."""
    metrics = results.splits[results.main].metrics
    if metrics is None:
        return None
    texts = [f"On the {named(results, results.main)}: {figures_of(metrics)}."]
    classes, intervals = metrics["per_class"], metrics["intervals"]["per_class"]
    for name in [*classes][:FEW]:
        parts = [
            f"{words_of} {words.with_interval(classes[name][key], intervals[name][key])}"
            for key, words_of in {"recall": "sensitivity", "specificity": "specificity"}.items()
            if classes[name][key] is not None
        ]
        if parts:
            texts.append(f"{words.short(name)}: {', '.join(parts)}.")
    if metrics["ece"] is not None:
        ece = words.with_interval(metrics["ece"], metrics["intervals"]["ece"])
        texts.append(f"Calibration error {ece}.")
    if results.thresholds:
        texts.append("Thresholds for 90 and 95 % specificity are the tuning set's.")
    return Answer(" ".join([*texts, "metrics.json has all of it, with the confusion matrix."]))


def failures(results: Results) -> Answer | None:
    """How many images are classified wrong, and where they are listed."""
    split = results.splits[results.main]
    if split.metrics is None:
        return None
    wrong = int(np.sum(split.probabilities.argmax(1) != split.labels))
    return Answer(
        f"{wrong:,} of {words.counted(len(split.labels), 'image')} of the "
        f"{named(results, results.main)} are classified wrong; predictions.csv and the report list "
        "them."
    )


def limitations(results: Results) -> Answer:
    """What the run warns of."""
    warnings = together(run_cautions(results))
    if not warnings:
        return Answer("The run raised no warning.")
    return Answer(" ".join(map(sentence, warnings)))
