"""Verdicts: two or three sentences on a network, two networks, or data. All follow from figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxcovid.report import checks, words
from jaxcovid.report.checks import Check, Checks
from jaxcovid.results import FLOORS, Results
from jaxcovid.statistics.holm import holm

# The figures that a verdict weighs.
HEADLINE = ("accuracy", "balanced_accuracy", "auroc", "macro_f1")

# A difference is clear below it, after Holm's correction.
LEVEL = 0.05

# How a comparison speaks of figures that do not differ clearly.
NOT_CLEAR = {
    "unclear": "Not clear:",
    "unsure": "How sure it is cannot be said of",
    "equal": "Equal:",
}

AT_CHANCE = "it may be no better than chance"


def run_verdict(results: Results) -> str:
    """What a network reaches on the images of the split `main`, and what limits that.

    First accuracy, balanced accuracy and macro AUROC; then its answers beside the commonest class;
    then what its own run reported, or what is reached without lungs, if that is known.
    """
    metrics = results.splits[results.main].metrics
    if metrics is None or metrics["accuracy"] is None:
        return "There are no labelled images, so nothing can be said about how good it is."
    internal = _internal(results)
    sentences = [_reached(results.main, metrics, area=not internal), _answers(metrics)]
    sentences.append(internal or _floor(results))
    return " ".join(sentence for sentence in sentences if sentence)


def comparison_verdict(first: Results, second: Results, compared: Mapping[str, Any]) -> str:
    """In which of the headline figures two networks differ clearly, and in which not.

    `compared` is what `statistics.compare` found of them. A difference is clear if its p-value is
    below 0.05 after Holm's correction for the figures tested: networks that are equal are then
    called different with a probability of 0.05 at most.
    """
    rows = {
        name: compared["differences"][name]
        for name in HEADLINE
        if compared["differences"].get(name, {}).get("difference") is not None
    }
    images = words.counted(compared["examples"], f"{first.main} image")
    if not rows:
        return f"On {images} nothing can be compared."
    tested = [name for name, row in rows.items() if row["p_value"] is not None]
    adjusted = dict(zip(tested, holm([rows[name]["p_value"] for name in tested]), strict=True))
    by_kind: dict[str, list[str]] = {}
    for name, row in rows.items():
        by_kind.setdefault(_kind(row, adjusted.get(name)), []).append(_difference(name, row))
    figures = {kind: words.listed(texts) for kind, texts in by_kind.items()}

    clear = [
        f"clearly {kind} in {figures[kind]}" for kind in ("better", "worse") if kind in figures
    ]
    sentences = [
        f"On {images} {second.title}, beside {first.title}, is {' and '.join(clear)}."
        if clear
        else f"On {images} no figure differs clearly between {first.title} and {second.title}."
    ]
    sentences += [
        f"{start} {figures[kind]}." for kind, start in NOT_CLEAR.items() if kind in figures
    ]
    if len(tested) > 1:
        sentences.append(f"“Clear” allows for {len(tested)} figures being tested (Holm).")
    return " ".join(sentences)


def mcnemar(compared: Mapping[str, Any]) -> str:
    """McNemar's exact test in words: on how many images only one of two networks is right, and p.

    `compared` is what `statistics.compare` found of them.
    """
    test = compared["mcnemar"]
    counts = (
        f"Only the first is right on {words.counted(test['only_first_correct'], 'image')}, only "
        f"the second on {test['only_second_correct']:,}"
    )
    if test["p_value"] is None:
        return f"{counts}: McNemar's test has nothing to go by."
    note = (
        ""
        if compared["patients"] is None
        else "; it takes images for independent, the intervals do not"
    )
    return f"{counts} (McNemar's exact test: {words.p_value(test['p_value'])}{note})."


def audit_verdict(of_data: Checks) -> str:
    """Which checks of data failed, which could not be made, and what is reached without lungs.

    `of_data` are those of `results.Audit`, by name.
    """
    by_outcome: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for name, check in of_data.items():
        by_outcome[check["passed"]].append(checks.name_of(name))
    made = len(by_outcome[True]) + len(by_outcome[False])
    if not made:
        sentence = "No check could be made"
    elif by_outcome[False]:
        sentence = (
            f"{len(by_outcome[False])} of {words.counted(made, 'check')} failed: "
            f"{words.listed(by_outcome[False])}"
        )
    else:
        sentence = f"{'The check' if made == 1 else f'All {made} checks'} passed"
    if by_outcome[None]:
        sentence += f"; not run: {words.listed(by_outcome[None])}"
    floor = floor_sentence(of_data.get("blind_floor"))
    return f"{sentence}." + (f" {floor}." if floor else "")


def floor_sentence(check: Check | None) -> str:
    """What is reached without lungs, without its full stop; empty if that is not measured."""
    floor = None if check is None else checks.strongest_floor(check)
    area = None if check is None or floor is None else checks.floor_area(check, floor)
    if check is None or floor is None or area is None or check["passed"] is None:
        return ""
    if not check["found"]:
        little = "nothing is clearly above chance"
        if checks.above_guessing(check):
            little = "little is reached"
        return (
            f"Without lungs {little}: macro AUROC is at most {words.figure(area)} ({FLOORS[floor]})"
        )
    return f"A macro AUROC of {words.figure(area)} is reached without lungs ({FLOORS[floor]})"


def _reached(split: str, metrics: Mapping[str, Any], area: bool) -> str:
    """Accuracy and balanced accuracy, and, where `area` says so, macro AUROC."""
    intervals = metrics["intervals"]
    images = words.counted(metrics["examples"], f"{words.split_name(split)} image")
    within = "no interval"
    if intervals["accuracy"] is not None:
        low, high = (100 * end for end in intervals["accuracy"])
        within = f"95 % interval {low:.1f} to {high:.1f} %"
    present = _present(metrics)
    which = f", all of {words.quoted(present[0])}," if len(present) == 1 else ""
    sentence = (
        f"Of {images}{which} it classifies {100 * metrics['accuracy']:.1f} % right ({within})"
    )
    if len(present) == 1:
        return f"{sentence}."
    balanced = words.with_interval(metrics["balanced_accuracy"], intervals["balanced_accuracy"])
    sentence += f"; balanced accuracy is {balanced}"
    if area and metrics["auroc"] is not None:
        auroc = words.with_interval(metrics["auroc"], intervals["auroc"])
        sentence += f", macro AUROC {auroc}"
        if chance := _chance(intervals["auroc"]):
            sentence += f", so {chance}"
    return f"{sentence}."


def _chance(interval: Sequence[float] | None) -> str:
    """What the interval of a macro AUROC says of chance, which has 0.5; empty if it is better."""
    if interval is None or interval[0] > 0.5:
        return ""
    return AT_CHANCE if interval[1] >= 0.5 else "it is worse than chance"


def _answers(metrics: Mapping[str, Any]) -> str:
    """Its answers beside the commonest class, and classes that it never recognises."""
    classes, matrix = list(metrics["per_class"]), np.asarray(metrics["confusion_matrix"])
    answered = np.flatnonzero(matrix.sum(0))
    only = words.quoted(classes[answered[0]]) if len(answered) == 1 else ""
    one_class = len(_present(metrics)) == 1
    sentence = ""
    if only and metrics["examples"] > 1:
        sentence = f"It answers {only} to every image"
        sentence += "." if one_class else ", so its accuracy is that class's share."
    if one_class:
        further = "Of one class alone it cannot be said how well classes are told apart."
        return f"{sentence} {further}".strip()
    support = matrix.sum(1)
    share, most = support.max() / support.sum(), classes[int(support.argmax())]
    if only and support[answered[0]] == support.max():
        return sentence
    interval = metrics["intervals"]["accuracy"]
    beside = ""
    if support.max() >= matrix.trace():
        beside = ", as many" if support.max() == matrix.trace() else ", more"
    elif interval is not None and interval[0] <= share:
        beside = ", which its interval holds"
    always = f"Always saying {words.quoted(most)} would get {100 * share:.1f} %{beside}"
    missed = "" if only else _missed(metrics)
    return f"{sentence} {always}{missed}.".strip()


def _missed(metrics: Mapping[str, Any]) -> str:
    """Classes of which not one image is recognised: no average may hide that."""
    classes = metrics["per_class"]
    missed = [name for name, values in classes.items() if values["recall"] == 0]
    if len(missed) > 2:
        return f"; of {len(missed)} of the {len(classes)} classes not one image is recognised"
    return "".join(
        f"; not one of the {words.counted(classes[name]['support'], 'image')} of "
        f"{words.quoted(name)} is recognised"
        for name in missed
    )


def _present(metrics: Mapping[str, Any]) -> list[str]:
    """The classes that the images are of."""
    return [name for name, values in metrics["per_class"].items() if values["support"]]


def _internal(results: Results) -> str:
    """Of an evaluation: what the network's own run reported, and what is here."""
    internal = results.settings.get("internal") or {}
    before = words.about(internal, "auroc")
    metrics = results.splits[results.main].metrics
    if before is None or metrics is None:
        return ""
    own = words.split_name(internal["split"])
    start = f"On its own {own} images macro AUROC was {before['value']:.3f}; here it is"
    if metrics["auroc"] is None:
        return f"{start} undefined."
    interval = metrics["intervals"]["auroc"]
    chance = _chance(interval)
    here = words.with_interval(metrics["auroc"], interval)
    return f"{start} {here}{': ' if chance else ''}{chance}."


