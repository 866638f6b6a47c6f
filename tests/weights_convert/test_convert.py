import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weights_convert import ConversionError, Entry, Layout, flax_to_torch, table, torch_to_flax

PLACES = (512, 7, 7)
SHAPES = {
    Layout.VECTOR: st.tuples(st.integers(1, 5)),
    Layout.CONV: st.tuples(*[st.integers(1, 4)] * 4),
    Layout.DENSE: st.tuples(*[st.integers(1, 5)] * 2),
    Layout.FLATTENED: st.tuples(st.integers(1, 3), st.just(25088)),
}
FLAX_SHAPES = {
    Layout.VECTOR: lambda shape: shape,
    Layout.CONV: lambda shape: (shape[2], shape[3], shape[1], shape[0]),
    Layout.DENSE: lambda shape: (shape[1], shape[0]),
    Layout.FLATTENED: lambda shape: (shape[1], shape[0]),
}


def only(layout, shape):
    return (Entry("weight", ("params", "kernel"), layout, shape, PLACES),)


@pytest.mark.parametrize("layout", Layout)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_layout_round_trip_is_exact(layout, data):
    shape = data.draw(SHAPES[layout])
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    entries = only(layout, shape)
    there = torch_to_flax({"weight": array}, entries)
    assert there["params"]["kernel"].shape == FLAX_SHAPES[layout](shape)
    np.testing.assert_array_equal(flax_to_torch(there, entries)["weight"], array)


def state_dict(entries):
    rng = np.random.default_rng(0)
    return {entry.torch: rng.normal(size=entry.shape).astype(np.float32) for entry in entries}


@pytest.mark.parametrize(
    ("model", "hidden", "norms"),
    [("resnet18", (), 20), ("resnet18", (320,), 20), ("resnet34", (8,), 36)],
)
def test_state_dict_round_trip_is_exact(model, hidden, norms):
    entries = table(model, 3, hidden)
    state = state_dict(entries)
    back = flax_to_torch(torch_to_flax(state, entries), entries)
    counters = {name for name in back if name.endswith("num_batches_tracked")}
    assert len(counters) == norms and all(back[name] == 0 for name in counters)
    assert set(back) - counters == set(state)
    assert all(np.array_equal(back[name], state[name]) for name in state)


def test_flattened_layout_moves_channels_last():
    array = np.zeros((1, 25088), np.float32)
    array[0, 3 * 49 + 2 * 7 + 5] = 1  # channel 3, row 2, column 5 in torch
    flax = torch_to_flax({"weight": array}, only(Layout.FLATTENED, (1, 25088)))["params"]["kernel"]
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


def test_needs_neither_jax_nor_torch():
    code = "import sys, weights_convert; print(sorted({'jax', 'torch', 'flax'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
