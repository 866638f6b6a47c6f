"""The command `weights-convert`: what it converts, what it shows, what it refuses."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import weights_convert
from tests.weights_convert import assemble
from weights_convert import table
from weights_convert.__main__ import main


def state(*arguments, dtype=np.float32):
    rng = np.random.default_rng(0)
    return {
        entry.torch: rng.normal(size=entry.shape).astype(dtype)
        for entry in table("resnet18", *arguments)
    }


@pytest.mark.parametrize("first", ["a.pth", "a.safetensors", "A.NPZ"])
@pytest.mark.parametrize("second", ["b.pth", "b.safetensors", "b.npz"])
def test_any_format_to_any_other_keeps_every_bit(first, second, tmp_path, capsys):
    arrays = state(2, (8,))
    weights_convert.save(tmp_path / first, arrays, {"classes": json.dumps(["a", "b"])})
    assert main(["convert", str(tmp_path / first), str(tmp_path / second)]) == 0
    assert "104 arrays" in capsys.readouterr().out
    back = weights_convert.read(tmp_path / second)
    assert all(np.array_equal(back.arrays[name], arrays[name]) for name in arrays)
    assert back.metadata == {"classes": '["a", "b"]'}


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_number_formats_pass(dtype, tmp_path):
    weights_convert.save(tmp_path / "a.pth", state(2, dtype=dtype))
    assert main(["convert", str(tmp_path / "a.pth"), str(tmp_path / "b.safetensors")]) == 0
    back = weights_convert.load(tmp_path / "b.safetensors")
    assert back["conv1.weight"].dtype == dtype


def test_every_misfit_is_in_one_message(tmp_path, capsys):
    arrays = state(2)
    del arrays["conv1.weight"]
    arrays["bn1.bias"] = np.zeros(3, np.float32)
    arrays["extra"] = np.zeros(3, np.float32)
    weights_convert.save(tmp_path / "a.pth", arrays)
    assert main(["convert", str(tmp_path / "a.pth"), str(tmp_path / "b.pth")]) == 2
    message = capsys.readouterr().err
    assert all(f"  {name}: " in message for name in ("conv1.weight", "bn1.bias", "extra"))
    assert not (tmp_path / "b.pth").exists()


def test_a_head_may_be_missing_if_allowed(tmp_path):
    arrays = {name: array for name, array in state(2).items() if not name.startswith("fc")}
    weights_convert.save(tmp_path / "a.pth", arrays)
    convert = ["convert", str(tmp_path / "a.pth"), str(tmp_path / "b.pth")]
    assert main(convert) == 2
    assert main([*convert, "--allow-missing", "fc.*"]) == 0


BAD = {
    "no such file": (["convert", "nowhere.pth", "b.pth"], "No such file"),
    "unknown suffix": (["convert", "a.pth", "b.onnx"], "cannot write b.onnx"),
    "other model": (["convert", "a.pth", "b.pth", "--model", "vgg16"], "holds resnet18 weights"),
    "folder that is no run": (["convert", ".", "b.pth"], "not a finished run"),
    "a pipe": (["inspect", "pipe"], "no regular file"),
    "target is a folder": (["convert", "a.pth", "folder.pth"], "is a folder"),
    "target in no folder": (["convert", "a.pth", "no/b.pth"], "No such file"),
    "inspect nothing": (["inspect", "nowhere.pth"], "No such file"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case, tmp_path, capsys, monkeypatch):
    arguments, message = BAD[case]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.pth").mkdir()
    os.mkfifo("pipe")
    weights_convert.save("a.pth", state(2))
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pth", "folder.pth", "pipe"]


@pytest.mark.parametrize(
    ("name", "container"), [("a.safetensors", "safetensors"), ("a.pth", "zip (torch 1.6 or later)")]
)
def test_inspect_shows_container_model_and_arrays(name, container, tmp_path, capsys):
    weights_convert.save(tmp_path / name, state(3, (8,)), {"author": "someone"})
    assert main(["inspect", str(tmp_path / name)]) == 0
    printed = capsys.readouterr().out
    assert f"{container}, 104 arrays" in printed and "model: resnet18, 3 classes" in printed
    assert "metadata: author = someone" in printed
    assert any(line.split() == ["fc.0.bias", "float32", "(8,)"] for line in printed.splitlines())


def test_inspect_tells_a_backbone_and_what_looks_fresh(tmp_path, capsys):
    backbone = {name: array for name, array in state(3).items() if not name.startswith("fc.")}
    rng = np.random.default_rng(0)
    backbone["conv1.weight"] = rng.normal(size=(64, 3, 7, 7)).astype(np.float32)
    for name, array in backbone.items():
        if "running" in name:
            backbone[name] = np.full_like(array, float(name.endswith("var")))
    weights_convert.save(tmp_path / "a.pth", backbone)
    assert main(["inspect", str(tmp_path / "a.pth")]) == 0
    printed = capsys.readouterr().out
    assert "model: resnet18, a backbone without a head (fc.*)\n" in printed
    assert "looks fresh from initialisation, not trained: neighbouring weights of conv1" in printed


def test_python_api_without_table(tmp_path):
    arrays = state(3, (8,))
    weights_convert.save(tmp_path / "a.pth", arrays)
    variables = weights_convert.torch_to_flax(weights_convert.load(tmp_path / "a.pth"))
    back = weights_convert.flax_to_torch(variables)
    assert all(np.array_equal(back[name], arrays[name]) for name in arrays)


def test_reading_maps_the_file_instead_of_copying_it(tmp_path):
    weights_convert.save(tmp_path / "a.pth", state(2))
    array = weights_convert.load(tmp_path / "a.pth")["conv1.weight"]
    assert not array.flags.owndata and not array.flags.writeable


def test_the_command_line_loads_neither_jax_nor_torch():
    code = (
        "import sys, weights_convert.__main__, weights_convert.fetch; "
        "print(sorted({'jax', 'torch', 'flax', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


ENTRANCES = {
    "installed": ("/anywhere/bin/weights-convert", "weights-convert"),
    "module": ("/anywhere/weights_convert/__main__.py", "python -m weights_convert"),
}


@pytest.mark.parametrize("case", ENTRANCES)
def test_usage_names_the_command_as_it_was_called(case, monkeypatch, capsys):
    program, name = ENTRANCES[case]
    monkeypatch.setattr(sys, "argv", [program, "--help"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    assert main() == 0
    assert capsys.readouterr().out.startswith(f"usage: {name} [-h] convert|inspect|fetch")


def checkpoint(path, **entries):
    """A .pth whose entries are dicts of arrays, all of the same few numbers by their names."""
    tensor = assemble.tensor()
    items = {key: assemble.mapping(dict.fromkeys(names, tensor)) for key, names in entries.items()}
    path.write_bytes(assemble.zipped(assemble.pickled(assemble.mapping(items))))
    return str(path)


def test_nothing_in_a_file_reaches_the_terminal_as_it_is(tmp_path, capsys):
    names = ["a\x1b]0;owned\x07\x1b[2J", "b\nmodel: resnet18, 3 classes", "\u202ec"]
    path = checkpoint(tmp_path / "x.pth", **{"model": names, "e\x1b[31m": ["y"]})
    assert main(["inspect", path]) == 0
    assert main(["inspect", path, "--entry", "\x1b[31m"]) == 2
    assert main(["convert", path, str(tmp_path / "y.npz")]) == 2
    printed = "".join(capsys.readouterr())
    assert all(letter.isprintable() or letter == "\n" for letter in printed)
    assert not any(line.startswith("model: resnet18") for line in printed.splitlines())


NAMES = [entry.torch for entry in table("resnet18", 2)]
MISFITS = {
    "names of Hugging Face": ({"model": ["resnet.embedder.embedder.convolution.weight"]}, "Hugging Face"),
    "another network": ({"model": [f"a.{i}" for i in range(200)]}, "belong to none of"),
    "a damaged prefix": ({"model": [f"x.{name}" for name in NAMES[1:]]}, "belong to none of"),
    "shapes": ({"model": NAMES}, "102 arrays are of another shape: conv1.weight, bn1.weight"),
    "two networks": ({"student": NAMES, "teacher": [*NAMES, "b"]}, "choose one as the entry"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISFITS)
def test_a_misfit_is_one_short_message(case, tmp_path, capsys):
    entries, message = MISFITS[case]
    path = checkpoint(tmp_path / "x.pth", **entries)
    assert main(["convert", path, str(tmp_path / "y.pth")]) == 2
    printed = capsys.readouterr().err
    assert message in printed and len(printed) < 800 and printed.count("\n") <= 6
    main(["inspect", path])
    assert "--model" not in "".join(capsys.readouterr())


def test_of_several_networks_one_is_chosen(tmp_path, capsys):
    arrays = {f"model.{name}": array for name, array in state(2).items()}
    arrays |= {f"ema.{name}": array + 1 for name, array in state(2).items()}
    weights_convert.save(tmp_path / "a.pth", arrays)
    for entry, shift in (([], 0), (["--entry", "ema"], 1)):
        target = tmp_path / f"b{shift}.safetensors"
        assert main(["convert", str(tmp_path / "a.pth"), str(target), *entry]) == 0
        converted = weights_convert.load(target)
        np.testing.assert_array_equal(converted["bn1.bias"], state(2)["bn1.bias"] + shift)
    assert "prefix 'model.' removed" in capsys.readouterr().out


def test_a_part_of_a_network_is_recognised_with_its_name(tmp_path, capsys):
    names = [entry.torch for entry in table("vgg16", 2)]
    path = checkpoint(tmp_path / "x.pth", model=[n for n in names if "features.28" not in n])
    convert = ["convert", path, str(tmp_path / "b.pth")]
    assert main(convert) == 2
    assert "if it is part of vgg16, give --model vgg16" in capsys.readouterr().err
    assert main([*convert, "--model", "vgg16"]) == 2
    assert "2 arrays are missing: features.28.weight, " in capsys.readouterr().err


@pytest.mark.system
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_closed_pipe_and_few_letters_leave_no_traceback(encoding, tmp_path):
    path = checkpoint(tmp_path / "x.pth", model=[f"größe.{i}" for i in range(2000)])
    command = f"{sys.executable} -m weights_convert inspect {path} | head -1"
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (141, "") and "2,000 arrays" in done.stdout
