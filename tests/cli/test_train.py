"""`jaxcovid train`: exit codes, messages, and that nothing is left behind."""

import json

import numpy as np
import pytest
import safetensors.numpy

from jaxcovid.config import Config, as_json
from jaxcovid.training import initial_weights
from tests.cli.commands import call
from weights_convert import ARCHITECTURES, table


def vgg_file(folder):
    arrays = {}
    for entry in table("vgg16", 2):
        if not entry.torch.startswith("classifier"):
            arrays[entry.torch] = np.zeros(entry.shape, np.float32)
    safetensors.numpy.save_file(arrays, folder / "vgg.safetensors")
    return folder / "vgg.safetensors"


def garbage(folder, name):
    (folder / name).write_text("<html>not found</html>")
    return folder / name


def interrupted(folder):
    """A run's folder before its first checkpoint."""
    (folder / "old").mkdir()
    (folder / "old" / "config.json").write_text(json.dumps(as_json(Config())))
    return folder / "old"


# Flags after --data FOLDER --output NEW, and what the message must hold.
BAD = {
    "batch size 0": (lambda _: ["--batch-size", 0], "--batch-size: 0"),
    "no epochs": (lambda _: ["--epochs", 0], "--epochs: 0"),
    "learning rate NaN": (lambda _: ["--lr", "nan"], "--lr: nan"),
    "negative rate": (lambda _: ["--lr", "-1"], "--lr: -1"),
    "dropout 1": (lambda _: ["--dropout", 1], "--dropout: 1"),
    "several": (lambda _: ["--lr", "nan", "--batch-size", 0], "--batch-size: 0"),
    "unknown model": (lambda _: ["--model", "resnet50"], "--model"),
    "unknown flag": (lambda _: ["--learning-rate", 1], "--learning-rate"),
    "glob without match": (lambda _: ["--trainable", "layer9.*"], "'layer9.*' matches no"),
    "empty trainable": (lambda _: ["--trainable", ","], "--trainable: empty"),
    "output exists": (lambda tmp: ["--output", tmp], "exists"),
    "output below a file": (lambda tmp: ["--output", garbage(tmp, "x") / "run"], "cannot make"),
    "no weights file": (lambda tmp: ["--weights", tmp / "no.pth"], "No such file"),
    "weights of another kind": (lambda tmp: ["--weights", garbage(tmp, "w.bin")], "it is a web page"),
    "weights are a page": (
        lambda tmp: ["--weights", garbage(tmp, "w.safetensors")], "it is a web page",
    ),
    "weights of another network": (lambda tmp: ["--weights", vgg_file(tmp)], "holds vgg16 weights"),
    "folder that is no run": (lambda tmp: ["--weights", tmp], "not a finished run"),
    "no ImageNet weights": (lambda _: ["--weights", "imagenet"], "--weights imagenet: cannot download"),
    "a name that is no text": (lambda tmp: ["--output", f"{tmp}/x\udcff"], "no text; rename it"),
    "a very long name": (lambda tmp: ["--output", tmp / ("x" * 300)], "File name too long"),
    "a very long folder": (lambda tmp: ["--data", tmp / ("x" * 300)], "File name too long"),
    "no steps between checkpoints": (lambda _: ["--checkpoint-every", 0], "--checkpoint-every: 0"),
    "a negative budget": (lambda _: ["--memory-budget", "-1"], "--memory-budget: -1"),
    "half of the processes": (lambda _: ["--num-processes", 2], "belong together"),
    "processes without coordinator": (
        lambda _: ["--num-processes", 2, "--process-id", 0], "give --coordinator too",
    ),
    "process out of range": (
        lambda _: ["--coordinator", "h:1", "--num-processes", 2, "--process-id", 2], "--process-id: 2",
    ),
    "coordinator without port": (lambda _: ["--coordinator", "h"], "--coordinator: h is not host:port"),
    "resume what is no run": (lambda tmp: ["--resume", tmp / "no"], "not a run's folder"),
    "resume elsewhere": (
        lambda tmp: ["--resume", interrupted(tmp)], "a resumed run stays in its own folder",
    ),
    "seeds of a preset": (lambda _: ["--seeds", 2, "--preset", "part1-resnet18-fc-1"], "--seeds: presets and mistakes"),
    "seeds of several processes": (
        lambda _: ["--seeds", 2, "--coordinator", "h:1", "--num-processes", 2, "--process-id", 0],
        "give each its --seed instead",
    ),
    "a class that is not there": (lambda _: ["--operating-point", "flu:sensitivity=0.9"], "--operating-point: 'flu' is no class"),
    "no seed at all": (lambda _: ["--seeds", 0], "--seeds: 0 is not a whole number of at least 1"),
    "folds of a preset": (lambda _: ["--folds", 2, "--preset", "part1-resnet18-fc-1"], "--folds: presets and mistakes"),
    "folds that end early": (lambda _: ["--folds", 2, "--patience", 1], "--patience: all networks train"),
    "folds of several processes": (
        lambda _: ["--folds", 2, "--coordinator", "h:1", "--num-processes", 2, "--process-id", 0],
        "give each its --fold instead",
    ),
    "a checklist of folds": (lambda _: ["--folds", 2, "--study", "s.toml"], "--study: of several networks there is no"),
    "another name for folds' weights": (lambda _: ["--folds", 2, "--weights-file", "a.pth"], "--weights-file: the networks'"),
    "too many folds": (lambda _: ["--folds", 50], "and 50 folds need 50; ask for fewer folds"),
    "limit too small": (lambda _: ["--limit-train", 1], "--limit-train"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Nobody listens where ImageNet's weights come from."""
    unreachable = {
        name: row._replace(weights=row.weights._replace(server="http://127.0.0.1:9"))
        for name, row in ARCHITECTURES.items()
    }
    monkeypatch.setattr(initial_weights, "ARCHITECTURES", unreachable)


@pytest.mark.parametrize("case", BAD)
def test_bad_flags(case, image_folder, tmp_path, capfd):
    flags, message = BAD[case]
    output = tmp_path / "run"
    code = call(
        "train", "--data", image_folder, "--output", output, "--weights", "none",
        "--model", "small", *flags(tmp_path),
    )  # fmt: skip
    printed = capfd.readouterr()
    assert code == 2
    assert message in printed.err + printed.out
    assert "Traceback" not in printed.err
    assert not output.exists()


def test_all_wrong_flags_are_named_at_once(image_folder, capfd):
    assert (
        call("train", "--data", image_folder, "--lr", "nan", "--batch-size", 0, "--seed", -1) == 2
    )
    printed = capfd.readouterr().err
    assert all(flag in printed for flag in ("--lr", "--batch-size", "--seed"))


def empty(folder):
    (folder / "train" / "covid" / "broken.png").write_bytes(b"")


def one_class(folder):
    for split in ("train", "validation"):
        for path in (folder / split / "covid").iterdir():
            path.unlink()
        (folder / split / "covid").rmdir()


def foreign_class(folder):
    (folder / "validation" / "covid").rename(folder / "validation" / "other")


BAD_DATA = {
    "no such folder": (lambda folder: folder.rename(folder.with_name("away")), "does not exist"),
    "no train split": (lambda folder: (folder / "train").rename(folder / "t"), "no train split"),
    "empty class": (lambda folder: (folder / "train" / "x").mkdir(), "in this class folder"),
    "broken image": (empty, "broken.png: the file is empty"),
    "one class": (one_class, "training needs at least two"),
    "class unknown to train": (foreign_class, "class 'other' is not in"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data(case, image_folder, tmp_path, capfd):
    spoil, message = BAD_DATA[case]
    spoil(image_folder)
    assert (
        call("train", "--data", image_folder, "--output", tmp_path / "train", "--weights", "none")
        == 2
    )
    printed = capfd.readouterr().err
    assert message in printed and "Traceback" not in printed
    assert not (tmp_path / "run").exists()
