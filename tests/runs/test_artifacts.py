"""The files of a run, from made-up results; how their pages look is for tests/report."""

import csv
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import weights_convert
from jaxcovid import models, seal
from jaxcovid.config import Config
from jaxcovid.inference.inference_model import InferenceModel, load
from jaxcovid.results import Audit, Epoch
from jaxcovid.runs import artifacts
from jaxcovid.statistics.comparison import compare
from jaxcovid.training.losses import cross_entropy
from jaxcovid.training.parts import Parts
from jaxcovid.training.setup import Network, Targets, Task
from jaxcovid.training.step import TrainState, as_they_are
from tests.report import example
from tests.small_runs import blank_charts

CLASSES = example.CLASSES
CODES = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float32)


@functools.cache
def results(with_training=True, with_findings=False, seed=1):
    """Of two splits, the second without labels."""
    data = example.dataset({"validation": 6, "test": 3})
    predictions = example.predictions(data, seed)
    if with_findings:
        predictions = {
            name: split._replace(findings=split.probabilities @ CODES)
            for name, split in predictions.items()
        }
    levels = np.array([0, 3, 0], np.int32)
    unknown = data.splits["test"]._replace(labels=np.full(3, -1, np.int32), few_levels=levels)
    data = data._replace(splits={**data.splits, "test": unknown})
    return example.results(data, with_training, predictions=predictions)


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A run's folder, and the descriptions of its progress bars."""
    folder, watched = tmp_path_factory.mktemp("run"), []

    def bar(items, **options):
        watched.append(options["desc"])
        return items

    with blank_charts():
        artifacts.write_results(folder, results(with_findings=True), bar)
    return folder, watched


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The folder of a comparison of two networks, which holds their evaluations, and its figures."""
    folder = tmp_path_factory.mktemp("comparison")
    first, second = results(False), results(False, seed=3)
    split = first.splits["validation"]
    other = second.splits["validation"].probabilities
    figures = compare(split.labels, split.probabilities, other, CLASSES)
    with blank_charts():
        artifacts.write_comparison(folder, first, second, figures)
    return folder, figures


def test_predictions(written):
    folder, _ = written
    validation = results(with_findings=True).splits["validation"]
    table = rows(folder / "predictions.csv")
    assert list(table[0]) == [
        "split", "path", "label", "prediction", "correct", *(f"prob_{name}" for name in CLASSES),
        *(f"finding_{name}" for name in CLASSES), "note",
    ]  # fmt: skip
    assert [row["split"] for row in table] == ["validation"] * 6 + ["test"] * 3
    for row, path, label, probabilities, findings in zip(
        table[:6], validation.paths, validation.labels, validation.probabilities,
        validation.findings, strict=True,
    ):  # fmt: skip
        predicted = int(probabilities.argmax())
        assert (row["path"], row["label"]) == (path, CLASSES[label])
        assert (row["prediction"], row["correct"]) == (CLASSES[predicted], str(predicted == label))
        assert row[f"prob_{CLASSES[0]}"] == f"{probabilities[0]:.6f}"
        assert row[f"finding_{CLASSES[0]}"] == f"{findings[0]:.6f}"
    assert all(row["label"] == row["correct"] == "" for row in table[6:])
    said = "shows almost nothing: 3 of 256 grey levels in 95 % of its pixels"
    assert [row["note"] for row in table] == [*[""] * 7, said, ""]


def test_without_findings_there_are_no_columns_for_them(compared):
    (first, *_) = rows(compared[0] / "first" / "predictions.csv")
    assert list(first)[5:] == [*(f"prob_{name}" for name in CLASSES), "note"]


def test_metrics_of_labelled_splits_and_the_audit(written):
    metrics = json.loads((written[0] / "metrics.json").read_text())
    assert set(metrics) == {"validation", "freeze_audit", "measured_epoch", "disclaimer", "sha256"}
    accuracy = results(with_findings=True).splits["validation"].metrics["accuracy"]
    assert metrics["validation"]["accuracy"] == accuracy
    assert metrics["freeze_audit"] == {
        "frozen_unchanged": True, "frozen_leaves": 100, "trainable_leaves": 4,
        "trainable_changed": 4, "violations": [],
    }  # fmt: skip
    assert metrics["measured_epoch"] == {"epoch": 2, "of": 3}


def test_without_training_there_is_no_audit(compared):
    metrics = json.loads((compared[0] / "first" / "metrics.json").read_text())
    assert set(metrics) == {"validation", "disclaimer", "sha256"}


def test_pictures_are_drawn_under_a_bar(written):
    folder, watched = written
    assert watched == ["Drawing"]
    assert "plots/confusion_validation.png" in names(folder)


def test_an_evaluation_has_its_settings_too(compared):
    folder = compared[0] / "first"
    record = json.loads((folder / "config.json").read_text())
    assert seal.unsealed(record) == example.ELSEWHERE
    assert {"config.json", "metrics.json", "predictions.csv", "report.html"} < set(names(folder))


def test_a_comparison_holds_both_and_their_differences(compared):
    folder, figures = compared
    record = json.loads((folder / "comparison.json").read_text())
    assert record["networks"] == ["runs/one", "runs/one"] and record["disclaimer"]
    assert record["mcnemar"] == figures["mcnemar"]
    assert names(folder / "first") == names(folder / "second")
    assert {path.name for path in folder.iterdir()} == {
        "first", "second", "plots", "report.html", "comparison.json"
    }  # fmt: skip
    assert names(folder / "plots") == ["differences.png"]


def test_the_history_has_a_line_for_every_epoch(tmp_path):
    history = example.training().history
    for count in (1, 3):
        artifacts.write_history(tmp_path, history[:count])
        table = rows(tmp_path / "history.csv")
        assert [Epoch(*map(float, row.values())) for row in table] == history[:count]
    assert list(table[0]) == list(Epoch._fields)


def test_config_json_keeps_any_text(tmp_path):
    artifacts.write_config(tmp_path, {"data": "肺 <b>"})
    record = json.loads((tmp_path / "config.json").read_text())
    assert seal.unsealed(record) == {"data": "肺 <b>"}


@pytest.fixture(scope="module")
def task():
    """What writing weights needs of a task: a network of which every array is a number."""
    config = Config(head=(4,), dropout=0.5, merge=("x=y+z",), weights_file="other.pth")
    entries = weights_convert.table(config.model, 3, (4,), True)
    model = models.build(config.model, 3, (4,), 0.5)
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
    leaves, tree = jax.tree.flatten(shapes)
    variables = jax.tree.unflatten(
        tree, [np.full(leaf.shape, number, np.float32) for number, leaf in enumerate(leaves)]
    )
    network = Network(model, entries, {}, frozenset(), frozenset(), [], "", {})
    targets = Targets(CODES, CODES, as_they_are)
    data = example.dataset({"train": 3, "test": 3})._replace(classes=("x", "normal", "covid"))
    state = TrainState(
        jnp.int32(0), variables["params"], variables["batch_stats"], (), jax.random.key(0)
    )
    unused = dict.fromkeys(("parts", "devices", "frozen", "steps"))
    task = Task(
        config=config, dataset=data, network=network, targets=targets, state=state, **unused
    )
    return task._replace(parts=Parts())


def test_weights_are_what_prediction_loads(task, tmp_path):
    thresholds = {"normal": {"90": 0.25, "95": None}}
    artifacts.write_weights(tmp_path, task, task.state, thresholds)
    assert names(tmp_path) == ["other.pth", "weights.pth", "weights.safetensors"]
    for name in names(tmp_path):
        network = load(tmp_path / name)
        assert (network.architecture, network.classes) == (
            task.config.model, ("x", "normal", "covid")
        )  # fmt: skip
        assert (network.model.hidden, network.model.dropout) == ((4,), 0.5)
        assert (network.thresholds, network.merge) == (thresholds, ("x=y+z",))
        np.testing.assert_array_equal(network.codes, CODES)
        assert (network.loss["loss"], sum(network.loss["train_images"])) == ("cross_entropy", 3)
        for collection, arrays in (
            ("params", task.state.params), ("batch_stats", task.state.batch_stats)
        ):  # fmt: skip
            same = jax.tree.map(np.array_equal, network.variables[collection], arrays)
            assert all(jax.tree.leaves(same)), (name, collection)


def test_without_a_second_name_there_are_two_files(task, tmp_path):
    another_loss = Parts(loss=lambda *_: cross_entropy())
    alone = task._replace(config=Config(head=(4,), dropout=0.5), parts=another_loss)
    artifacts.write_weights(tmp_path, alone, task.state, {})
    assert load(tmp_path / "weights.pth").loss is None
    assert names(tmp_path) == ["weights.pth", "weights.safetensors"]


def test_an_audit_of_a_run_advises_what_the_run_does_not_do_yet(tmp_path):
    known = {"weights_source": "w", "sampling": "balanced-by-source"}
    network = InferenceModel(
        "one", "resnet18", models.build("resnet18", 3), {}, CLASSES, None, (), {}, known, {}
    )
    found = {"passed": False, "found": [], "association": None}
    pages = []
    for name, audited in (("alone", None), ("run", network)):
        (tmp_path / name).mkdir()
        with blank_charts():
            artifacts.write_audit(
                tmp_path / name, Audit({"sources": found}), example.dataset({"test": 4}), audited
            )
        pages.append((tmp_path / name / "report.html").read_text())
    assert "What may help" in pages[0] and "What may help" not in pages[1]
    assert "The run that made one" in pages[1]
