"""`jaxcovid predict` on a small run: what it says, writes and refuses."""

import csv
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import weights_convert
from jaxcovid.csv_file import read_rows
from jaxcovid.errors import InputError
from jaxcovid.inference import inference_model
from tests.cli.commands import call


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def sources(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    for suffix in (".pth", ".safetensors"):
        shutil.copy(run / f"weights{suffix}", folder)
    return {
        "run": run,
        "pth": folder / "weights.pth",
        "safetensors": folder / "weights.safetensors",
    }


@pytest.mark.parametrize("kind", ["run", "pth", "safetensors"])
def test_predictions_are_those_of_the_run(kind, sources, run, data, tmp_path, capsys):
    assert call("predict", sources[kind], data / "validation", "--csv", tmp_path / "out.csv") == 0
    expected = {
        row["path"]: row for row in rows(run / "predictions.csv") if row["split"] == "validation"
    }
    found = rows(tmp_path / "out.csv")
    assert list(found[0]) == ["path", "prediction", "prob_covid", "prob_normal", "problem", "note"]
    assert len(found) == len(expected) == 8
    for row in found:
        reference = expected[row["path"].removeprefix(f"{data}/")]
        assert row["prediction"] == reference["prediction"]
        assert row["problem"] == row["note"] == ""
        assert float(row["prob_covid"]) == pytest.approx(float(reference["prob_covid"]), abs=2e-5)
    assert "Not for clinical use." in capsys.readouterr().out


def test_unreadable_files_do_not_stop_the_others(run, data, tmp_path, capfd):
    (tmp_path / "in").mkdir()
    for index in range(3):
        shutil.copy(data / f"validation/normal/{index}.png", tmp_path / "in" / f"{index}.png")
    (tmp_path / "in" / "1.png").write_bytes(b"\x89PNG broken")
    code = call(
        "predict", run, tmp_path / "in", tmp_path / "gone.png", "--csv", tmp_path / "out.csv"
    )
    assert code == 2
    found = rows(tmp_path / "out.csv")
    assert [bool(row["problem"]) for row in found] == [False, True, False, True]
    assert [bool(row["prediction"]) for row in found] == [True, False, True, False]
    printed = capfd.readouterr()
    assert "2 file(s) could not be read" in printed.err and "there is no such file" in printed.err
    assert "Traceback" not in printed.err


def test_pictures_that_show_almost_nothing_are_named(run, data, tmp_path, capsys):
    shutil.copytree(data / "validation/normal", tmp_path / "in")
    Image.new("L", (30, 40)).save(tmp_path / "in" / "1.png")
    said = "shows almost nothing: 1 of 256 grey levels in 95 % of its pixels"
    assert call("predict", run, tmp_path / "in", "--csv", tmp_path / "out.csv") == 0
    table = rows(tmp_path / "out.csv")
    assert [row["note"] for row in table] == ["", said, *[""] * (len(table) - 2)]
    assert table[1]["prediction"] and not table[1]["problem"]
    assert f"Warning: {tmp_path / 'in' / '1.png'} {said}\n" in capsys.readouterr().err
    assert call("predict", run, tmp_path / "in") == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "nothing" in line)
    assert line.startswith(f"{tmp_path / 'in' / '1.png'}: ") and line.endswith(f"); {said}")


def test_a_name_that_is_no_text_stops_nothing(run, data, tmp_path, capfd):
    odd = tmp_path / "in" / os.fsdecode(b'odd\xff,\n".png')
    odd.parent.mkdir()
    shutil.copy(data / "validation/normal/0.png", odd)
    # Four files, as elsewhere: a program is compiled for each number of them.
    long = [tmp_path / (letter * 300) for letter in "xyz"]
    assert call("predict", run, odd.parent, *long, "--csv", tmp_path / "out.csv") == 2
    first, *others = rows(tmp_path / "out.csv")
    assert first["prediction"] and "\N{REPLACEMENT CHARACTER}" in first["path"]
    assert ["File name too long" in row["problem"] for row in others] == [True] * 3
    assert "Traceback" not in capfd.readouterr().err


TARGETS = {
    "an image": (lambda tmp, image: ["--csv", image], "is one of the images"),
    "a folder": (lambda tmp, image: ["--csv", tmp], "no ordinary file"),
    "a device": (lambda tmp, image: ["--csv", "/dev/null"], "no ordinary file"),
    "in no folder": (lambda tmp, image: ["--csv", tmp / "no" / "x.csv"], "there is no folder"),
    "explain into a file": (lambda tmp, image: ["--explain", image], "is not a folder"),
}  # fmt: skip


