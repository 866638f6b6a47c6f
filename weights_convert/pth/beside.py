"""What people save beside weights: names that stand for inert data, read past and never used."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from weights_convert.pth.machine import Constructor, Global
from weights_convert.pth.tensors import unread


class Inert(NamedTuple):
    """Something beside the weights that is read past and never used."""

    name: str


def _inert(name: str) -> Constructor:
    return lambda *_: Inert(name)


# Module and what it makes: what each of the names stands for is the name itself.
_MADE = {
    "argparse": "Namespace",
    "types": "SimpleNamespace",
    "collections": "Counter",
    "datetime": "datetime date time timedelta timezone",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "uuid": "UUID",
    "numpy": "dtype",
    "torch": "Size device",
    "torch.torch_version": "TorchVersion",
    **dict.fromkeys(
        ("pathlib", "pathlib._local"),
        "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
    ),
}
_NUMPY = {"_reconstruct": "numpy array", "scalar": "numpy scalar", "_frombuffer": "numpy array"}
_BUILTINS = "set frozenset bytes bytearray complex range xrange slice"
# Named, and never called: what makes a defaultdict's values, types of numbers, kinds of quantising.
_MENTIONED = {
    **dict.fromkeys(
        ("__builtin__", "builtins"),
        "object dict list tuple str unicode int long float bool Ellipsis NotImplemented",
    ),
    "numpy": "ndarray bool_ float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 "
    "uint64 complex64 complex128",
    "torch": "float16 float32 float64 bfloat16 half float double int8 int16 int32 int64 uint8 "
    "uint16 uint32 uint64 bool complex32 complex64 complex128 float8_e4m3fn float8_e4m3fnuz "
    "float8_e5m2 float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 qint8 quint8 qint32 quint4x2 "
    "quint2x4 per_tensor_affine per_channel_affine per_tensor_symmetric per_channel_symmetric "
    "per_channel_affine_float_qparams",
    # Keys under which older versions of Lightning keep what callbacks remember.
    "pytorch_lightning.callbacks.model_checkpoint": "ModelCheckpoint",
    "pytorch_lightning.callbacks.early_stopping": "EarlyStopping",
}
# Dicts and lists by other names, which take items after they are made.
_DICTS = {
    "collections": "defaultdict",
    "pytorch_lightning.utilities.parsing": "AttributeDict",
    "lightning_fabric.utilities.data": "AttributeDict",
    "lightning.fabric.utilities.data": "AttributeDict",
}


def _pairs() -> Iterator[tuple[Global, Constructor | None]]:
    for module, names in _MADE.items():
        for name in names.split():
            yield Global(module, name), _inert(f"{module.removesuffix('._local')}.{name}")
    for module in ("numpy.core.multiarray", "numpy._core.multiarray", "numpy._core.numeric",
                   "numpy.core.numeric"):  # fmt: skip
        yield from ((Global(module, name), _inert(what)) for name, what in _NUMPY.items())
    for module in ("__builtin__", "builtins"):
        yield from ((Global(module, name), _inert(name)) for name in _BUILTINS.split())
    yield Global("_codecs", "encode"), _inert("bytes object")
    yield Global("torch.serialization", "_get_layout"), _inert("torch.layout")
    for module, names in _MENTIONED.items():
        yield from ((Global(module, name), None) for name in names.split())
    for module, names in _DICTS.items():
        yield from ((Global(module, name), lambda *_: {}) for name in names.split())
    yield Global("collections", "deque"), lambda *_: []


BESIDE: dict[Global, Constructor | None] = dict(_pairs())


def _quantised(storage: Any, _offset: Any, size: Any, *_: Any) -> Any:
    return unread(getattr(storage, "unread", "") or "quantised values", size)


def _sparse(_layout: Any, parts: Any) -> Any:
    return unread("sparse values", parts[2] if type(parts) is tuple and len(parts) > 2 else None)


# Tensors of kinds that are not read, by the function of torch._utils that builds them.
UNREAD: dict[str, Constructor] = {
    "_rebuild_qtensor": _quantised,
    "_rebuild_sparse_tensor": _sparse,
    "_rebuild_sparse_csr_tensor": _sparse,
    "_rebuild_nested_tensor": lambda *_: unread("nested values"),
    "_rebuild_meta_tensor_no_storage": lambda _type, size, *_: unread("no values (meta)", size),
    "_rebuild_wrapper_subclass": lambda *_: unread("an unknown kind"),
    "_rebuild_device_tensor_from_numpy": lambda *_: unread("another device's values"),
    "_rebuild_device_tensor_from_cpu_tensor": lambda *_: unread("another device's values"),
}
