"""What is planted beside the lungs is a floor above chance; where nothing is, there is none."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxcovid.audits import blind_floor
from jaxcovid.audits.blind_floor import floor_predictions, is_shortcut, trial_of
from jaxcovid.data.dataset import Header
from jaxcovid.results import FLOORS
from tests.audits.made_up import PLAIN, dataset, noise, split

NAMES = ("headers", "border", "thumbnail", "brightness", "shuffled")
SIZES = {"train": 60, "validation": 40}


def marked(picture, label):
    """A letter in the corner, as a hospital's plates have it."""
    pixels = np.array(picture)
    pixels[:4, :12] = 255 if label else 0
    return Image.fromarray(pixels)


def darker_centre(picture, label):
    """What a disease of the lungs changes."""
    pixels = np.array(picture)
    pixels[16:48, 16:48] //= np.uint8(1 + label)
    return Image.fromarray(pixels)


def plain(picture, label):
    return picture


def made(change=plain, header=lambda label: PLAIN, sizes=SIZES, patients=False):
    splits, people = {}, {}
    for seed, (name, count) in enumerate(sizes.items()):
        labels = np.arange(count) % 2
        pictures = [
            change(picture, label)
            for picture, label in zip(noise(labels, seed), labels, strict=True)
        ]
        splits[name] = split(name, pictures, labels, [header(label) for label in labels])
        people[name] = [f"{name}{place // 4}" for place in range(count)]
    return dataset(splits, people if patients else None, classes=("a", "b"))


def checked(data, names=NAMES, network=None, not_run="not run"):
    return blind_floor.blind_floor(data, floor_predictions(data, names), network, not_run)


PLANTED = {  # change of the picture, header by class, floors without lungs above chance
    "nothing": (plain, lambda _: PLAIN, []),
    "a corner mark per class": (marked, lambda _: PLAIN, ["border"]),
    "a size per class": (plain, lambda label: PLAIN._replace(width=96 + label), ["headers"]),
    "a format per class": (plain, lambda label: PLAIN._replace(format=["PNG", "JPEG"][label]), ["headers"]),
    "JPEG tables per class": (plain, lambda label: PLAIN._replace(tables=(5.0 + label, 0.0)), ["headers"]),
    "in the lungs": (darker_centre, lambda _: PLAIN, []),
}  # fmt: skip


@pytest.mark.parametrize("case", PLANTED)
def test_what_is_planted_is_found(case):
    change, header, expected = PLANTED[case]
    check = checked(made(change, header))
    assert [row["floor"] for row in check["found"]] == expected
    assert check["passed"] is not bool(expected)
    assert check["how"] == "fitted on train, measured on validation"
    assert abs(check["shuffled"]["auroc"]["value"] - 0.5) < 0.2
    json.dumps(check, allow_nan=False)


def test_lungs_are_seen_in_thumbnails():
    check = checked(made(darker_centre))
    assert check["thumbnail"]["auroc"]["value"] > 0.95 and check["passed"]


@pytest.mark.parametrize("case", ["nothing", "a corner mark per class"])
def test_without_splits_by_cross_validation(case):
    change, header, expected = PLANTED[case]
    check = checked(made(change, header, {"images": 80}, patients=True))
    assert [row["floor"] for row in check["found"]] == expected
    assert check["how"] == "cross-validated by patient, 5 folds"


