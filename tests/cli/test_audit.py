"""`jaxcovid audit`: what it writes, its exit code, what it refuses."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxcovid.cli import audit
from jaxcovid.cli.flags import Audit
from jaxcovid.errors import InputError
from tests.cli.commands import call

DATA_CHECKS = {"duplicates", "patients", "blocks", "sources", "blind_floor"}


def xrays(folder, mark=False, splits=("train", "validation")):
    """Two classes of noise; one may have a bright corner."""
    rng = np.random.default_rng(0)
    for split in splits:
        for label in ("covid", "normal"):
            (folder / split / label).mkdir(parents=True)
            for number in range(30):
                pixels = rng.integers(0, 255, (64, 64), np.uint8)
                if mark and label == "covid":
                    pixels[:8, :20] = 255
                Image.fromarray(pixels).save(folder / split / label / f"{number}.png")
    return folder


def written(output):
    assert {path.name for path in output.iterdir()} == {"audit.json", "plots", "report.html"}
    return json.loads((output / "audit.json").read_text())


def test_a_learning_curve_needs_the_folder_of_a_run(tmp_path, capsys):
    folder = xrays(tmp_path / "x")
    flags = ("--data", folder, "--learning-curve", "--output", tmp_path / "out")
    assert call("audit", *flags) == 2
    assert "it trains as a run did; give that run's folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_learning_curve_makes_no_mistakes_of_the_original(tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text("{}")
    flags = Audit(data=tmp_path, run=run, learning_curve=True)
    with pytest.raises(InputError, match="was trained with sigmoid_twice, which it is not"):
        audit._curve_settings(flags, {"habits": ["sigmoid_twice"]})


def test_a_learning_curve_is_of_the_data_that_are_audited(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    stored = {
        "data": ["a", "b"],
        "source": ["one", "two"],
        "columns": ["label=x"],
        "fold": 1,
        "folds": 3,
        "resplit": True,
        "split": [60.0, 20.0, 20.0],
    }
    (run / "config.json").write_text(json.dumps(stored))
    settings = audit._curve_settings(Audit(data=tmp_path, run=run, learning_curve=True), {})
    assert (settings.data, settings.source, settings.columns) == (str(tmp_path), (), ())
    assert (settings.fold, settings.folds) == (None, None)
    table = tmp_path / "images.csv"
    table.write_text("file,x")
    settings = audit._curve_settings(Audit(data=table, run=run, learning_curve=True), {})
    assert settings.columns == ("label=x",)
    assert (settings.resplit, settings.split) == (True, (60.0, 20.0, 20.0))
    flags = Audit(data=table, run=run, learning_curve=True, folds=4)
    settings = audit._curve_settings(flags, {})
    assert (settings.folds, settings.resplit, settings.split) == (4, False, ())


def test_a_clean_set_passes(tmp_path, capsys):
    assert call("audit", "--data", xrays(tmp_path / "x"), "--output", tmp_path / "out") == 0
    record = written(tmp_path / "out")
    assert record["passed"] and record["data"] == "x" and set(record) >= DATA_CHECKS
    assert record["disclaimer"] == "Not for clinical use."
    printed = capsys.readouterr().out
    assert (
        "Not for clinical use" in printed
        and f"look at {tmp_path / 'out' / 'report.html'}" in printed
    )


def test_a_mark_per_class_fails(tmp_path, capsys):
    folder = xrays(tmp_path / "x", mark=True, splits=("",))
    assert call("audit", "--data", folder, "--output", tmp_path / "out") == 1
    floor = written(tmp_path / "out")["blind_floor"]
    assert [row["floor"] for row in floor["found"]] == ["border"]
    assert set(floor["border"]["auroc"]) == {"value", "low", "high"}
    assert "border of the image" in capsys.readouterr().out


@pytest.mark.usefixtures("undrawn")
def test_a_table_is_audited(tmp_path, capsys):
    folder = xrays(tmp_path / "x", splits=("train",))
    lines = [f"{path.relative_to(folder)},{path.parent.name}" for path in folder.rglob("*.png")]
    (folder / "t.csv").write_text("\n".join(["file,label", *lines, "gone.png,normal"]))
    assert call("audit", "--data", folder / "t.csv", "--output", tmp_path / "out") == 0
    assert set(written(tmp_path / "out")) >= DATA_CHECKS
    assert "gone.png" in capsys.readouterr().out


@pytest.mark.usefixtures("undrawn")
def test_a_network_is_audited(run, data, tmp_path):
    table = tmp_path / "p.csv"
    lines = [f"{label},{n}.png,{label}{n},{'PA' if n % 2 else 'AP'}"
             for label in ("covid", "normal") for n in range(4)]  # fmt: skip
    table.write_text("\n".join(["class,file,patient,view", *lines]))
    output = tmp_path / "out"
    code = call("audit", run, "--data", data, "--patients", table, "--output", output)
    record = written(output)
    assert set(record) >= DATA_CHECKS | {"lungs", "subgroups"} and record["network"] == run.name
    assert code == (0 if record["passed"] else 1)
    assert set(record["subgroups"]["table"]["view"]) == {"AP", "PA"}
    assert record["blind_floor"]["features_without_centre"]["auroc"] is not None
    assert record["blind_floor"]["network"]["auroc"] == record["lungs"]["whole"]["auroc"]


BAD = {
    "no such data": (lambda folder: ("--data", folder / "none"), "--data"),
    "no classes": (lambda folder: ("--data", folder), "class folder"),
    "folds of nothing": (lambda folder: ("--data", xrays(folder / "x"), "--folds", 3), "--folds: is about the learning curve"),
    "output exists": (lambda folder: ("--data", xrays(folder / "x"), "--output", folder), "--output"),
    "no such run": (lambda folder: (folder / "none", "--data", xrays(folder / "x")), "none"),
    "no such patients": (lambda folder: ("--data", xrays(folder / "x"), "--patients", folder / "none.csv"), "--patients"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_and_nothing_written(case, tmp_path, capsys):
    arguments, part = BAD[case]
    given = arguments(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    output = () if "--output" in given else ("--output", tmp_path / "out")
    assert call("audit", *given, *output) == 2
    assert part in capsys.readouterr().err
    assert [path for path in sorted(tmp_path.rglob("*")) if "cache" not in str(path)] == before
