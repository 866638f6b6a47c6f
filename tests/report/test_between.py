"""What is said of folds and seeds, from their figures."""

import numpy as np
import pytest

from jaxcovid.report.between import between_records, between_sentences
from jaxcovid.report.between_tables import folds_table, seeds_table
from jaxcovid.results import Measured, Parted, Results

SETTINGS = {"select": "best", "views": 0, "augment": True, "augmentation": "gentle"}


def figures(auroc):
    return {
        "examples": 10, "patients": 7, "accuracy": 0.5, "balanced_accuracy": 0.25,
        "macro_f1": 0.125, "auroc": auroc,
        "intervals": {
            "accuracy": [0.4, 0.6], "balanced_accuracy": None, "macro_f1": [0.1, 0.2],
            "auroc": None if auroc is None else [auroc - 0.1, auroc + 0.05],
        },
    }  # fmt: skip


def parted(*aurocs, first=1):
    numbers = range(first, first + len(aurocs))
    return Parted(numbers, [*map(figures, aurocs)], [[number, 9] for number in numbers])


def results(main="out_of_fold", folds=None, seeds=None, **settings):
    measured = Measured([], np.zeros(0, int), np.zeros((0, 2), np.float32), figures(0.875))
    return Results(
        "r", ("a", "b"), {main: measured}, main, {}, (), SETTINGS | settings, folds=folds,
        seeds=seeds,
    )  # fmt: skip


def test_the_spread_of_folds_is_told_with_what_it_is_about():
    (said,) = between_sentences(results(folds=parted(0.8, 0.9, 0.85)))
    assert said.startswith(
        "Between the 3 folds macro AUROC ranges from 0.800 to 0.900 (standard deviation 0.050)."
    )
    assert "other patients" in said and said.endswith(
        "What another seed would change is in neither."
    )
    (said,) = between_sentences(results(folds=parted(0.8, None, 0.85)))
    assert said.startswith("Between the 3 folds macro AUROC")


def test_both_uncertainties_are_named_where_seeds_are_known():
    of_folds, of_seeds = between_sentences(
        results(folds=parted(0.8, 0.9), seeds=parted(0.84, 0.86, first=4))
    )
    assert "another seed" not in of_folds
    assert of_seeds == (
        "Between the 2 seeds macro AUROC of the networks of one ranges from 0.840 to 0.860 "
        "(standard deviation 0.014), 0.850 on average; together they have 0.875 (0.775 to 0.925). "
        "Two things leave that open: chance in training, of which the spread of 2 seeds gives an "
        "idea (together they vary less), and which patients are measured on, as the interval says."
    )
    (alone,) = between_sentences(results("test", seeds=parted(0.84, 0.86, first=4)))
    assert "macro AUROC of the network of one ranges" in alone


@pytest.mark.parametrize("kind", ["folds", "seeds"])
def test_too_few_have_no_spread(kind):
    one = results(**{kind: parted(0.8, None)})
    (said,) = between_sentences(one)
    assert said.startswith(f"Macro AUROC is known of fewer than two of the 2 {kind}")
    record = between_records(one)[f"between_{kind}"]
    assert record["auroc"] == {"of_each": [0.8, None], "standard_deviation": None}
    assert record["accuracy"] == {"of_each": [0.5, 0.5], "standard_deviation": 0.0}


def test_each_fold_is_a_row():
    table = folds_table(results(folds=parted(0.8, 0.9)))
    name, images, patients, *_, auroc, epochs = table["rows"][1]
    assert (name, images, patients, epochs) == ("fold 2", 10, 7, "2, 9")
    assert auroc["value"] == "0.900" and "0.800" in auroc["interval"]
    assert table["rows"][-1][3:] == ["0.000", "0.000", "0.000", "0.071", ""]
    assert "Its epoch and thresholds were chosen on patients" in table["caption"]
    of_last = folds_table(results(folds=parted(0.8, 0.9), select="last"))["caption"]
    assert "Its thresholds were chosen on patients" in of_last
    of_several = folds_table(results(folds=parted(0.8, 0.9), seeds=parted(0.8, 0.9)))["caption"]
    assert "Of each fold the 2 networks answer together." in of_several


def test_each_seed_is_a_row_and_all_together_are_one():
    table = seeds_table(results("test", seeds=parted(0.8, None, first=4), views=3))
    assert [row[0] for row in table["rows"]] == [
        "seed 4", "seed 5", "standard deviation", "all together"
    ]  # fmt: skip
    assert table["rows"][2][6] == "—" and table["rows"][3][6]["value"] == "0.875"
    assert "by itself, on the test images" in table["title"]
    assert "the same augmented views" in table["caption"]


@pytest.mark.parametrize(
    "settings", [{}, {"views": 3, "augment": False}, {"views": 3, "augmentation": "none"}]
)
def test_views_are_spoken_of_only_where_there_are_some(settings):
    assert "views" not in seeds_table(results(seeds=parted(0.8, 0.9), **settings))["caption"]


def test_one_network_has_nothing_between():
    alone = results("test")
    assert between_sentences(alone) == [] and between_records(alone) == {}
    assert folds_table(alone) is None and seeds_table(alone) is None
