"""What is said of folds, from their figures."""

import numpy as np

from jaxcovid.report.fold_table import folds_table
from jaxcovid.report.fold_words import folds_record, folds_sentence
from jaxcovid.results import FoldFigures, Results


def results(*aurocs, select="best"):
    metrics = [
        {
            "test": {
                "examples": 10, "patients": 7, "accuracy": 0.5, "balanced_accuracy": 0.25,
                "macro_f1": 0.125, "auroc": auroc,
                "intervals": {
                    "accuracy": [0.4, 0.6], "balanced_accuracy": None, "macro_f1": [0.1, 0.2],
                    "auroc": None if auroc is None else [auroc - 0.1, auroc + 0.05],
                },
            },
            "measured_epoch": {"epoch": number, "of": 3},
        }
        for number, auroc in enumerate(aurocs, 1)
    ]  # fmt: skip
    folds = FoldFigures(np.ones(10, np.int32), metrics)
    return Results("r", ("a", "b"), {}, "out_of_fold", {}, (), {"select": select}, folds=folds)


def test_the_spread_is_told_with_what_it_is_about():
    said = folds_sentence(results(0.8, 0.9, 0.85))
    assert said.startswith(
        "Between the 3 folds macro AUROC ranges from 0.800 to 0.900 (standard deviation 0.050)."
    )
    assert "other patients" in said and "another seed" in said
    assert folds_sentence(results(0.8, None, 0.85)).startswith("Between the 3 folds macro AUROC")


def test_too_few_folds_have_no_spread():
    one = results(0.8, None)
    assert folds_sentence(one).startswith("Macro AUROC is known of fewer than two of the 2 folds")
    assert folds_record(one)["auroc"] == {"of_each": [0.8, None], "standard_deviation": None}
    assert folds_table(one)["rows"][-1] == ["standard deviation", "", "", "0.000", "0.000", "0.000", "—", ""]  # fmt: skip


def test_each_fold_is_a_row():
    table = folds_table(results(0.8, 0.9))
    name, images, patients, *_, auroc, epoch = table["rows"][1]
    assert (name, images, patients, epoch) == ("fold 2", 10, 7, 2)
    assert auroc["value"] == "0.900" and "0.800" in auroc["interval"]
    assert "Its epoch and thresholds were chosen on patients" in table["caption"]
    of_last = folds_table(results(0.8, 0.9, select="last"))["caption"]
    assert "Its thresholds were chosen on patients" in of_last
    assert folds_table(results()._replace(folds=None)) is None
    assert folds_sentence(results()._replace(folds=None)) == ""