@pytest.mark.parametrize("case", TARGETS)
def test_where_nothing_can_be_written_is_told_first(case, run, data, tmp_path, capfd):
    make, message = TARGETS[case]
    image = tmp_path / "image.png"
    shutil.copy(data / "validation/normal/0.png", image)
    before = image.read_bytes()
    assert call("predict", run, image, *make(tmp_path, image)) == 2
    assert message in capfd.readouterr().err
    assert image.read_bytes() == before and Path("/dev/null").is_char_device()


def test_csv_on_standard_output_is_alone_there(run, data, tmp_path, capfdbinary, monkeypatch):
    names = ("=1.png", "a\x1b[31m.png", "two\nlines.png")
    for name in names:
        shutil.copy(data / "validation/normal/3.png", tmp_path / name)
    paths = [tmp_path / name for name in names]
    (tmp_path / "gone\x1b.png").write_text("no image")
    monkeypatch.chdir(tmp_path)
    assert call("predict", run, *names, "gone\x1b.png", "--csv", "-") == 2
    printed = capfdbinary.readouterr()
    (tmp_path / "answers.csv").write_bytes(printed.out)
    assert b"\n'=1.png," in printed.out and not (tmp_path / "-").exists()
    rows = read_rows(tmp_path / "answers.csv")
    assert [row["path"] for row in rows] == [*(path.name for path in paths), "gone\x1b.png"]
    assert b"4 file(s): 3" in printed.err and b"Not for clinical use" in printed.err
    assert b"gone\\x1b.png: " in printed.err and b"\x1b" not in printed.err


def test_csv_on_a_terminal_steers_it_not(run, data, tmp_path, capfdbinary, monkeypatch):
    shutil.copy(data / "validation/normal/3.png", tmp_path / "a\x1b[31m.png")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert call("predict", run, tmp_path, "--csv", "-") == 0
    printed = capfdbinary.readouterr()
    assert b"a\\x1b[31m.png," in printed.out and b"\x1b" not in printed.out + printed.err


def test_names_steer_no_terminal(run, data, tmp_path, capfd):
    for name in ("a\x1b[31mred.png", "two\nlines.png", "c.png", "d.png"):
        shutil.copy(data / "validation/normal/3.png", tmp_path / name)
    assert call("predict", run, tmp_path) == 0
    printed = capfd.readouterr()
    assert "\x1b" not in printed.out + printed.err
    assert "a\\x1b[31mred.png: " in printed.out and "two\\nlines.png: " in printed.out
    assert len(printed.out.splitlines()) == 5 and "Predicting" not in printed.err


def test_no_image_is_an_error(run, capfd):
    assert call("predict", run) == 2
    assert "IMAGE|FOLDER: none is given" in capfd.readouterr().err


def test_more_files_than_a_batch_come_in_order(run, tmp_path, capsys):
    rng = np.random.default_rng(0)
    for index in range(70):
        high = 255 if index % 3 else 40
        Image.fromarray(rng.integers(0, high, (30, 40), np.uint8)).save(
            tmp_path / f"{index:02d}.png"
        )
    assert call("predict", run, tmp_path, "--csv", tmp_path / "all.csv") == 0
    together = rows(tmp_path / "all.csv")
    assert [row["path"].split("/")[-1] for row in together] == [f"{n:02d}.png" for n in range(70)]
    assert call("predict", run, tmp_path / "66.png", "--csv", tmp_path / "one.csv") == 0
    (alone,) = rows(tmp_path / "one.csv")
    assert float(alone["prob_covid"]) == pytest.approx(float(together[66]["prob_covid"]), abs=1e-5)


def test_without_csv_it_prints_and_explains(run, data, tmp_path, capsys):
    image = data / "validation/covid/0.png"
    assert call("predict", run, image, "--explain", tmp_path / "why") == 0
    said = capsys.readouterr().out
    assert f"{image}: " in said and "covid 0." in said
    (picture,) = (tmp_path / "why").iterdir()
    with Image.open(picture) as opened:
        assert opened.size == (2 * 224 + 4, 224)


def garbage(folder):
    (folder / "w.pth").write_text("<html>not found</html>")
    return folder / "w.pth"


def foreign(folder):
    """Weights that do not say their classes."""
    arrays = {"fc.weight": np.zeros((2, 512), np.float32)}
    weights_convert.save(folder / "foreign.pth", arrays)
    return folder / "foreign.pth"


def unfinished(folder):
    (folder / "config.json").write_text("{}")
    return folder


