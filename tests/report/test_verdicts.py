"""The verdicts, word for word, and that equal networks are seldom called different."""

import functools

import numpy as np
import pytest
import scipy

from jaxcovid.report import verdicts
from jaxcovid.results import Audit, Measured, Results
from jaxcovid.statistics.comparison import compare
from jaxcovid.statistics.metrics import measure
from tests.report import audits

CLASSES = ("covid", "normal", "pneumonia")
LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 2])


@functools.cache
def results(predicted, labels=None, classes=CLASSES):
    """Of a network that is sure of the classes that it predicts."""
    share = 0.1 / len(classes)
    probabilities = np.full((len(predicted), len(classes)), share, np.float32)
    probabilities[np.arange(len(predicted)), predicted] += 0.9
    labels = LABELS[: len(predicted)] if labels is None else np.array(labels)
    metrics = measure(labels, probabilities, classes)
    paths = [str(place) for place in range(len(predicted))]
    split = Measured(paths, labels, probabilities, metrics)
    return Results("a network", classes, {"test": split}, "test", {}, (), {})


def with_metrics(given, intervals=None, **values):
    """The same with other figures of the split."""
    split = given.splits["test"]
    changed = {**split.metrics, **values}
    changed["intervals"] = {**changed["intervals"], **(intervals or {})}
    return given._replace(splits={"test": split._replace(metrics=changed)})


RIGHT = tuple(LABELS)
KEPT = with_metrics(
    results(RIGHT), {"accuracy": (0.8, 1.0), "balanced_accuracy": (0.7, 1.0), "auroc": (0.9, 1.0)}
)
FIRST = "Of 10 test images it classifies 100.0 % right (95 % interval 80.0 to 100.0 %); balanced accuracy is 1.000 (0.700 to 1.000)"
NORMAL = "Always saying “normal” would get 40.0 %"
LONG = "x" * 60

