"""What people save beside weights is read past: named in a note, never imported or called."""

import re
import sys

import numpy as np
import pytest

from tests.weights_convert import assemble as a
from weights_convert import FormatError, read
from weights_convert.pth.beside import BESIDE, Inert
from weights_convert.pth.machine import Global

ENCODED = a.call(a.name("_codecs", "encode"), a.text("ab"), a.text("latin1"))
DTYPE = a.call(a.name("numpy", "dtype"), a.text("f8"), a.FALSE, a.TRUE) + a.group() + a.BUILD


def made(module, name, *arguments, state=None):
    """As copyreg writes an object: class, arguments, NEWOBJ, state, BUILD."""
    built = a.name(module, name) + a.group(*arguments) + b"\x81"
    return built if state is None else built + state + a.BUILD


def array_of(module):
    empty = a.call(
        a.name(module, "_reconstruct"), a.name("numpy", "ndarray"), a.group(a.number(0)), ENCODED
    )
    return empty + a.group(a.number(1), a.group(a.number(2)), DTYPE, a.FALSE, ENCODED) + a.BUILD


VALUES = {
    "Namespace": (made("argparse", "Namespace", state=a.mapping({"lr": a.number(1)})), "an argparse.Namespace"),
    "Counter": (a.call(a.name("collections", "Counter"), a.EMPTY_DICT), "a collections.Counter"),
    "set": (a.call(a.name("__builtin__", "set"), a.EMPTY_LIST), "a set"),
    "frozenset": (a.call(a.name("builtins", "frozenset"), a.EMPTY_LIST), "a frozenset"),
    "bytes": (ENCODED, "a bytes object"),
    "bytearray": (a.call(a.name("__builtin__", "bytearray"), ENCODED), "a bytearray"),
    "complex": (a.call(a.name("__builtin__", "complex"), a.number(1), a.number(2)), "a complex"),
    "Path": (a.call(a.name("pathlib", "PosixPath"), a.text("/")), "a pathlib.PosixPath"),
    "Path of Python 3.13": (a.call(a.name("pathlib._local", "WindowsPath"), a.text("/")), "a pathlib.WindowsPath"),
    "array": (array_of("numpy._core.multiarray"), "a numpy array"),
    "array of NumPy 1": (array_of("numpy.core.multiarray"), "a numpy array"),
    "dtype": (DTYPE, "a numpy.dtype"),
    "datetime": (a.call(a.name("datetime", "datetime"), ENCODED), "a datetime.datetime"),
    "layout": (a.call(a.name("torch.serialization", "_get_layout"), a.text("torch.strided")), "a torch.layout"),
    "device": (a.call(a.name("torch", "device"), a.text("cpu")), "a torch.device"),
    "type of torch": (a.name("torch", "float32"), "the name torch.float32"),
    "defaultdict": (a.call(a.name("collections", "defaultdict"), a.name("__builtin__", "list")) + a.text("k") + a.NONE + a.SETITEM, "a dict of 1 items"),
    "deque": (a.call(a.name("collections", "deque"), a.group(), a.number(3)) + a.NONE + a.APPEND, "a list of 1 items"),
    "settings of Lightning": (made("lightning_fabric.utilities.data", "AttributeDict") + a.text("lr") + a.NONE + a.SETITEM, "a dict of 1 items"),
    "quantised": (a.call(a.name("torch._utils", "_rebuild_qtensor"), a.storage(kind="QInt8Storage", elements=24), a.number(0), a.group(a.number(24)), a.group(a.number(1)), a.group(a.name("torch", "per_tensor_affine")), a.FALSE, a.NONE), "a tensor of qint8"),
    "float8": (a.call(a.name("torch._utils", "_rebuild_tensor_v3"), a.storage(kind="UntypedStorage", elements=24), a.number(0), a.group(a.number(24)), a.group(a.number(1)), a.FALSE, a.NONE, a.name("torch", "float8_e4m3fn")), "a tensor of float8_e4m3fn"),
    "sparse": (a.call(a.name("torch._utils", "_rebuild_sparse_tensor"), a.NONE, a.group(a.NONE, a.NONE, a.group(a.number(2)))), r"a tensor of sparse values of shape \(2,\)"),
    "keys of other kinds": (a.EMPTY_DICT + a.group(a.number(1), a.number(2)) + a.NONE + a.SETITEM, "a dict of 1 items"),
}  # fmt: skip