BAD_NETWORKS = {
    "no such file": (lambda folder: folder / "no.pth", "No such file"),
    "a page": (garbage, "web page"),
    "does not say its classes": (foreign, "does not say its architecture, head, classes"),
    "an unfinished run": (unfinished, "--resume"),
    "an empty folder": (lambda folder: folder, "not a finished run"),
}


@pytest.mark.parametrize("case", BAD_NETWORKS)
def test_what_is_no_network_is_refused(case, data, tmp_path, capfd):
    make, message = BAD_NETWORKS[case]
    assert call("predict", make(tmp_path), data / "validation", "--csv", tmp_path / "x.csv") == 2
    printed = capfd.readouterr()
    assert message in printed.err and "Traceback" not in printed.err
    assert not (tmp_path / "x.csv").exists()


SPOILED = {
    "another network": ({"architecture": "resnet50"}, "unknown network 'resnet50'"),
    "other preparation": ({"preprocessing": '{"resize": 299}'}, "prepared otherwise"),
    "damaged": ({"classes": "["}, "metadata are damaged"),
    "no list of classes": ({"classes": '"ab"'}, "damaged .classes"),
    "a class twice": ({"classes": '["a", "a"]'}, "damaged .classes"),
    "thresholds that are none": ({"thresholds": '{"covid": 3}'}, "damaged"),
    "thresholds of no class": ({"thresholds": '{"x": {"90": 0.5}}'}, "damaged .thresholds"),
    "a dropout below 0": ({"head": '{"hidden": [8], "dropout": -3}'}, "damaged .dropout"),
    "nested without end": ({"thresholds": "[" * 100_000}, "damaged"),
    "other head": ({"head": '{"hidden": [9], "dropout": 0}'}, "not the network that it says"),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILED)
def test_metadata_that_do_not_fit_are_refused(case, run, tmp_path):
    changes, message = SPOILED[case]
    weights = weights_convert.read(run / "weights.safetensors")
    path = tmp_path / "spoiled.safetensors"
    weights_convert.save(path, weights.arrays, weights.metadata | changes)
    with pytest.raises(InputError, match=message):
        inference_model.load(path)


@pytest.fixture(scope="module")
def pointed(run, tmp_path_factory):
    """Weights that know thresholds at which covid is called always, and never."""
    weights = weights_convert.read(run / "weights.safetensors")
    thresholds = {"covid": {"sensitivity=0.95": 0.0, "95": 1.1, "specificity=0.7": None}}
    path = tmp_path_factory.mktemp("pointed") / "weights.safetensors"
    stated = {**weights.metadata, "thresholds": json.dumps(thresholds)}
    weights_convert.save(path, weights.arrays, stated)
    return path


CALLED = {
    "always": (["covid:sensitivity=0.95"], "covid"),
    "never": (["covid:specificity=0.95"], "normal"),
    "the first that is reached": (["covid:specificity=0.95", "covid:sensitivity=0.95"], "covid"),
}


@pytest.mark.parametrize("points, expected", CALLED.values(), ids=CALLED)
def test_a_class_is_called_at_its_operating_point(points, expected, pointed, data, tmp_path):
    flags = ("--operating-point", *points, "--csv", tmp_path / "out.csv")
    assert call("predict", pointed, data / "validation", *flags) == 0
    assert {row["prediction"] for row in rows(tmp_path / "out.csv")} == {expected}


def test_points_that_a_network_does_not_know_are_told_at_once(pointed, data, capsys):
    points = ("flu:sensitivity=0.9", "covid:recall=0.9")
    assert call("predict", pointed, data / "validation", "--operating-point", *points) == 2
    told = capsys.readouterr().err
    assert "'flu' is no class; there are covid, normal" in told
    assert "'covid:recall=0.9' is not CLASS:sensitivity=NUMBER" in told
    point = "covid:sensitivity=0.5"
    assert call("predict", pointed, data / "validation", "--operating-point", point) == 2
    assert "has no threshold for covid:sensitivity=0.5; train it with" in capsys.readouterr().err
    point = "covid:specificity=0.7"
    assert call("predict", pointed, data / "validation", "--operating-point", point) == 2
    assert "on the images that fix it no threshold reaches that" in capsys.readouterr().err


def test_pictures_explain_the_class_that_is_answered(pointed, data, tmp_path):
    flags = ("--operating-point", "covid:sensitivity=0.95", "--explain", tmp_path / "why")
    assert call("predict", pointed, data / "validation/normal/0.png", *flags) == 0
    assert [path.name for path in (tmp_path / "why").iterdir()] == ["00001_0_covid.png"]
