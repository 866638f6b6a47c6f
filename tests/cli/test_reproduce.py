"""`jaxcovid reproduce`: what is told before anything runs, what it runs, how it goes on."""

import json

import pytest

from jaxcovid.assignment import reproduce
from jaxcovid.data import phantom
from jaxcovid.errors import DivergedError, InputError, Interrupted
from tests.assignment.reproductions import write_run
from tests.cli.commands import call
from tests.conftest import picture
from tests.small_runs import blank_charts

THREE = "covid-19", "normal", "pneumonia"


@pytest.fixture(scope="module")
def xrays(tmp_path_factory):
    """A folder of the three classes, and one of two others."""
    root = tmp_path_factory.mktemp("xrays")
    for name, classes in (("three", THREE), ("cats", ("cat", "dog"))):
        for split in ("train", "validation"):
            for label in classes:
                (root / name / split / label).mkdir(parents=True)
                picture(len(label)).save(root / name / split / label / "0.png")
    return root


@pytest.fixture
def runs(monkeypatch):
    """Runs are made up; gives their settings. `runs.fail` names what some of them raise."""

    class Runs(list):
        fail: dict = {}  # noqa: RUF012

    made = Runs()

    def run(config, *, parts, **_):
        made.append(config)
        preset = parts.settings["preset"]
        part = 1 if len(config.merge) != 3 and preset.startswith(("part1", "q")) else 2
        classes = ("infected", "normal") if part == 1 else THREE
        error = made.fail.pop(len(made), None)
        if error is not None:
            config.output.mkdir(parents=True, exist_ok=True)
            (config.output / "config.json").write_text(json.dumps({"preset": preset}))
            raise error(config.output)
        if config.resume:
            (config.output / "config.json").unlink()
            config.output.rmdir()
        confusion = [[3 if row == column else 1 for column in classes] for row in classes]
        write_run(config.output, confusion, classes)

    monkeypatch.setattr(reproduce, "fine_tune", run)
    with blank_charts():
        yield made


def small(xrays, *more):
    return [
        "--part1", xrays / "three", "--merge", "infected=covid-19+pneumonia", "--part2", xrays / "three",
        "--weights", "none", "--seeds", 2, "--only", "part1-resnet18-fc-1", "part2-resnet18-bce", *more,
    ]  # fmt: skip


