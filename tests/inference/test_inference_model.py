"""Networks from files and folders: what is loaded, and what is refused with which words."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import weights_convert
from jaxcovid import parallel
from jaxcovid.config import Config
from jaxcovid.errors import InputError
from jaxcovid.inference.inference_model import load, weights_metadata
from jaxcovid.report import DISCLAIMER
from jaxcovid.seal import sealed

NAME, CLASSES, HIDDEN = Config().model, ("a", "b", "c"), (4,)
CODES = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float32)
ENTRIES = weights_convert.table(NAME, 3, HIDDEN)
THRESHOLDS = {"a": {"90": 0.25, "95": None}}


def arrays():
    """Of a whole network, in which array by array all numbers are the same."""
    return {
        entry.torch: np.full(entry.shape, place / 100, np.float32)
        for place, entry in enumerate(ENTRIES)
    }


def metadata(**changes):
    """What a run writes; None takes an entry out."""
    stated = weights_metadata(NAME, HIDDEN, 0.0, CLASSES, None, ("a=x+y",), THRESHOLDS, DISCLAIMER)
    return {name: text for name, text in {**stated, **changes}.items() if text is not None}


def written(path, content=None, **changes):
    weights_convert.save(path, arrays() if content is None else content, metadata(**changes))
    return path


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_weights(suffix, tmp_path):
    (tmp_path / "one").mkdir()
    network = load(written(tmp_path / "one" / f"weights{suffix}"))
    assert network.name == f"one/weights{suffix}"  # files have the same name in every run
    assert (network.architecture, network.classes, network.merge) == (NAME, CLASSES, ("a=x+y",))
    assert (network.codes, network.thresholds, network.record) == (None, THRESHOLDS, {})
    assert network.model.axis_name == parallel.AXIS
    expected = weights_convert.torch_to_flax(arrays(), ENTRIES)
    for name, of_collection in expected.items():
        got = network.variables[name]
        assert jax.tree.structure(got) == jax.tree.structure(of_collection)
        for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(of_collection), strict=True):
            assert one.dtype == jnp.float32
            np.testing.assert_array_equal(one, other)


def test_a_network_that_computes(tmp_path):
    network = load(written(tmp_path / "weights.pth"))
    model = network.model.clone(axis_name=None)
    head = jax.jit(lambda variables, features: model.apply(variables, features, start="head"))
    logits = np.asarray(head(network.variables, jnp.ones((1, 1, 1, 512))))
    first, first_bias, last, last_bias = (
        arrays()[f"fc.{place}.{part}"].flat[0] for place in (0, 2) for part in ("weight", "bias")
    )
    hidden = 512 * first + first_bias
    np.testing.assert_allclose(logits, np.full((1, 3), 4 * hidden * last + last_bias), rtol=1e-5)


def run_folder(folder, **record):
    written(folder / "weights.safetensors")
    (folder / "metrics.json").write_text("{}")
    (folder / "config.json").write_text(json.dumps(record))
    return folder


def test_a_run_s_folder_has_its_record(tmp_path):
    network = load(str(run_folder(tmp_path, lr=0.5)))
    assert (network.name, network.record) == (tmp_path.name, {"lr": 0.5})


def test_an_edited_record_is_told_and_does_not_matter(tmp_path):
    whole = load(run_folder(tmp_path, **sealed({"lr": 0.5})))
    assert (whole.record, whole.changes) == ({"lr": 0.5}, ())
    edited = load(run_folder(tmp_path, **sealed({"lr": 0.5}) | {"lr": 0.1}))
    (change,) = edited.changes
    assert edited.record == {"lr": 0.1} and "config.json is not what was written" in change


def test_metadata_are_read_as_they_were_written(tmp_path):
    stated = weights_metadata(NAME, HIDDEN, 0.5, CLASSES, CODES, ("b=x",), THRESHOLDS, DISCLAIMER)
    assert json.loads(stated["head"]) == {"hidden": [4], "dropout": 0.5}
    assert stated["disclaimer"] == DISCLAIMER
    entries = weights_convert.table(NAME, 3, HIDDEN, True)
    content = {entry.torch: np.ones(entry.shape, np.float32) for entry in entries}
    weights_convert.save(tmp_path / "weights.safetensors", content, stated)
    network = load(tmp_path / "weights.safetensors")
    np.testing.assert_array_equal(network.codes, CODES)
    assert (network.model.dropout, network.merge) == (0.5, ("b=x",))


def test_older_files_may_lack_what_came_later(tmp_path):
    older = dict.fromkeys(("codes", "merge", "thresholds", "preprocessing"))
    network = load(written(tmp_path / "weights.pth", **older))
    assert (network.codes, network.merge, network.thresholds) == (None, (), {})


TWICE = json.dumps([[1, 0, 0], [1, 0, 0], [0, 0, 1]])
# A file of one array: these are seen before the arrays are.
STATED = {
    "nothing": (dict.fromkeys(("architecture", "head", "classes")), "does not say its architecture, head, classes"),
    "another network": ({"architecture": "resnet50"}, "unknown network 'resnet50'"),
    "other preparation": ({"preprocessing": '{"resize": 299}'}, "prepared otherwise"),
    "no JSON": ({"classes": "["}, "metadata are damaged"),
    "nested without end": ({"thresholds": "[" * 100_000}, "metadata are damaged"),
    "no list of classes": ({"classes": '"ab"'}, "damaged .classes"),
    "a class twice": ({"classes": '["a", "a"]'}, "damaged .classes"),
    "one class": ({"classes": '["a"]'}, "damaged .classes"),
    "no widths": ({"head": '{"hidden": 8, "dropout": 0}'}, "metadata are damaged"),
    "a width of 0": ({"head": '{"hidden": [0], "dropout": 0}'}, "damaged .head"),
    "a dropout below 0": ({"head": '{"hidden": [4], "dropout": -3}'}, "damaged .dropout"),
    "thresholds that are none": ({"thresholds": '{"a": 3}'}, "metadata are damaged"),
    "thresholds of no class": ({"thresholds": '{"x": {"90": 0.5}}'}, "damaged .thresholds"),
    "codes of fewer classes": ({"codes": "[[1, 0], [0, 1]]"}, "damaged .codes"),
    "codes of neither 0 nor 1": ({"codes": "[[2, 0, 0], [0, 1, 0], [0, 0, 1]]"}, "damaged .codes"),
    "a code twice": ({"codes": TWICE}, "damaged .codes"),
    "another loss": ({"loss": '{"loss": "hinge"}'}, "metadata are damaged .it states no loss"),
    "a loss that is no object": ({"loss": "[3]"}, "metadata are damaged"),
    "joined to no class": ({"merge": '["z=x+y"]'}, "damaged .merge"),
}  # fmt: skip


@pytest.mark.parametrize("case", STATED)
def test_metadata_that_do_not_fit_are_refused(case, tmp_path):
    changes, message = STATED[case]
    path = written(tmp_path / "w.safetensors", {"fc.0.bias": np.zeros(4, np.float32)}, **changes)
    with pytest.raises(InputError, match=message):
        load(path)


def test_all_that_is_wrong_is_listed(tmp_path):
    changes = {"architecture": "resnet50", "classes": '["a", "a"]', "preprocessing": "{}"}
    path = written(tmp_path / "w.safetensors", {"fc.0.bias": np.zeros(4, np.float32)}, **changes)
    with pytest.raises(InputError) as error:
        load(path)
    assert len(error.value.problems) >= 3


def spoiled(change):
    content = arrays()
    change(content)
    return content


def not_a_number(content):
    content["conv1.weight"][0] = np.nan


def missing(content):
    del content["fc.2.bias"]


def other_shape(content):
    content["fc.0.weight"] = np.zeros((9, 512), np.float32)


ARRAYS = {
    "not a number": (not_a_number, "conv1.weight holds infinite values or NaN"),
    "missing": (missing, r"not the network that it says it is:\n  .*fc\.2\.bias"),
    "another shape": (other_shape, r"not the network that it says it is:\n  .*fc\.0\.weight"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_that_do_not_fit_are_refused(case, tmp_path):
    change, message = ARRAYS[case]
    with pytest.raises(InputError, match=message):
        load(written(tmp_path / "weights.safetensors", spoiled(change)))


def page(folder):
    (folder / "weights.pth").write_text("<!doctype html><html>")
    return folder / "weights.pth"


def unfinished(folder):
    (folder / "config.json").write_text("{}")
    return folder


def damaged_record(folder):
    (run_folder(folder) / "config.json").write_text("{")
    return folder


def no_record(folder):
    (run_folder(folder) / "config.json").unlink()
    return folder


def a_list_for_a_record(folder):
    (run_folder(folder) / "config.json").write_text("[]")
    return folder


def another_networks_file(folder):
    run_folder(folder)
    arrays = {name: array + 1 for name, array in weights_convert.load(folder).items()}
    weights_convert.save(folder / "weights.pth", arrays)
    return folder


def cut_short(folder):
    path = run_folder(folder) / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    return folder


SOURCES = {
    "weights cut short": (cut_short, r"^(?!.*not finished).*damaged"),
    "files that disagree": (another_networks_file, "hold different weights"),
    "no such file": (lambda folder: folder / "no.pth", "No such file"),
    "a page": (page, "web page"),
    "an empty folder": (lambda folder: folder, "not a finished run"),
    "an unfinished run": (unfinished, "this run is not finished; .*`resume="),
    "no record": (no_record, "the run is not complete"),
    "a damaged record": (damaged_record, r"config\.json is damaged"),
    "a list for a record": (
        a_list_for_a_record,
        r"config\.json is damaged \(expected names with values, found a list\)",
    ),
}


@pytest.mark.parametrize("case", SOURCES)
def test_what_is_no_network_is_refused(case, tmp_path):
    make, message = SOURCES[case]
    with pytest.raises(InputError, match=message):
        load(make(tmp_path))


def test_what_is_called_as_a_seeds_folder_beside_weights_is_not_looked_into(tmp_path):
    path = written(tmp_path / "weights.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({}))
    (tmp_path / "metrics.json").write_text(json.dumps({}))
    (tmp_path / "seed-1-elsewhere").mkdir()
    assert load(tmp_path).classes == load(path).classes == CLASSES
