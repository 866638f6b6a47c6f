"""Doubtful labels: wrong ones are found, whoever else's patients they are, and a control says how many."""

import numpy as np
import pytest

from jaxcovid.audits import labels as labels_of
from jaxcovid.audits.labels import answers_of_others, control, doubtful, labels
from tests.audits.made_up import CLASSES, dataset, noise, split


def overlapping(count, seed=0, apart=2.2):
    """Features of three classes that overlap, as those of X-rays do, and the classes."""
    generator = np.random.default_rng(seed)
    truth = np.arange(count) % 3
    centres = apart * np.eye(3, 12)
    return (generator.normal(size=(count, 12)) + centres[truth]).astype(np.float32), truth


def made(truth, patients=None):
    """Two splits of pictures of nothing, in equal shares."""
    half = len(truth) // 2
    parts = {"train": truth[:half], "validation": truth[half:]}
    splits = {name: split(name, noise(part, size=8), part) for name, part in parts.items()}
    names = None
    if patients is not None:
        names = {"train": patients[:half], "validation": patients[half:]}
    return dataset(splits, names), lambda rows: {"train": rows[:half], "validation": rows[half:]}


def test_five_per_cent_of_flipped_labels_are_found():
    """Recall and precision are of 400 images whose classes a linear classifier tells by 84 %."""
    features, truth = overlapping(400)
    generator = np.random.default_rng(1)
    flipped = generator.permutation(400)[:20]
    wrong = truth.copy()
    wrong[flipped] = (wrong[flipped] + 1) % 3
    data, parted = made(wrong)
    check = labels(data, parted(features))
    paths = [path for part in data.splits.values() for path in part.paths]
    doubted = {row["path"] for row in check["found"]}
    among = sum(paths[place] in doubted for place in flipped)
    assert check["passed"] is True and check["images"] == 400
    assert among / 20 >= 0.75  # recall
    assert among / len(doubted) >= 0.35  # precision; the others overlap
    first = {row["path"] for row in check["found"][:10]}
    assert len(first & {paths[place] for place in flipped}) >= 6
    assert 0.7 < check["accuracy"] < 0.9


def test_what_is_found_says_what_is_likelier():
    features, truth = overlapping(120, apart=6.0)
    truth[7] = (truth[7] + 1) % 3
    data, parted = made(truth)
    check = labels(data, parted(features))
    (row,) = check["found"]
    assert row["split"] == "train" and row["path"] == data.splits["train"].paths[7]
    assert (row["class"], row["likelier"]) == (CLASSES[2], CLASSES[1])
    assert row["probability_of_likelier"] > 0.5 > row["probability_of_class"]
    assert check["control"]["flipped"] == 6 and check["control"]["recall"] >= 0.8


def test_no_image_is_judged_by_others_of_its_patient():
    """Features that name the patient alone say nothing of another patient's labels."""
    generator = np.random.default_rng(0)
    groups = np.arange(200) // 4
    truth = groups % 2
    features = generator.normal(size=(50, 60)).astype(np.float32)[groups]
    known = answers_of_others(features, truth, groups, seed=0)
    unknown = answers_of_others(features, truth, np.arange(200), seed=0)
    assert (known.argmax(1) == truth).mean() < 0.65
    assert (unknown.argmax(1) == truth).mean() > 0.85


def test_patients_are_the_same_in_all_splits():
    features, truth = overlapping(60)
    names = tuple(f"p{place % 30}" for place in range(60))
    data, parted = made(truth, names)
    places = [("train", row) for row in range(30)] + [("validation", row) for row in range(30)]
    groups = labels_of._patients(data, places)
    assert groups[:30].tolist() == groups[30:].tolist() and len(set(groups[:30])) == 30
    assert labels(data, parted(features))["passed"] is True


def test_the_same_seed_gives_the_same_list():
    features, truth = overlapping(200)
    groups = np.arange(200)
    first, again = (
        doubtful(truth, answers_of_others(features, truth, groups, 3)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    assert control(features, truth, groups, 3) == control(features, truth, groups, 3)


UNFIT = {
    "one class": (np.zeros(20, int), None, "all images are of one class"),
    "few patients": (
        np.arange(20) % 2,
        [f"p{place % 8}" for place in range(20)],
        "only 4 patient(s) or image(s) of class 'clear', and 5 tell what others say of each",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_too_few_images_are_not_judged(case):
    truth, patients, reason = UNFIT[case]
    data, parted = made(truth, patients)
    check = labels(data, parted(np.ones((20, 3), np.float32)))
    assert check == {"passed": None, "reason": reason, "found": []}


def test_unlabelled_images_are_left_out():
    features, truth = overlapping(120)
    truth[100:] = -1
    data, parted = made(np.where(truth < 0, 0, truth))
    labelled = data.splits["validation"]._replace(labels=truth[60:])
    data = data._replace(splits={**data.splits, "validation": labelled})
    assert labels(data, parted(features))["images"] == 100
