"""`jaxcovid evaluate` on a small run: what it says, writes and refuses."""

import json
import shutil

import jax
import pytest

import weights_convert
from tests.cli.commands import call


@pytest.mark.usefixtures("undrawn")
def test_evaluation_of_the_run_s_own_validation_repeats_its_metrics(run, data, tmp_path, capsys):
    output = tmp_path / "out"
    assert call("evaluate", run, "--data", data, "--split", "validation", "--output", output) == 0
    mine, own = (json.loads((each / "metrics.json").read_text()) for each in (output, run))
    assert jax.tree.structure(mine["validation"]) == jax.tree.structure(own["validation"])
    repeated, first = (jax.tree.leaves(it["validation"]) for it in (mine, own))
    # Batches of another size round otherwise.
    assert repeated == [
        pytest.approx(value, rel=1e-6) if isinstance(value, float) else value for value in first
    ]
    assert "freeze_audit" not in mine
    names = {path.name for path in output.iterdir()}
    assert names == {
        "config.json", "metrics.json", "audit.json", "checklist.md", "plots", "predictions.csv",
        "report.html",
    }  # fmt: skip
    record = json.loads((output / "config.json").read_text())
    assert record["network"] == run.name and record["data"] == str(data)
    assert record["run"]["epochs"] == 2
    assert f"look at {output / 'report.html'}" in capsys.readouterr().out


@pytest.mark.usefixtures("undrawn")
def test_a_table_of_the_same_images_gives_the_same_figures(run, data, tmp_path, capsys):
    images = sorted((data / "validation").rglob("*.png"))
    lines = [f"{path.relative_to(data)},{path.parent.name.title()}" for path in images]
    (tmp_path / "images.csv").write_text("\n".join(["file,finding", *lines]))
    flags = ["--data", tmp_path / "images.csv", "--images", data, "--output", tmp_path / "out"]
    assert call("evaluate", run, *flags, "--labels", "covid=Covid", "normal=N*") == 0
    mine, own = (
        json.loads((each / "metrics.json").read_text()) for each in (tmp_path / "out", run)
    )
    assert mine["test"]["confusion_matrix"] == own["validation"]["confusion_matrix"]
    assert mine["test"]["auroc"] == pytest.approx(own["validation"]["auroc"])
    record = json.loads((tmp_path / "out" / "config.json").read_text())
    assert record["labels"] == ["covid=Covid", "normal=N*"] and record["images"] == str(data)
    assert "images.csv: " in capsys.readouterr().out  # what was understood of its columns


@pytest.mark.usefixtures("undrawn")
def test_several_folders_are_evaluated_as_one(run, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, label in ((one, "covid"), (two, "normal")):
        shutil.copytree(data / "validation" / label, folder / label)
    assert call("evaluate", run, "--data", one, two, "--source", "here", "there") == 0
    (out,) = tmp_path.glob(f"evaluations/{run.name}-one-and-1-more-*")
    mine, own = (json.loads((each / "metrics.json").read_text()) for each in (out, run))
    assert mine["test"]["confusion_matrix"] == own["validation"]["confusion_matrix"]
    record = json.loads((out / "config.json").read_text())
    assert record["data"] == [str(one), str(two)] and record["source"] == ["here", "there"]


@pytest.mark.usefixtures("undrawn")
def test_two_runs_are_compared(run, data, tmp_path, capsys):
    weights = weights_convert.read(run / "weights.safetensors")
    arrays = weights.arrays | {"fc.2.weight": -weights.arrays["fc.2.weight"]}
    other = tmp_path / "other.safetensors"
    weights_convert.save(other, arrays, weights.metadata)
    output = tmp_path / "out"
    patients = tmp_path / "p.csv"
    lines = [
        f"{label},{index}.png,{label}{index // 2}"
        for label in ("covid", "normal")
        for index in range(4)
    ]
    patients.write_text("\n".join(["class,file,patient", *lines]))
    assert (
        call("evaluate", run, other, "--data", data, "--output", output, "--patients", patients)
        == 0
    )
    compared = json.loads((output / "comparison.json").read_text())
    one, two = (
        json.loads((output / name / "metrics.json").read_text()) for name in ("first", "second")
    )
    accuracy = compared["differences"]["accuracy"]
    assert accuracy["difference"] == pytest.approx(
        two["test"]["accuracy"] - one["test"]["accuracy"]
    )
    assert compared["patients"] == one["test"]["patients"] == 4
    assert "McNemar" in (output / "report.html").read_text()
    assert "95 % interval" in capsys.readouterr().out


def two_others(run, folder):
    weights = weights_convert.read(run / "weights.safetensors")
    renamed = weights.metadata | {"classes": '["covid", "other"]', "thresholds": "{}"}
    weights_convert.save(folder / "other.safetensors", weights.arrays, renamed)
    return [run, folder / "other.safetensors"]


BAD_EVALUATIONS = {
    "three runs": (lambda run, _: [run] * 3, (), "3 are given"),
    "other classes": (two_others, (), "cannot be compared"),
    "unknown split": (lambda run, _: [run], ("--split", "x"), "--split: x"),
    "no such data": (lambda run, _: [run], ("--data", "/no"), "--data: /no"),
    "output exists": (lambda run, folder: [run], ("--output", "."), "--output: . exists"),
    "labels of a folder": (lambda run, _: [run], ("--labels", "a=b"), "--labels: "),
}


@pytest.mark.parametrize("case", BAD_EVALUATIONS)
def test_evaluations_that_cannot_be(case, run, data, tmp_path, capfd):
    make, flags, message = BAD_EVALUATIONS[case]
    given = {"--data": data, "--output": tmp_path / "out"} | dict(
        zip(flags[::2], flags[1::2], strict=True)
    )
    pairs = [each for pair in given.items() for each in pair]
    assert call("evaluate", *make(run, tmp_path), *pairs) == 2
    printed = capfd.readouterr()
    assert message in printed.err and "Traceback" not in printed.err
    assert not (tmp_path / "out").exists()


def test_a_class_that_the_run_does_not_know(run, data, tmp_path, capfd):
    shutil.copytree(data / "test", tmp_path / "d" / "test")
    (tmp_path / "d" / "test" / "covid").rename(tmp_path / "d" / "test" / "flu")
    assert call("evaluate", run, "--data", tmp_path / "d", "--output", tmp_path / "out") == 2
    assert "'flu'" in capfd.readouterr().err
