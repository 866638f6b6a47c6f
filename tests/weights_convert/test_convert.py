import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weights_convert import ConversionError, flax_to_torch, table, torch_to_flax
from weights_convert.convert import _LAYOUTS
from weights_convert.names import Layout, flax_module, head_names

SHAPES = {
    Layout.VECTOR: st.tuples(st.integers(1, 5)),
    Layout.CONV: st.tuples(*[st.integers(1, 4)] * 4),
    Layout.DENSE: st.tuples(*[st.integers(1, 5)] * 2),
    Layout.FLATTENED: st.tuples(st.integers(1, 3), st.just(25088)),
}


@pytest.mark.parametrize("layout", Layout)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_layout_round_trip_is_exact(layout, data):
    shape = data.draw(SHAPES[layout])
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    change = _LAYOUTS[layout]
    there = change.to_flax(array)
    assert there.shape == tuple(change.flax_shape(shape))
    np.testing.assert_array_equal(change.to_torch(there), array)


def state_dict(entries):
    rng = np.random.default_rng(0)
    return {entry.torch: rng.normal(size=entry.shape).astype(np.float32) for entry in entries}


@pytest.mark.parametrize("hidden", [(), (320,)])
def test_state_dict_round_trip_is_exact(hidden):
    entries = table("resnet18", 3, hidden)
    state = state_dict(entries)
    back = flax_to_torch(torch_to_flax(state, entries), entries)
    counters = {name for name in back if name.endswith("num_batches_tracked")}
    assert len(counters) == 20 and all(back[name] == 0 for name in counters)
    assert set(back) - counters == set(state)
    assert all(np.array_equal(back[name], state[name]) for name in state)


def test_flattened_layout_moves_channels_last():
    array = np.zeros((1, 25088), np.float32)
    array[0, 3 * 49 + 2 * 7 + 5] = 1  # channel 3, row 2, column 5 in torch
    flax = _LAYOUTS[Layout.FLATTENED].to_flax(array)
    assert flax.reshape(7, 7, 512)[2, 5, 3] == 1


def test_every_misfit_is_named_in_one_error():
    entries = table("resnet18", 3, (320,))
    state = state_dict(entries)
    del state["conv1.weight"]
    state["fc.0.bias"] = np.zeros(7, np.float32)
    state["extra.weight"] = np.zeros(1, np.float32)
    with pytest.raises(ConversionError) as error:
        torch_to_flax(state, entries)
    assert sorted(problem.split(":")[0] for problem in error.value.problems) == [
        "conv1.weight", "extra.weight", "fc.0.bias",
    ]  # fmt: skip


def test_every_misfit_on_the_flax_side_is_named_in_one_error():
    entries = table("resnet18", 3)
    tree = torch_to_flax(state_dict(entries), entries)
    del tree["params"]["conv1"]["kernel"]
    tree["params"]["fc"]["bias"] = np.zeros(7, np.float32)
    tree["params"]["extra"] = np.zeros(1, np.float32)
    with pytest.raises(ConversionError) as error:
        flax_to_torch(tree, entries)
    assert sorted(problem.split(":")[0] for problem in error.value.problems) == [
        "params/conv1/kernel", "params/extra", "params/fc/bias",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("torch", "flax"),
    [("layer4.1.conv2", ("layer4_1", "conv2")),
     ("layer2.0.downsample.1", ("layer2_0", "downsample_1")),
     ("features.28", ("features_28",)), ("fc", ("fc",)), ("fc.0", ("fc_0",))],
)  # fmt: skip
def test_module_names(torch, flax):
    assert flax_module(torch) == flax


@pytest.mark.parametrize(
    ("arguments", "names"),
    [(("resnet18", 1, False), ("fc.0", "fc.2")), (("resnet18", 2, True), ("fc.0", "fc.3", "fc.6")),
     (("vgg16", 2, True), ("classifier.0", "classifier.3", "classifier.6")),
     (("resnet18", 0, False), ("fc",)), (("vgg16", 0, False), ("classifier.0",))],
)  # fmt: skip
def test_head_names(arguments, names):
    assert head_names(*arguments) == names


def test_parameter_counts_are_torchvisions():
    def count(entries):
        return sum(int(np.prod(entry.shape)) for entry in entries if entry.flax[0] == "params")

    assert count(table("resnet18", 1000)) == 11_689_512
    assert count(table("vgg16", 1000, (4096, 4096), dropout=True)) == 138_357_544


def test_needs_neither_jax_nor_torch():
    code = "import sys, weights_convert; print(sorted({'jax', 'torch', 'flax'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