def test_a_patient_is_not_learned_from_and_measured():
    """Pictures of a patient are alike, labels are the patient's: apart from that, noise."""
    rng = np.random.default_rng(0)
    count = 80
    labels = rng.integers(0, 2, count // 4).repeat(4)
    of_patient = noise(range(count // 4))
    pictures = [of_patient[place // 4] for place in range(count)]
    data = dataset(
        {"images": split("images", pictures, labels)},
        {"images": [f"p{place // 4}" for place in range(count)]}, classes=("a", "b"),
    )  # fmt: skip
    known = checked(data, ["border"])["border"]["auroc"]
    alone = checked(data._replace(patients={"images": None}), ["border"])["border"]["auroc"]
    assert known["value"] < 0.75 < alone["value"]


TRIALS = {  # sizes, where it learns, what is measured
    "test": ({"train": 20, "validation": 20, "test": 20}, "train", "test"),
    "validation": ({"train": 20, "validation": 20}, "train", "validation"),
    "training alone": ({"train": 20}, None, "train"),
    "one split, not for training": ({"test": 20}, None, "test"),
    "no splits": ({"images": 20}, None, "images"),
}


@pytest.mark.parametrize("case", TRIALS)
def test_where_floors_learn_and_what_is_measured(case):
    sizes, train, measured = TRIALS[case]
    assert trial_of(made(sizes=sizes))[:2] == (train, measured)


def test_unlabelled_images_are_not_measured():
    data = made(sizes={"train": 20, "validation": 20, "test": 20})
    test = data.splits["test"]
    data.splits["test"] = test._replace(labels=np.full_like(test.labels, -1))
    assert trial_of(data).measured == "validation"


def test_a_network_is_led_by_the_strongest_floor():
    data = made(marked)
    right = np.eye(2, dtype=np.float32)[data.splits["validation"].labels] * 0.8 + 0.1
    check = checked(data, network=right)
    assert check["strongest"] == "border" and check["network"]["auroc"]["value"] == 1
    assert set(check["lead"]) == {"auroc", "balanced_accuracy"}
    wrong = right[:, ::-1].copy()
    wrong[::3] = right[::3]
    assert checked(data, network=wrong)["lead"]["auroc"]["high"] < 0


def test_what_is_missing_has_its_reason():
    data = made()
    data.splits.update({name: part._replace(headers=()) for name, part in data.splits.items()})
    check = checked(data, ("headers", "border"), not_run="later")
    assert check["headers"] == {
        "auroc": None, "balanced_accuracy": None, "reason": "the images come from no files",
    }  # fmt: skip
    assert check["brightness"]["reason"] == "later"
    assert set(FLOORS) <= set(check)
    nothing = checked(data, ())
    assert nothing["passed"] is None and nothing["reason"] == "not run"


def test_of_one_class_nothing_is_told():
    data = made(sizes={"images": 20})
    data.splits["images"] = data.splits["images"]._replace(labels=np.zeros(20, np.int32))
    check = checked(data)
    assert check["passed"] is None and "one class" in check["reason"]
    json.dumps(check, allow_nan=False)


def test_every_figure_has_an_interval_or_a_reason():
    check = checked(
        made(header=lambda _: Header(8, 8, "L", "PNG"), sizes={"train": 6, "validation": 6})
    )
    for name in FLOORS:
        of_classes = check[name].get("auroc_of", {}).values()
        for value in (check[name]["auroc"], check[name]["balanced_accuracy"], *of_classes):
            assert value is None or value["low"] is not None or value["reason"]


def test_a_class_that_a_floor_tells_is_named():
    """The mean over classes may hide it."""
    check = checked(made(header=lambda label: PLAIN._replace(width=96 + label)), ["headers"])
    assert set(check["headers"]["auroc_of"]) == {"a", "b"}
    assert check["headers"]["auroc_of"]["a"]["value"] == 1


def test_features_of_a_network_are_probed():
    data = made()
    features = {
        name: np.random.default_rng(0).normal(size=(len(of_split.labels), 5))
        + of_split.labels[:, None]
        for name, of_split in data.splits.items()
    }
    predictions = floor_predictions(data, ["features_without_centre"], features)
    check = blind_floor.blind_floor(data, predictions, None, "not run")
    assert [row["floor"] for row in check["found"]] == ["features_without_centre"]
    assert floor_predictions(data, ["features_without_centre"]) == {}


def test_the_same_every_time():
    data = made(marked)
    one, other = (floor_predictions(data, ["border"])["border"] for _ in range(2))
    np.testing.assert_array_equal(one, other)


SHORTCUTS = {
    "clear": (0.8, 0.7, True),
    "small": (0.59, 0.55, False),
    "unsure": (0.7, 0.48, False),
    "no interval": (0.9, None, False),
}


@pytest.mark.parametrize("case", SHORTCUTS)
def test_what_counts_as_a_shortcut(case):
    value, low, expected = SHORTCUTS[case]
    assert is_shortcut({"value": value, "low": low}) is expected


UNJUDGED = {  # images by split, patients, part of the reason
    "few images": ({"train": 12, "validation": 4}, False, "fewer than 5"),
    "one patient": ({"images": 4}, True, "one patient"),
}


@pytest.mark.parametrize("case", UNJUDGED)
def test_what_cannot_be_judged_does_not_pass(case):
    sizes, patients, reason = UNJUDGED[case]
    check = checked(made(marked, sizes=sizes, patients=patients))
    assert check["passed"] is None and reason in check["reason"] and check["found"] == []


@pytest.mark.parametrize(("of_each", "measured"), [(1, False), (2, True)])
def test_a_handful_of_images_is_no_traceback(of_each, measured):
    labels = np.repeat(np.arange(3), of_each)
    data = dataset({"test": split("test", noise(labels), labels)})
    check = blind_floor.blind_floor(
        data, floor_predictions(data, ["border"]), None, "not asked for"
    )
    if measured:
        assert check["border"]["auroc"]["value"] is not None
    else:
        assert check["passed"] is None
        assert check["reason"] == "no class has two images, so there is nothing to learn from"
