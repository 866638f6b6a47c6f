import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import weights_convert
from jaxcovid import models
from jaxcovid.config import Config
from jaxcovid.errors import InputError
from jaxcovid.training import initial_weights
from jaxcovid.training.images_together import ONE_IMAGE
from jaxcovid.training.initial_weights import initial_variables, unfit_values
from jaxcovid.training.trainable import label
from tests.small_network import SMALL
from tests.training.small import config
from weights_convert import table
from weights_convert.fetch import FetchError

CLASSES = ("covid", "normal")


@functools.cache
def network(model=SMALL, selection="head"):
    module, entries = models.build(model, 2, (4,)), table(model, 2, (4,))
    shapes = jax.eval_shape(module.init, jax.random.key(0), ONE_IMAGE)
    return module, entries, label(shapes["params"], model, selection, entries)


def initial(**settings):
    module, entries, labels = network(settings.get("model", SMALL))
    return initial_variables(config(**settings), module, entries, CLASSES, labels)


def arrays_of(model=SMALL, value=0.5):
    """A file's arrays, all of one value."""
    entries = table(model, 2, (4,))
    return {entry.torch: np.full(entry.shape, value, np.float32) for entry in entries}


def saved(path, arrays=None, classes=None):
    metadata = None if classes is None else {"classes": json.dumps(classes)}
    weights_convert.save(path, arrays_of() if arrays is None else arrays, metadata)
    return str(path)