def _floor(results: Results) -> str:
    """What is reached without lungs, and the network's lead over that."""
    check = None if results.audit is None else results.audit.checks.get("blind_floor")
    sentence = floor_sentence(check)
    if check is None or not sentence:
        return ""
    if (split := check.get("split", results.main)) != results.main:
        sentence += f", on {words.images_of(split)}"
    lead = words.about(check.get("lead") or {}, "auroc")
    if lead is None:
        return f"{sentence}."
    interval, value = words.ends(lead), words.figure(lead)
    if interval is not None and interval[0] > 0:
        return f"{sentence}; its lead over that is {value}."
    if interval is not None and interval[1] < 0:
        return f"{sentence}; it falls behind that: {value}."
    return f"{sentence}; it has no clear lead over that: {value}."


def _kind(row: Mapping[str, Any], adjusted: float | None) -> str:
    """Whether a difference is "better" or "worse", "unclear", "unsure" or "equal"."""
    if adjusted is None:
        return "unsure" if row["difference"] else "equal"
    if adjusted >= LEVEL:
        return "unclear"
    return "better" if row["difference"] > 0 else "worse"


def _difference(name: str, row: Mapping[str, Any]) -> str:
    """A figure with its difference and the interval of that."""
    figure = words.OVERALL[name]
    if row["p_value"] is None:
        return figure + (f" ({row['difference']:+.3f})" if row["difference"] else "")
    low, high = row["interval"]
    return f"{figure} ({row['difference']:+.3f}, 95 % interval {low:+.3f} to {high:+.3f})"