@pytest.mark.parametrize("where", ["beside the state_dict", "among its names"])
@pytest.mark.parametrize("case", VALUES)
def test_what_is_beside_is_named_and_left_aside(case, where, tmp_path):
    value, words = VALUES[case]
    root = {"model": a.mapping({"weight": a.tensor()}), "it": value}
    if where == "among its names":
        root = {"weight": a.tensor(), "it": value}
    (tmp_path / "file").write_bytes(a.zipped(a.pickled(a.mapping(root))))
    weights = read(tmp_path / "file")
    assert list(weights.arrays) == ["weight"]
    np.testing.assert_array_equal(weights.arrays["weight"], a.ARRAY)
    assert re.search(words, " ".join(weights.notes)), weights.notes


AS_WEIGHTS = {"quantised": "qint8", "float8": "float8_e4m3fn", "sparse": "sparse values"}


@pytest.mark.parametrize("case", AS_WEIGHTS)
def test_weights_of_such_a_kind_are_refused_by_name(case, tmp_path):
    state = {"a.weight": a.tensor(), "b.weight": VALUES[case][0]}
    (tmp_path / "file").write_bytes(a.zipped(a.pickled(a.mapping(state))))
    with pytest.raises(FormatError, match=f"its weights b.weight hold {AS_WEIGHTS[case]}"):
        read(tmp_path / "file")


def test_the_sign_that_torch_keeps_beside_the_data_is_not_overlooked(tmp_path):
    negated = a.call(
        a.name("torch._utils", "_rebuild_tensor_v2"), a.storage(), a.number(0), a.group(a.number(6)),
        a.group(a.number(1)), a.FALSE, a.EMPTY_DICT, a.mapping({"neg": a.TRUE}),
    )  # fmt: skip
    (tmp_path / "file").write_bytes(a.zipped(a.pickled(a.mapping({"a.weight": negated}))))
    with pytest.raises(FormatError, match=r"a.weight hold negated values"):
        read(tmp_path / "file")


def test_numbers_in_untyped_storages_are_read(tmp_path):
    typed = a.call(
        a.name("torch._utils", "_rebuild_tensor_v3"), a.storage(kind="UntypedStorage", elements=24),
        a.number(0), a.group(a.number(2), a.number(3)), a.group(a.number(3), a.number(1)), a.FALSE,
        a.NONE, a.name("torch", "float32"),
    )  # fmt: skip
    (tmp_path / "file").write_bytes(a.zipped(a.pickled(a.mapping({"a.weight": typed}))))
    np.testing.assert_array_equal(read(tmp_path / "file").arrays["a.weight"], a.ARRAY)


def test_each_name_makes_inert_data_or_nothing():
    for name, constructor in BESIDE.items():
        if constructor is not None:
            assert constructor("a", "b") in ({}, []) or isinstance(constructor("a", "b"), Inert), (
                name
            )
    assert Global("builtins", "eval") not in BESIDE and Global("posix", "system") not in BESIDE


def test_nothing_is_imported(tmp_path):
    absent = [
        name for name in ("fractions", "uuid", "pytorch_lightning") if name not in sys.modules
    ]
    root = {"w": a.tensor(), "x": made("pytorch_lightning.utilities.parsing", "AttributeDict")}
    (tmp_path / "file").write_bytes(a.zipped(a.pickled(a.mapping(root))))
    read(tmp_path / "file")
    assert not set(absent) & set(sys.modules)
