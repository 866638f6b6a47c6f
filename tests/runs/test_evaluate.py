"""Trained networks on other data: what they may be, which data fits them, what is measured."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxcovid.config import Config, as_json
from jaxcovid.errors import InputError
from jaxcovid.inference.inference_model import InferenceModel, load
from jaxcovid.models import build
from jaxcovid.runs import evaluate
from jaxcovid.runs.run import fine_tune
from jaxcovid.training.stated_loss import stated_loss
from tests.report import example
from tests.small_runs import config, noise_folder


def network(name="runs/one", classes=("covid", "normal"), codes=None, thresholds=None):
    """Of which no one computes anything here."""
    model = build(Config().model, len(classes))
    return InferenceModel(
        name, "made up", model, {"params": {"fc": jnp.zeros(1)}, "batch_stats": {}}, classes, codes, (),
        thresholds or {}, {"warnings": ["late"]}, {},
    )  # fmt: skip


@pytest.fixture
def loaded(monkeypatch):
    """Networks by where they are loaded from."""
    networks = {}
    monkeypatch.setattr(evaluate, "load", lambda run: networks[run.name])
    return networks


def test_networks_of_the_same_classes_are_loaded_in_turn(loaded):
    loaded.update(a=network("a"), b=network("b"))
    assert [one.name for one in evaluate.load_models([Path("b"), Path("a")])] == ["b", "a"]


def test_networks_of_other_classes_are_all_listed(loaded):
    loaded.update(a=network("a"), b=network("b", ("x", "y")), c=network("c", ("normal", "covid")))
    with pytest.raises(InputError) as error:
        evaluate.load_models([Path("a"), Path("b"), Path("c")])
    assert list(error.value.problems) == [
        "b knows the classes x, y, but a knows covid, normal: they cannot be compared",
        "c knows the classes normal, covid, but a knows covid, normal: they cannot be compared",
    ]


def progress(items, *_):
    return iter(items)


@pytest.fixture
def folder(tmp_path):
    return noise_folder(tmp_path / "xrays", 2, 3)


def data_of(folder, classes, merge=(), **options):
    settings = {"patient_files": (), "skip_unreadable": False, **options}
    return evaluate.load_evaluation_data(
        folder, "validation", classes, merge, progress=progress, **settings
    )


ORDERS = {
    "the folder's": (("covid", "normal"), (), {0: "covid", 1: "normal"}),
    "another": (("normal", "covid"), (), {0: "normal", 1: "covid"}),
    "a class that is missing": (("a", "covid", "normal"), (), {1: "covid", 2: "normal"}),
    "joined": (("healthy", "ill"), ("ill=covid", "healthy=normal"), {0: "normal", 1: "covid"}),
}


@pytest.mark.parametrize("case", ORDERS)
def test_a_split_is_labelled_in_the_order_of_the_network(case, folder):
    classes, merge, expected = ORDERS[case]
    data = data_of(folder, classes, merge)
    assert data.classes == classes and list(data.splits) == ["validation"]
    split = data.splits["validation"]
    assert len(split.labels) == 6
    for path, label in zip(split.paths, split.labels, strict=True):
        assert path.split("/")[-2] == expected[int(label)]


def test_a_class_that_the_network_does_not_know_is_an_error(folder):
    with pytest.raises(InputError, match="normal"):
        data_of(folder, ("covid", "other"))


def test_patients_are_those_of_the_files(folder, tmp_path):
    table = tmp_path / "patients.csv"
    lines = [f"{label},{n}.png,{label}{n // 2}" for label in ("covid", "normal") for n in range(3)]
    table.write_text("\n".join(["class,file,patient", *lines]))
    data = data_of(folder, ("covid", "normal"), patient_files=(table,))
    groups = data.patients["validation"]
    assert groups is not None and len(set(groups)) == 4


def test_pictures_that_show_almost_nothing_are_a_warning(folder):
    Image.new("L", (40, 30)).save(folder / "validation" / "covid" / "1.png")
    said = "validation/covid/1.png shows almost nothing: 1 of 256 grey levels in 95 % of its pixels"
    assert data_of(folder, ("covid", "normal")).warnings == (said,)


CODES = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float32)


@pytest.mark.parametrize("codes", [None, CODES], ids=["one class each", "codes"])
def test_every_split_is_predicted_and_measured(codes, monkeypatch):
    data = example.dataset({"validation": 12, "test": 6}, ("a", "b", "c"))
    made_up = example.predictions(data)
    predictions = [split._replace(findings=split.probabilities) for split in made_up.values()]
    calls = []

    def predict_split(step, variables, images, order, devices, bar, codes, batch_size, **options):
        assert options == {"independent": False, "with_features": False}
        calls.append((order.tolist(), codes))
        return predictions[len(calls) - 1]

    monkeypatch.setattr(evaluate, "predict_split", predict_split)
    monkeypatch.setattr(evaluate, "compiled_grad_cam", lambda *_: example.explain)
    thresholds = {name: {"90": 0.25, "95": 0.5} for name in "abc"}
    results = evaluate.evaluate_model(
        network("runs/one", ("a", "b", "c"), codes, thresholds), data, {"data": "xrays"}, progress
    )
    assert [order for order, _ in calls] == [list(range(12)), list(range(6))]
    assert all(given is codes for _, given in calls)
    assert results.title == "runs/one (made up) on x-rays <b>" and results.main == "test"
    assert results.thresholds == thresholds  # and none of the validation images here
    assert results.training is None and results.settings["data"] == "xrays"
    assert results.settings["warnings"][-1] == "runs/one was trained so: late"
    assert ("findings" in results.splits["test"].metrics) == (codes is not None)


LOSSES = {
    "focal": {"loss": "focal", "focal_alpha": (0.25, 0.75), "class_weights": "balanced"},
    "several findings": {"loss": "bce", "multilabel": ("covid=covid+normal",)},
}


@pytest.mark.system
@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("case", LOSSES)
def test_the_loss_of_an_evaluation_is_that_of_the_run(case, folder, tmp_path):
    (folder / "train/covid/0.png").unlink()
    (folder / "validation/normal/0.png").unlink()
    run = fine_tune(config(folder, tmp_path / "run", epochs=1, **LOSSES[case]))
    trained = json.loads((run / "metrics.json").read_text())["validation"]["loss"]
    results = evaluate.evaluate(load(run / "weights.safetensors"), folder, "validation")
    np.testing.assert_allclose(results.splits["validation"].metrics["loss"], trained, rtol=1e-5)


STATED = stated_loss(Config(loss="focal"), np.array([0, 1], np.int32), 2)
RECORD = {**as_json(Config()), "dataset": {"images": {"train": {"covid": 1, "normal": 2}}}}

KNOWN = {  # what is known of the loss, and what it is called
    "by the weights": (network()._replace(loss=STATED), "loss"),
    "by the record": (network()._replace(record=RECORD), "loss"),
    "of a caller's own": (network()._replace(record={**RECORD, "habits": ["x"]}), "cross_entropy"),
    "of a changed record": (network()._replace(record={**RECORD, "loss": "x"}), "cross_entropy"),
    "not at all": (network()._replace(record={}), "cross_entropy"),
    "not at all, with codes": (
        network(codes=np.eye(2, dtype=np.float32))._replace(record={}),
        "bce",
    ),
}


@pytest.mark.parametrize("case", KNOWN)
def test_a_loss_that_is_not_the_run_s_has_its_own_name(case):
    known, expected = KNOWN[case]
    assert evaluate._loss(known)[0] == expected
