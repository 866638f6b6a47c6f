"""Which of a checkpoint's contents are the weights, and what is said of the rest."""

import numpy as np
import pytest

from weights_convert import FormatError, table
from weights_convert.printable import brief
from weights_convert.pth.beside import Inert
from weights_convert.pth.tensors import Storage, Tensor, Unread
from weights_convert.state import MAX_NOTES, describe, pick, unwrap

TENSOR = Tensor(Storage("0", np.dtype(np.float32), 6), 0, (2, 3), (3, 1))
OTHER = TENSOR._replace(offset=1)
STATE = {"weight": TENSOR, "bias": TENSOR}
RESNET = {entry.torch: TENSOR for entry in table("resnet18", 2)}
EMA = dict.fromkeys(RESNET, OTHER)
NAMESPACE = Inert("argparse.Namespace")

FOUND = {
    "bare": (STATE, STATE),
    "epoch among the names": ({**STATE, "epoch": 3, "args": NAMESPACE}, STATE),
    "under a key": ({"state_dict": STATE, "epoch": 3}, STATE),
    "under another key, alone": ({"my_net": STATE, "epoch": 3}, STATE),
    "a tensor beside": ({"model": STATE, "best": TENSOR, "rng": TENSOR}, STATE),
    "two levels down": ({"ema": {"shadow": RESNET, "decay": 0.9}}, RESNET),
    "model before ema": ({"ema": EMA, "model": RESNET}, RESNET),
    "state_dict before state_dict_ema": ({"state_dict_ema": EMA, "state_dict": RESNET}, RESNET),
    "known before unknown": ({"model": STATE, "backbone": RESNET}, RESNET),
    "an optimizer beside": (
        {"net": STATE, "optimizer": {"state": {0: {"exp_avg": TENSOR}}, "param_groups": []}}, STATE
    ),
    "counters of operations": ({**RESNET, "total_ops": TENSOR, "layer1.total_params": TENSOR}, RESNET),
    "a loss's weights": ({**RESNET, "criterion.weight": TENSOR}, RESNET),
    "extra state": ({**RESNET, "metric._extra_state": {"a": 1}, "fc._extra_state": TENSOR}, RESNET),
    "quantised beside": ({**STATE, "scale": Unread("qint8", (2,))}, STATE),
}  # fmt: skip


@pytest.mark.parametrize("case", FOUND)
def test_the_weights_are_found(case):
    root, expected = FOUND[case]
    arrays, notes = unwrap(root)
    assert arrays == expected
    assert bool(notes) == (root != expected)
    aside = [name for name in root if name not in expected and expected is not root]
    assert len(aside) > 5 or all(any(brief(name)[:-1] in note for note in notes) for name in aside)


def test_another_network_is_taken_by_its_name():
    root = {"model": RESNET, "ema": EMA, "epoch": 3}
    assert unwrap(root, "ema")[0] == EMA
    assert any("'ema' holds weights too" in note for note in unwrap(root)[1])
    assert unwrap({"model": RESNET, "ema": {"shadow": EMA}}, "ema")[0] == EMA
    inside = {"state_dict": {f"ema.{name}": OTHER for name in RESNET} | RESNET}
    assert unwrap(inside)[0] == RESNET and unwrap(inside, "ema")[0] == EMA


REFUSED = {
    "two of equal rank": ({"student": RESNET, "teacher": EMA}, None, "student, teacher.; choose"),
    "no such entry": ({"model": RESNET, "ema": EMA}, "swa", "no entry 'swa'; there are model, ema"),
    "no entries": (STATE, "ema", "no entry 'ema': its weights are not in entries"),
    "float8 weights": ({"a.weight": Unread("float8_e5m2")}, None, "a.weight hold float8_e5m2"),
    "one float8 weight": ({**STATE, "a.bias": Unread("uint16")}, None, "a.bias hold uint16"),
    "nothing that is read": ({"a": Unread("sparse values")}, None, "'a' is a tensor of sparse"),
    "a long name": ({"a" * 1001: TENSOR}, None, "1,001 characters"),
    "no tensors": ({"epoch": 3}, None, "no state_dict"),
    "a list": ([STATE], None, "a list of 1 items, not a state_dict"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_named(case):
    root, entry, message = REFUSED[case]
    with pytest.raises(FormatError, match=message):
        unwrap(root, entry)


def test_notes_are_few_whatever_is_beside():
    root = {"state_dict": STATE, **{f"a{i}": i for i in range(1000)}}
    _, notes = unwrap(root)
    assert len(notes) == MAX_NOTES + 2 and notes[-1] == "beside them: 992 more"
    _, notes = unwrap({**STATE, **{f"a{i}": i for i in range(1000)}})
    assert len(notes) == 1 and notes[0].endswith("and 996 more")


def test_arrays_of_other_formats_are_picked_alike():
    arrays = {f"model.{name}": np.zeros(2, np.float32) for name in RESNET}
    picked, notes = pick({**arrays, "model.scale": Unread("float8_e4m3fn", (2,))})
    assert list(picked) == list(RESNET) and len(notes) == 2


DESCRIBED = {
    "a text": ("x" * 10**7, 70),
    "a tuple that doubles": (None, 30),
    "a number": (10**500, 30),
    "keys that are long": ({"y" * 10**7: 1}, 120),
}


@pytest.mark.parametrize("case", DESCRIBED)
def test_descriptions_are_short_however_large_the_value(case):
    value, most = DESCRIBED[case]
    if value is None:
        value = ()
        for _ in range(60):
            value = (value, value)
    assert len(describe(value)) <= most
