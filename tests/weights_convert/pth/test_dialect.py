"""What the names on the list stand for, and the advice at those that are not."""

import pytest

from weights_convert import FormatError
from weights_convert.pth.dialect import (
    CONSTRUCTORS,
    Inert,
    Parameter,
    build,
    described_storage,
    refuse,
)
from weights_convert.pth.machine import Global
from weights_convert.pth.tensors import Storage, Tensor

STORAGE = described_storage(Global("torch", "FloatStorage"), "0", 6)
TENSOR = Tensor(STORAGE, 0, (2, 3), (3, 1))

REFUSED = {
    "a layer": ("torch.nn.modules.linear", "pickled model object .torch.nn.modules.linear.X"),
    "an own class": ("__main__", "pickled model object"),
    "anything else": ("os", "asks for os.X, which is not on the list"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_advice_is_to_save_a_state_dict(case):
    module, message = REFUSED[case]
    error = refuse(Global(module, "X"))
    with pytest.raises(FormatError, match=f"{message}.*state_dict"):
        raise error


def test_a_storage_is_described_by_type_key_and_length():
    assert isinstance(STORAGE, Storage)
    assert (STORAGE.key, STORAGE.dtype, STORAGE.elements) == ("0", "float32", 6)
    with pytest.raises(FormatError, match="without type or key"):
        described_storage("float", "0", 6)


def test_a_parameter_becomes_its_tensor_and_other_state_is_dropped():
    assert build(Parameter(), (TENSOR, None)) is TENSOR
    assert build({"a": 1}, {"_metadata": 2}) == {"a": 1}
    assert build(Inert("numpy dtype"), (3,)) == Inert("numpy dtype")
    with pytest.raises(FormatError, match="has none"):
        build([], {})


def test_nothing_on_the_list_gives_anything_but_data():
    pairs = CONSTRUCTORS[Global("collections", "OrderedDict")]
    assert pairs is not None and pairs([("a", 1)]) == {"a": 1}
    scalar = CONSTRUCTORS[Global("numpy.core.multiarray", "scalar")]
    assert scalar is not None and scalar("dtype", b"bytes") == Inert("numpy scalar")
    assert CONSTRUCTORS[Global("torch", "FloatStorage")] is None