def leaves(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


HEADS = {  # arrays of the file's head; its classes; whether the head is taken
    "the same layers": (True, None, True),
    "the same classes": (True, ["covid", "normal"], True),
    "other classes": (True, ["covid", "flu"], False),
    "classes in another order": (True, ["normal", "covid"], False),
    "no head": (False, None, False),
}


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("case", HEADS)
def test_a_file_gives_the_backbone_and_a_head_that_fits(case, suffix, tmp_path):
    with_head, classes, taken = HEADS[case]
    arrays = {name: array for name, array in arrays_of().items()
              if with_head or not name.startswith("fc.")}  # fmt: skip
    path = saved(tmp_path / f"x.{suffix}", arrays, classes)
    result = initial(weights=path)
    whose = "its" if taken else "a new"
    lacks = "" if with_head else "a backbone without a head, "
    assert result.source == f"{path}, {lacks}with {whose} head" and result.warnings == ()
    params = dict(result.variables["params"])
    head = [params.pop(name) for name in ("fc_0", "fc_2")]
    assert (leaves((params, result.variables["batch_stats"])) == 0.5).all()
    assert (leaves(head) == 0.5).all() == taken
    assert {leaf.dtype for leaf in jax.tree.leaves(result.variables)} == {jnp.dtype("float32")}


LOOKS = {  # the first layer's weights, the running means, and the warning
    "smooth, measured": (0.5, 0.5, None),
    "drawn, fresh": (None, 0.0, "looks fresh from initialisation, not trained (neighbouring"),
    "drawn, measured": (None, 0.5, "looks only partly trained"),
}


@pytest.mark.parametrize("case", LOOKS)
def test_weights_that_do_not_look_trained_are_a_warning(case, tmp_path):
    first, mean, message = LOOKS[case]
    arrays, rng = arrays_of(), np.random.default_rng(0)
    for name, array in arrays.items():
        if name == "conv1.weight" and first is None:
            arrays[name] = rng.normal(size=array.shape).astype(np.float32)
        if name.endswith("running_mean"):
            arrays[name] = np.full_like(array, mean)
        if name.endswith("running_var") and mean == 0:
            arrays[name] = np.ones_like(array)
    path = saved(tmp_path / "x.pth", arrays)
    warnings = initial(weights=path).warnings
    if message is None:
        assert warnings == ()
    else:
        (warning,) = warnings
        assert warning.startswith(f"`weights`: {path} {message}")


def test_a_head_of_other_widths_is_new(tmp_path):
    arrays = arrays_of() | {
        "fc.0.weight": np.ones((3, 512), np.float32),
        "fc.0.bias": np.ones(3, np.float32),
        "fc.2.weight": np.ones((2, 3), np.float32),
    }
    assert initial(weights=saved(tmp_path / "x.pth", arrays)).source.endswith("with a new head")


def cut(path):
    path.write_bytes(path.read_bytes()[:100])


def without_an_array(path):
    arrays = arrays_of()
    del arrays["layer2.0.conv1.weight"]
    saved(path, arrays)


def of_another_shape(path):
    saved(path, arrays_of() | {"conv1.weight": np.ones((2, 3, 7, 7), np.float32)})


def of_another_model(path):
    saved(path, arrays_of("resnet34"))


def not_finite(path):
    arrays = arrays_of()
    arrays["conv1.weight"][0] = np.nan
    arrays["bn1.running_var"][0] = -1
    saved(path, arrays)


BAD = {
    "missing": (lambda path: path.unlink(), ["`weights`: ", "No such file"]),
    "cut short": (cut, ["`weights`: "]),
    "an array missing": (without_an_array, ["does not fit `model=small`", "layer2.0.conv1.weight"]),
    "another shape": (of_another_shape, ["does not fit `model=small`", "conv1.weight"]),
    "another model": (of_another_model, ["does not fit `model=small`", "resnet34"]),
    "not finite": (
        not_finite,
        ["conv1.weight holds infinite values or NaN", "bn1.running_var holds negative variances"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_does_not_fit_is_refused_with_all_reasons(case, tmp_path):
    spoil, messages = BAD[case]
    path = tmp_path / "x.pth"
    saved(path)
    spoil(path)
    with pytest.raises(InputError) as error:
        initial(weights=str(path))
    for message in messages:
        assert message in str(error.value)


UNFIT = {
    "numbers": ({"a.weight": np.ones(2, np.float32)}, None),
    "half precision": ({"a.weight": np.ones(2, np.float16)}, None),
    "a counter": ({"bn1.num_batches_tracked": np.int64(3)}, None),
    "whole numbers": ({"a.weight": np.ones(2, np.int32)}, "a.weight holds int32, not floating"),
    "NaN": ({"a.weight": np.array([0, np.nan])}, "a.weight holds infinite values or NaN"),
    "infinite": ({"a.bias": np.array([-np.inf])}, "a.bias holds infinite values or NaN"),
    "variance": ({"b.running_var": np.array([1, -1e-3])}, "b.running_var holds negative variances"),
    "negative mean": ({"b.running_mean": np.array([-1.0])}, None),
}


@pytest.mark.parametrize("case", UNFIT)
def test_values_that_no_network_has(case):
    arrays, expected = UNFIT[case]
    problems = unfit_values({name: np.asarray(array) for name, array in arrays.items()})
    assert len(problems) == (expected is not None)
    assert all(expected in problem for problem in problems)


def unreachable(*_):
    raise FetchError("https://example.org cannot be reached")


def test_imagenet_weights_that_cannot_be_had_are_an_error(monkeypatch):
    monkeypatch.setattr(initial_weights, "fetch", unreachable)
    with pytest.raises(InputError, match=r"cannot be reached; or pass `weights=none`"):
        initial(weights="imagenet")


def test_phantoms_do_without_imagenet_weights(monkeypatch):
    monkeypatch.setattr(initial_weights, "fetch", unreachable)
    module, entries, labels = network()
    settings = Config(head=(4,))
    result = initial_variables(settings, module, entries, CLASSES, labels)
    assert result.source == "random weights"
    (warning,) = result.warnings
    assert "cannot be reached" in warning and "The frozen part is random" in warning


def test_imagenet_weights_are_read_from_where_they_were_fetched(tmp_path, monkeypatch):
    path = tmp_path / "fetched.pth"
    saved(path, {name: array for name, array in arrays_of().items() if not name.startswith("fc.")}
          | {"fc.weight": np.ones((1000, 512), np.float32), "fc.bias": np.ones(1000, np.float32)})  # fmt: skip
    monkeypatch.setattr(initial_weights, "fetch", lambda file: path)
    assert initial(weights="imagenet").source == f"{path}, with a new head"


def test_a_misfit_is_one_short_message(tmp_path):
    path = saved(tmp_path / "x.pth", {f"a.{i}": np.zeros(1, np.float32) for i in range(200)})
    with pytest.raises(InputError, match="belong to none of") as error:
        initial(weights=path)
    assert len(str(error.value)) < 600
    arrays = {name: np.full(array.shape, np.nan, np.float32) for name, array in arrays_of().items()}
    with pytest.raises(InputError, match="infinite values or NaN") as error:
        initial(weights=saved(tmp_path / "y.pth", arrays))
    assert len(error.value.problems) <= initial_weights.MAX_PROBLEMS + 1


def test_one_of_several_networks_is_chosen_and_what_was_unwrapped_is_noted(tmp_path):
    arrays = {f"model.{name}": array for name, array in arrays_of(value=0.25).items()}
    arrays |= {f"ema.{name}": array for name, array in arrays_of(value=0.75).items()}
    path = saved(tmp_path / "x.safetensors", arrays)
    for entry, value in ((None, 0.25), ("ema", 0.75)):
        result = initial(weights=path, weights_entry=entry)
        assert (leaves(result.variables) == value).all()
        assert any("prefix" in warning for warning in result.warnings)
    with pytest.raises(InputError, match="no entry 'swa'"):
        initial(weights=path, weights_entry="swa")
