"""Verdict, cautions and terminal lines on a network that tells several findings of each image."""

from collections.abc import Iterator, Mapping
from typing import Any

from jaxcovid.report import checks, epoch_words, words
from jaxcovid.report.cautions import SMALL, Cautions
from jaxcovid.report.text import training_lines
from jaxcovid.results import FindingResults

# Findings that one line names.
NAMED = 8


def findings_verdict(results: FindingResults) -> str:
    """Mean AUROC, the finding told best and worst, those that chance would tell as well."""
    metrics = results.splits[results.main].metrics
    assert metrics is not None
    ranked = _ranked(metrics)
    images = words.counted(metrics["examples"], f"{results.main} image")
    if not ranked:
        return (
            f"On {images} no finding is both there and not, so nothing can be said about how well "
            "they are told."
        )
    mean = words.with_interval(metrics["auroc"], metrics["intervals"]["auroc"])
    of = f"{len(ranked)} of {len(results.findings)}" if len(ranked) < len(results.findings) else ""
    number = of or words.counted(len(ranked), "finding")
    sentences = [f"On {images} mean AUROC over {number}{' findings' if of else ''} is {mean}."]
    if len(ranked) > 1:
        best, worst = ranked[0], ranked[-1]
        sentences.append(
            f"Told best is {words.quoted(best)}, {_area(metrics, best)}, least "
            f"{words.quoted(worst)}, {_area(metrics, worst)}."
        )
    if doubtful := _no_better(metrics, ranked):
        named = words.first_of([*map(words.quoted, doubtful)], NAMED)
        verb = "is" if len(doubtful) == 1 else "are"
        sentences.append(f"No better than chance for certain {verb} {named}.")
    before = words.about(results.settings.get("internal") or {}, "auroc")
    if before is not None and not of:  # a mean over other findings says nothing of this one
        split = results.settings["internal"]["split"]
        sentences.append(f"On its own {split} images it was {words.figure(before)}.")
    return " ".join(sentences)


def finding_cautions(results: FindingResults) -> Cautions:
    """What a reader should know first: weighty sentences, and others."""
    weighty, settings = [*results.settings.get("warnings", ())], results.settings
    metrics = results.splits[results.main].metrics
    assert metrics is not None
    if results.main == "validation" and results.training is not None:
        flattered = epoch_words.is_flattered(results.training, settings)
        chosen = ", to choose the epoch" if flattered else ""
        weighty.append(
            "the verdict is about the validation images, which also served to watch the training"
            f"{chosen} and to choose thresholds; images kept apart (a test split) would judge more "
            "strictly"
        )
    of_data = {} if results.audit is None else results.audit.checks
    weighty += checks.failures(of_data)
    weighty += _few(metrics, results.main)
    others = [
        f"not checked: {checks.name_of(name)} ({checks.outcome(name, check)})"
        for name, check in of_data.items()
        if check["passed"] is None
    ]
    if skipped := settings.get("dataset", {}).get("skipped"):
        images = words.counted(len(skipped), "unreadable image")
        others.append(f"{images} left out, such as {skipped[0]}")
    if metrics["patients"] is None:
        others.append(
            f"{results.main}: it is not known which images are of one patient, so each counts as a "
            "patient; if some are, the intervals are too narrow (`patients`)"
        )
    return Cautions(weighty, others)


def findings_summary(results: FindingResults) -> str:
    """After training or evaluation: verdict, figures by finding, checks, how training ended."""
    metrics = results.splits[results.main].metrics
    assert metrics is not None
    ends = metrics["intervals"]["per_finding"]
    lines = ["", findings_verdict(results), ""]
    for name, values in metrics["per_finding"].items():
        figures = ", ".join(
            f"{words.PER_CLASS[key]} "
            + ("undefined" if values[key] is None
               else words.with_interval(values[key], ends[name].get(key)))
            for key in ("auroc", "auprc")
        )  # fmt: skip
        lines.append(f"{name}: {values['support']} of {values['known']} images, {figures}")
    if results.audit is not None:
        lines += [f"Failed: {failure}" for failure in checks.failures(results.audit.checks)]
    return "\n".join([*lines, *training_lines(results.training, results.settings)])


def _ranked(metrics: Mapping[str, Any]) -> list[str]:
    """The findings that have an AUROC, the highest first."""
    areas = {name: values["auroc"] for name, values in metrics["per_finding"].items()}
    known = [name for name, area in areas.items() if area is not None]
    return sorted(known, key=lambda name: -areas[name])


def _area(metrics: Mapping[str, Any], finding: str) -> str:
    interval = metrics["intervals"]["per_finding"][finding]["auroc"]
    return words.with_interval(metrics["per_finding"][finding]["auroc"], interval)


def _no_better(metrics: Mapping[str, Any], findings: list[str]) -> list[str]:
    """The findings of which the interval of AUROC does not lie above one half."""
    ends = {name: metrics["intervals"]["per_finding"][name]["auroc"] for name in findings}
    return [name for name, interval in ends.items() if interval is not None and interval[0] <= 0.5]


def _few(metrics: Mapping[str, Any], split: str) -> Iterator[str]:
    few = {
        name: values["support"]
        for name, values in metrics["per_finding"].items()
        if values["support"] < SMALL
    }
    if few:
        counts = [f"{words.short(name)} {count}" for name, count in few.items()]
        yield (
            f"{split}: fewer than {SMALL} images have {words.counted(len(few), 'finding')}, so "
            f"what is said of {'it' if len(few) == 1 else 'them'} is uncertain: "
            f"{words.first_of(counts, NAMED)}"
        )
