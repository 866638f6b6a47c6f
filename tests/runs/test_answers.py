"""Answers of several networks, together and as they were written."""

import numpy as np
import pytest

from jaxcovid.checksums import tables_of, write_checksums
from jaxcovid.errors import InputError
from jaxcovid.runs.answers import Answers, joint, mean_loss, read_answers
from jaxcovid.training.label_codes import class_codes
from jaxcovid.training.losses import bce, cross_entropy, weighted

FIRST = np.array([[0.8, 0.2], [0.4, 0.6]], np.float32)
SECOND = np.array([[0.4, 0.6], [0.2, 0.8]], np.float32)
CODES = class_codes(("a", "b"), ["a=a+b"])
TABLE = "split,path,label,prob_a,prob_b\r\ntest,x.png,a,0.75,0.25\r\ntrain,x.png,a,1,0\r\n"


def test_the_mean_of_probabilities_is_the_answer():
    np.testing.assert_allclose(
        joint([Answers(FIRST), Answers(SECOND)]).probabilities, [[0.6, 0.4], [0.3, 0.7]]
    )
    assert joint([Answers(FIRST)]).probabilities is FIRST


def test_where_classes_imply_others_the_mean_is_of_outputs():
    one, other = (Answers(said[::-1], said) for said in (FIRST, SECOND))
    together = joint([one, other], CODES)
    np.testing.assert_allclose(together.findings, [[0.6, 0.4], [0.3, 0.7]], rtol=1e-5)
    logits = np.log([[0.6, 0.4], [0.3, 0.7]]) - np.log1p([[-0.6, -0.4], [-0.3, -0.7]])
    # Of each class the log-likelihood of its code.
    likely = [[np.prod(np.where(code, p, 1 - p)) for code in CODES] for p in 1 / (1 + np.exp(-logits))]  # fmt: skip
    expected = np.array(likely) / np.sum(likely, 1, keepdims=True)
    np.testing.assert_allclose(together.probabilities, expected, rtol=1e-4)


LOSSES = {
    "entropy": (Answers(FIRST), cross_entropy(), -np.mean(np.log([0.8, 0.6]))),
    "by class": (
        Answers(FIRST), weighted(cross_entropy(), np.array([3.0, 1.0])),
        -(3 * np.log(0.8) + np.log(0.6)) / 4,
    ),
    "of outputs": (
        Answers(FIRST, FIRST), bce(CODES),
        -np.mean(np.log([0.8, 0.2, 1 - 0.4, 0.6])),
    ),
    "impossible": (Answers(np.array([[0, 1], [0, 1]], np.float32)), cross_entropy(), 7.254),
}  # fmt: skip


@pytest.mark.parametrize("answers, loss, expected", LOSSES.values(), ids=LOSSES)
def test_the_loss_is_that_of_training(answers, loss, expected):
    assert mean_loss(answers, np.array([0, 1]), loss) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("labels", [[], [0, -1]])
def test_without_labels_there_is_no_loss(labels):
    said = Answers(FIRST[: len(labels)])
    assert np.isnan(mean_loss(said, np.array(labels, int), cross_entropy()))


def written(folder, table):
    (folder / "predictions.csv").write_text(table, newline="")
    (folder / "history.csv").write_text("")
    write_checksums(folder, tables_of(folder))
    return folder


def test_reads_what_a_run_wrote_of_a_split(tmp_path):
    run = written(tmp_path, TABLE)
    said = read_answers(run, "test", ["x.png"], ("a", "b"))
    assert said.probabilities.tolist() == [[0.75, 0.25]] and said.findings is None
    assert read_answers(run, "validation", [], ("a", "b")).probabilities.shape == (0, 2)
    coded = TABLE.replace("prob_b\r", "prob_b,finding_a,finding_b\r").replace(
        "0.25\r", "0.25,.5,1\r"
    )
    coded = coded.replace("1,0\r", "1,0,1,0\r")
    said = read_answers(written(tmp_path, coded), "test", ["x.png"], ("a", "b"))
    assert said.findings.tolist() == [[0.5, 1.0]]


DAMAGED = {
    "a number that is none": TABLE.replace("0.75", "much"),
    "an image that is missing": TABLE.replace("test,x.png", "test,y.png"),
    "a class that is missing": TABLE.replace("prob_b", "prob_c"),
}


@pytest.mark.parametrize("table", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_table_is_told(table, tmp_path):
    with pytest.raises(InputError, match=r"predictions.csv is damaged"):
        read_answers(written(tmp_path, table), "test", ["x.png"], ("a", "b"))


def test_a_missing_table_is_told(tmp_path):
    (written(tmp_path, TABLE) / "predictions.csv").unlink()
    with pytest.raises(InputError, match=r"predictions.csv"):
        read_answers(tmp_path, "test", ["x.png"], ("a", "b"))