ANSWERS = {
    "all right": (results(RIGHT), f"{NORMAL}."),
    "one class missed": (results((0, 0, 0, 1, 1, 1, 1, 1, 1, 1)), f"{NORMAL}, which its interval holds; not one of the 3 images of “pneumonia” is recognised."),
    "as many": (results((0, 0, 0, 1, 2, 2, 2, 1, 1, 1)), f"{NORMAL}, as many; not one of the 3 images of “pneumonia” is recognised."),
    "more": (results((1, 1, 1, 0, 0, 0, 0, 0, 0, 0)), f"{NORMAL}, more; of 3 of the 3 classes not one image is recognised."),
    "held": (results((0, 0, 1, 1, 1, 0, 0, 2, 2, 0)), f"{NORMAL}, which its interval holds."),
    "always the commonest": (results((1,) * 10), "macro AUROC 0.500 (no interval). It answers “normal” to every image, so its accuracy is that class's share."),
    "always a rare one": (results((0,) * 10), f"It answers “covid” to every image, so its accuracy is that class's share. {NORMAL}, more."),
    "one class in the split": (results((0, 0, 1)), "Of 3 test images, all of “covid”, it classifies 66.7 % right"),
    "and always that": (results((0, 0, 0)), "%). It answers “covid” to every image. Of one class alone it cannot be said how well classes are told apart."),
    "one image": (results((0,)), "Of 1 test image, all of “covid”, it classifies 100.0 % right (no interval). Of one class alone"),
    "two classes": (results((0, 1, 1, 1), (0, 0, 1, 1), ("a", "b")), "Always saying “a” would get 50.0 %, which its interval holds."),
    "a long name": (results((0, 1, 1, 1), (0, 0, 1, 1), (LONG, "b")), f"Always saying “{'x' * 37}...” would"),
    "many classes": (
        results((*range(15), *[0] * 5), tuple(range(20)), tuple(f"class {n}" for n in range(20))),
        "; of 5 of the 20 classes not one image is recognised.",
    ),
    "no interval": (with_metrics(KEPT, {"accuracy": None}), "100.0 % right (no interval); "),
    "all figures": (KEPT, f"{FIRST}, macro AUROC 1.000 (0.900 to 1.000). {NORMAL}."),
    "chance": (with_metrics(KEPT, {"auroc": (0.4, 0.6)}), ", so it may be no better than chance. Always"),
    "worse than chance": (with_metrics(KEPT, {"auroc": (0.3, 0.4)}), ", so it is worse than chance. Always"),
    "no area": (with_metrics(KEPT, auroc=None), f"{FIRST}. Always"),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
def test_what_it_reaches_and_what_it_answers(case):
    given, expected = ANSWERS[case]
    verdict = verdicts.run_verdict(given)
    assert expected in verdict, verdict
    assert verdict.endswith(".") and verdict.count(". ") <= 3


def test_no_other_of_the_commonest_classes_is_held_against_it():
    verdict = verdicts.run_verdict(results((1, 1, 1, 1), (0, 0, 1, 1), ("a", "b")))
    assert verdict.endswith("It answers “b” to every image, so its accuracy is that class's share.")


def test_without_labels():
    split = KEPT.splits["test"]._replace(metrics=None)
    verdict = verdicts.run_verdict(KEPT._replace(splits={"test": split}))
    assert verdict == "There are no labelled images, so nothing can be said about how good it is."


def audited(found=("headers", "border"), lead=None, **more):
    floor = {**audits.blind_floor(*found, lead=lead), **more}
    return KEPT._replace(audit=Audit({"blind_floor": floor}))


REACHED = "A macro AUROC of 0.874 (0.830 to 0.910) is reached without lungs (border of the image)"
AT_CHANCE = {"headers": audits.floor(0.5, 0.4, 0.6), "border": audits.floor(0.53, 0.46, 0.6)}
LITTLE = {**AT_CHANCE, "border": audits.floor(0.56, 0.52, 0.6)}
FLOORS = {
    "ahead": (audited(lead=audits.figure(0.045, 0.01, 0.08)), f"{REACHED}; its lead over that is 0.045 (0.010 to 0.080)."),
    "not clearly": (audited(lead=audits.figure(0.045, -0.01, 0.1)), f"{REACHED}; it has no clear lead over that: 0.045 (-0.010 to 0.100)."),
    "behind": (audited(lead=audits.figure(-0.1, -0.2, -0.05)), f"{REACHED}; it falls behind that: -0.100 (-0.200 to -0.050)."),
    "lead without interval": (audited(lead=audits.figure(0.1)), f"{REACHED}; it has no clear lead over that: 0.100 (no interval)."),
    "no lead": (audited(), f"{REACHED}."),
    "other images": (audited(split="images"), f"{REACHED}, on all images."),
    "clean": (
        audited(found=(), **AT_CHANCE), "Without lungs nothing is clearly above chance: macro AUROC is at most 0.530 (0.460 to 0.600) (border of the image).",
    ),
    "little": (
        audited(found=(), **LITTLE), "Without lungs little is reached: macro AUROC is at most 0.560 (0.520 to 0.600) (border of the image).",
    ),
    "not measured": (
        KEPT._replace(audit=Audit({"blind_floor": {"passed": None, "found": [], "reason": "no time", "border": audits.NOT_RUN}})),
        "Always saying “normal” would get 40.0 %.",
    ),
    "no such check": (KEPT._replace(audit=Audit({})), "Always saying “normal” would get 40.0 %."),
}  # fmt: skip


@pytest.mark.parametrize("case", FLOORS)
def test_what_is_reached_without_lungs(case):
    given, expected = FLOORS[case]
    assert verdicts.run_verdict(given).endswith(f" {expected}")


INTERNAL = {"split": "validation", "auroc": audits.figure(0.919, 0.88, 0.95)}
HERE = " On its own validation images macro AUROC was 0.919; here it is 1.000 (0.900 to 1.000)."
ELSEWHERE = {
    "better than chance": (KEPT, HERE),
    "perhaps chance": (
        with_metrics(KEPT, {"auroc": (0.496, 0.634)}, auroc=0.566),
        "; here it is 0.566 (0.496 to 0.634): it may be no better than chance.",
    ),
    "no interval": (with_metrics(KEPT, {"auroc": None}), "; here it is 1.000 (no interval)."),
    "undefined here": (results((0, 0, 1)), "; here it is undefined."),
    "before the floor": (audited(), HERE),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_what_its_own_run_reported(case):
    given, expected = ELSEWHERE[case]
    verdict = verdicts.run_verdict(given._replace(settings={"internal": INTERNAL}))
    assert verdict.endswith(expected), verdict
    assert verdict.count("macro AUROC") == 1


@pytest.mark.parametrize("internal", [None, {}, {"split": "test", "auroc": None}])
def test_an_evaluation_of_which_nothing_is_known_is_told_as_a_run(internal):
    given = KEPT._replace(settings={"internal": internal})
    assert verdicts.run_verdict(given) == verdicts.run_verdict(KEPT)


def compared(patients=None, **rows):
    """Each row a difference, its interval and its p-value."""
    differences = {
        name: dict(zip(("difference", "interval", "p_value"), row, strict=True))
        for name, row in rows.items()
    }
    return {"examples": 10, "patients": patients, "differences": differences}


AUROC = (0.179, (0.098, 0.261), 1e-5)
SAID = "macro AUROC (+0.179, 95 % interval +0.098 to +0.261)"
UNCLEAR = (0.02, (-0.03, 0.07), 0.4)
COMPARISONS = {
    "the issue's": (
        compared(accuracy=UNCLEAR, auroc=AUROC),
        f"On 10 test images B, beside A, is clearly better in {SAID}. Not clear: accuracy (+0.020, 95 % interval -0.030 to +0.070). “Clear” allows for 2 figures being tested (Holm).",
    ),
    "both ways": (
        compared(accuracy=(-0.2, (-0.3, -0.1), 1e-4), auroc=AUROC),
        f"On 10 test images B, beside A, is clearly better in {SAID} and clearly worse in accuracy (-0.200, 95 % interval -0.300 to -0.100). “Clear” allows for 2 figures being tested (Holm).",
    ),
    # Alone p is 0.03, of two it is 0.06.
    "not after Holm": (
        compared(accuracy=UNCLEAR, auroc=(0.1, (0.01, 0.19), 0.03)),
        "On 10 test images no figure differs clearly between A and B. Not clear: accuracy (+0.020, 95 % interval -0.030 to +0.070) and macro AUROC (+0.100, 95 % interval +0.010 to +0.190). “Clear” allows for 2 figures being tested (Holm).",
    ),
    "equal and unsure": (
        compared(accuracy=(0.0, None, None), balanced_accuracy=(0.125, None, None), macro_f1=(None, None, None)),
        "On 10 test images no figure differs clearly between A and B. How sure it is cannot be said of balanced accuracy (+0.125). Equal: accuracy.",
    ),
    "one figure": (
        compared(auroc=AUROC, brier=AUROC), f"On 10 test images B, beside A, is clearly better in {SAID}.",
    ),
    "nothing": (compared(accuracy=(None, None, None)), "On 10 test images nothing can be compared."),
}  # fmt: skip


@pytest.mark.parametrize("case", COMPARISONS)
def test_the_verdict_of_a_comparison(case):
    figures, expected = COMPARISONS[case]
    first, second = (KEPT._replace(title=title) for title in "AB")
    assert verdicts.comparison_verdict(first, second, figures) == expected


def softmax(logits):
    odds = np.exp(logits)
    return (odds / odds.sum(1, keepdims=True)).astype(np.float32)


def called_different(seed, skill):
    """Whether two networks are, of which the second is better by `skill` in every logit."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [16, 22, 22])
    seen = rng.normal(size=(60, 3)) + np.eye(3)[labels]
    pair = [
        softmax(seen + rng.normal(size=(60, 3)) + gain * np.eye(3)[labels]) for gain in (0, skill)
    ]
    figures = compare(labels, *pair, CLASSES, resamples=100)
    return "is clearly" in verdicts.comparison_verdict(KEPT, KEPT, figures)


def test_equal_networks_are_called_different_in_at_most_one_of_twenty():
    pairs = 150
    alarms = sum(called_different(seed, 0) for seed in range(pairs))
    assert alarms <= scipy.stats.binom.ppf(0.99, pairs, 0.05)


def test_clear_differences_are_seen():
    assert sum(called_different(seed, 2.5) for seed in range(20)) >= 18


def counts_of(p_value, patients=None):
    counts = {"only_first_correct": 1, "only_second_correct": 3, "p_value": p_value}
    return {"patients": patients, "mcnemar": counts}


COUNTS = "Only the first is right on 1 image, only the second on 3"
MCNEMAR = {
    "images alone": (counts_of(0.25), f"{COUNTS} (McNemar's exact test: p = 0.250)."),
    "tiny": (counts_of(1e-7), f"{COUNTS} (McNemar's exact test: p < 0.001)."),
    "with patients": (
        counts_of(0.25, patients=5),
        f"{COUNTS} (McNemar's exact test: p = 0.250; it takes images for independent, the intervals do not).",
    ),
    "no difference": (counts_of(None), f"{COUNTS}: McNemar's test has nothing to go by."),
}


@pytest.mark.parametrize("case", MCNEMAR)
def test_mcnemar(case):
    figures, expected = MCNEMAR[case]
    assert verdicts.mcnemar(figures) == expected


AUDITS = {
    "failed": (
        {name: audits.FAILED[name] for name in ("duplicates", "patients")} | {"sources": audits.PASSED["sources"]},
        "2 of 2 checks failed: images that look alike and patients in two splits; not run: sources of one class.",
    ),
    "with its floor": (
        {"patients": audits.PASSED["patients"], "blind_floor": audits.FLOOR},
        f"1 of 2 checks failed: what is reached without lungs. {REACHED}.",
    ),
    "passed": ({"patients": audits.check(), "blocks": audits.check()}, "All 2 checks passed."),
    "one passed": ({"patients": audits.check()}, "The check passed."),
    "none": ({"sources": audits.PASSED["sources"]}, "No check could be made; not run: sources of one class."),
}  # fmt: skip


@pytest.mark.parametrize("case", AUDITS)
def test_the_verdict_of_an_audit(case):
    found, expected = AUDITS[case]
    assert verdicts.audit_verdict(found) == expected