# Flags after those of `small`, and what the message must hold.
BAD = {
    "no seeds": (lambda _: ["--seeds", 0], "--seeds: 0"),
    "a glob without match": (lambda _: ["--only", "part1-*", "xyz*"], "--only: 'xyz*' matches no preset"),
    "merge without part 1": (lambda _: ["--part1", "None"], "--merge: it joins classes of part 1"),
    "no such folder": (lambda tmp: ["--part2", tmp / "no"], "--part2: "),
    "other classes": (lambda tmp: ["--part2", tmp / "cats"], "has the classes cat, dog, but part 2 needs"),
    "classes not joined": (lambda _: ["--merge", "x=normal"], "but part 1 needs infected, normal"),
    "no such class": (lambda _: ["--merge", "x=y"], "--merge: 'y' in 'x=y' is no class"),
    "no epochs": (lambda _: ["--epochs", 0], "--epochs: 0"),
    "no such weights": (lambda tmp: ["--weights", tmp / "w.pth"], "w.pth: No such file"),
    "no such patients": (lambda tmp: ["--patients", tmp / "p.csv"], "p.csv"),
    "output exists": (lambda tmp: ["--output", tmp], "exists; give a new folder"),
    "resume what is none": (lambda tmp: ["--resume", tmp], "leave it out"),
    "too few images": (lambda _: ["--limit-train", 1], "--limit-train: 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_before_anything_runs(case, xrays, tmp_path, runs, capfd):
    flags, message = BAD[case]
    output = tmp_path / "new"
    assert call("reproduce", *small(xrays), "--output", output, *flags(xrays)) == 2
    printed = capfd.readouterr().err
    assert message in printed and "Traceback" not in printed and "Go on" not in printed
    assert not output.exists() and runs == []


def test_all_that_is_wrong_is_told_at_once(xrays, capfd):
    assert call("reproduce", *small(xrays), "--seeds", 0, "--epochs", 0, "--only", "x") == 2
    printed = capfd.readouterr().err
    assert all(each in printed for each in ("--seeds: 0", "--only: 'x'"))
    data = ["--part1", xrays / "cats", "--part2", xrays / "no", "--weights", xrays / "w"]
    assert call("reproduce", *small(xrays), *data) == 2
    printed = capfd.readouterr().err
    assert all(each in printed for each in ("--merge: 'covid-19'", "--part2: ", "--weights: "))


def test_all_runs_and_the_page(xrays, tmp_path, runs, capfd):
    output = tmp_path / "new"
    assert call("reproduce", *small(xrays), "--output", output) == 0
    printed = capfd.readouterr().out
    assert (
        "8 runs, 8 of them to do" in printed and "8 of 8: part2-resnet18-bce, corrected" in printed
    )
    assert printed.count("left") == 7  # how long, but after the last
    names = [str(config.output.relative_to(output)) for config in runs]
    assert names[:2] == [
        f"runs/part1-resnet18-fc-1/{each}-seed0" for each in ("as-written", "corrected")
    ]
    assert [config.seed for config in runs] == [0] * 4 + [1] * 4
    assert "8 of 8 runs finished" in (output / "README.md").read_text()
    assert call("reproduce", "--resume", output) == 0
    assert len(runs) == 8 and "8 runs, 0 of them to do" in capfd.readouterr().out


def test_an_interrupted_one_goes_on(xrays, tmp_path, runs, capfd):
    output = tmp_path / "new"
    runs.fail = {3: Interrupted}
    assert call("reproduce", *small(xrays), "--output", output) == 130
    assert f"Go on with: jaxcovid reproduce --resume {output}" in capfd.readouterr().err
    assert not (output / "index.html").exists()
    assert call("reproduce", "--resume", output) == 0
    assert len(runs) == 9
    again, *others = runs[3:]
    assert again.resume == again.output == runs[2].output
    assert all(config.resume is None for config in others)
    assert len({config.output for config in runs}) == 8


def test_one_that_diverges_is_told_and_the_others_go_on(xrays, tmp_path, runs, capfd):
    output = tmp_path / "new"
    runs.fail = {2: lambda _: DivergedError("training diverged: NaN", 1)}
    assert call("reproduce", *small(xrays), "--output", output) == 0
    assert "seed 0: diverged" in capfd.readouterr().out
    page = (output / "README.md").read_text()
    assert "7 of 8 runs finished, 1 diverged" in page and "training diverged: NaN" in page
    assert call("reproduce", "--resume", output) == 0
    assert len(runs) == 8


def test_other_errors_stop_it_and_it_can_go_on(xrays, tmp_path, runs, capfd):
    output = tmp_path / "new"
    runs.fail = {1: lambda _: InputError(["not enough memory"])}
    assert call("reproduce", *small(xrays), "--output", output) == 2
    printed = capfd.readouterr().err
    assert "not enough memory" in printed and f"--resume {output}" in printed
    assert len(runs) == 1


def test_other_data_are_refused(xrays, tmp_path, runs, capfd):
    output = tmp_path / "new"
    assert call("reproduce", *small(xrays), "--output", output) == 0
    path = output / "reproduce.json"
    record = json.loads(path.read_text())
    record["fingerprints"]["--part2"] = "another"
    del record["sha256"]
    path.write_text(json.dumps(record))
    assert call("reproduce", "--resume", output) == 2
    assert "the data of --part2 are not those of" in capfd.readouterr().err


DAMAGED = {"no JSON": "{", "no flags": "{}", "unknown flag": '{"flags": {"x": 1}}'}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_settings_are_told(case, tmp_path, capfd):
    (tmp_path / "reproduce.json").write_text(DAMAGED[case])
    assert call("reproduce", "--resume", tmp_path) == 2
    assert "reproduce.json is damaged" in capfd.readouterr().err
    assert call("reproduce", "--resume", tmp_path / "no") == 2
    assert "is no reproduction (reproduce.json: No such file" in capfd.readouterr().err


@pytest.mark.system
def test_on_phantoms(tmp_path, undrawn, monkeypatch):
    monkeypatch.setattr(phantom, "SIZES", {"train": 8, "validation": 6, "test": 2})
    output = tmp_path / "new"
    code = call(
        "reproduce", "--only", "part1-resnet18-fc-1", "--limit-train", 24, "--epochs", 1, "--seeds", 1,
        "--weights", "none", "--output", output,
    )  # fmt: skip
    assert code == 0
    page = (output / "index.html").read_text()
    assert "2 of 2 runs finished" in page and "phantoms are drawings" in page
    assert len(list(output.glob("runs/*/*/report.html"))) == 2
