"""What a run's page says beside tables and charts."""

import numpy as np
import pytest

from jaxcovid.report import parts
from jaxcovid.results import Example, FreezeAudit, Seen
from tests.report import example, planted

KINDS = {
    "best": (True, True, "Best."),
    "best, yet wrong": (True, False, "Best, yet wrong."),
    "right": (False, True, "Least sure."),
    "wrong": (False, False, "Worst."),
}


@pytest.mark.parametrize("case", KINDS)
def test_worst_are_only_wrong_answers(case):
    best, correct, expected = KINDS[case]
    made_up = example.results(example.dataset({"test": 12}), with_training=False)
    split = made_up.splits["test"]
    right = split.probabilities.argmax(1) == split.labels
    place = int((right == correct).argmax())
    old = made_up.examples[0]
    made_up = made_up._replace(examples=[Example(place, best, old.pixels, old.heat)])
    (shown,), further = parts.example_content(made_up)
    assert (shown["kind"], shown["correct"], further) == (expected, correct, [])


def test_of_each_class_one_example_comes_first():
    made_up = example.results(example.dataset({"test": 30}), with_training=False)
    first, further = parts.example_content(made_up)
    assert [shown["true"] for shown in first] == list(example.CLASSES)
    assert [group["title"] for group in further] == list(example.CLASSES)
    names = [
        shown["xray"] for shown in [*first, *(m for group in further for m in group["members"])]
    ]
    assert sorted(names) == sorted(f"example_{number}" for number in range(12))


AUDITS = {
    "passed": (FreezeAudit(True, 100, 4, 4, ()), "all 100 frozen arrays"),
    "nothing frozen": (FreezeAudit(True, 0, 4, 4, ()), "Nothing was frozen; 4 of 4"),
    "failed": (FreezeAudit(False, 100, 4, 4, ("a", "b")), "FAILED: these should not have changed: a, b."),
}  # fmt: skip


@pytest.mark.parametrize("case", AUDITS)
def test_the_freeze_audit(case):
    audit, expected = AUDITS[case]
    content = parts.plan_content(
        example.training()._replace(audit=audit), example.SETTINGS, ["loss"]
    )
    assert expected in content["audit"] and content["audit_passed"] == audit.frozen_unchanged
    assert content["curves"] == ["loss"]
    assert content["sentence"].endswith("after epoch 2 of 3, that of lowest validation loss.")


def test_a_checklist_without_rows_is_none():
    assert parts.checklist_table([]) is None
    rows = parts.checklist_table(planted.CHECKLIST)["rows"]
    assert rows[-1] == ["44", "funding and the funders' part", "not stated", ""]


def test_a_tile_says_where_there_is_no_interval():
    metrics = {"accuracy": 0.5, "balanced_accuracy": 0.5, "macro_f1": None, "auroc": 0.75}
    intervals = {**dict.fromkeys(metrics), "auroc": (0.7, 0.8)}
    internal = {"split": "validation", "auroc": planted.figure(0.9)}
    tiles = {
        tile["name"]: tile for tile in parts.tiles({**metrics, "intervals": intervals}, internal)
    }
    assert [(tile["value"], tile["interval"]) for tile in tiles.values()] == [
        ("0.500", "no interval"),
        ("0.500", "no interval"),
        ("—", "undefined"),
        ("0.750", "0.700 to 0.800"),
    ]
    assert [bool(tile["internal"]) for tile in tiles.values()] == [False, False, False, True]


def note(shares, shown):
    square = np.zeros((4, 4), np.uint8), (0.0, 0.0, 4.0, 4.0)
    seen = Seen(shares, [square] * shown)
    return parts.seen_note(example.results()._replace(seen=seen)).replace("\N{NO-BREAK SPACE}", " ")


def test_what_is_cut_off_is_said_of_the_classes_that_are_shown():
    assert "in an image of a, of b. By area" in note({"a": 0.5, "b": 0.76}, 2)
    assert "images, 50 % of a, 76 % of b. Trained" in note({"a": 0.5, "b": 0.76}, 2)
    many = {str(number): 0.1 * number for number in range(1, 9)}
    assert "20 % of 2; of all 8 classes 10 % to 80 %. Trained" in note(many, 2)
