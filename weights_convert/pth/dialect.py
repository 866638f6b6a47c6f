"""The names that weights need, each with the inert data that it builds."""

from collections.abc import Callable
from typing import Any, NamedTuple

from weights_convert.errors import FormatError
from weights_convert.pth.machine import Constructor, Dialect, Global
from weights_convert.pth.tensors import (
    STORAGES,
    Storage,
    Tensor,
    natural,
    storage_type,
    tensor,
)


class Parameter:
    """A torch Parameter under construction: old files hand it its tensor after making it."""

    tensor: Tensor | None = None


class Inert(NamedTuple):
    """Something beside the weights that is read past and never used."""

    name: str


def torch_dialect(persistent: Callable[[Any], Any]) -> Dialect:
    """What torch.save writes for state_dicts and checkpoints around them."""
    return Dialect(CONSTRUCTORS, persistent, refuse, build)


def refuse(mentioned: Global) -> FormatError:
    """Why a global is not accepted, and what to do."""
    path = f"{mentioned.module}.{mentioned.name}"
    roots = ("torch.nn.modules", "torchvision.models", "__main__", "torch.nn.parallel")
    if mentioned.module.startswith(roots):
        return model_object(f" ({path})")
    return FormatError(
        f"it asks for {path}, which is not on the list of harmless names; nothing was executed. "
        "Save the weights alone with torch.save(model.state_dict(), ...)"
    )


def model_object(which: str = "") -> FormatError:
    """Why a whole model is not read, and what to do."""
    return FormatError(
        f"it is a pickled model object{which}, which would need its code to run; save the weights "
        "alone with torch.save(model.state_dict(), ...)"
    )


def described_storage(kind: Any, key: Any, elements: Any) -> Storage:
    """The storage that a persistent id describes, checked. Raises FormatError."""
    if not (isinstance(kind, Global) and isinstance(key, str)):
        raise FormatError("its pickle has a storage without type or key")
    return Storage(key, storage_type(kind.name), natural(elements, "a storage's length"))


def no_reference(_: Any) -> Any:
    """Persistent ids of a pickle that needs none."""
    raise FormatError("its pickle refers to a storage where there is none")


def build(target: Any, state: Any) -> Any:
    """Applies state to an object: only a Parameter takes any, of the rest it is dropped."""
    if isinstance(target, Parameter):
        if not (isinstance(state, tuple) and state and isinstance(state[0], Tensor)):
            raise FormatError("a Parameter without a tensor")
        return state[0]
    # An OrderedDict's state is torch's _metadata: versions of modules.
    if isinstance(target, dict | Inert):
        return target
    raise FormatError("its pickle sets the state of something that has none")


def _ordered_dict(items: Any = ()) -> dict:
    if not isinstance(items, list | tuple):
        raise FormatError("an OrderedDict of something that is no list")
    result = {}
    for item in items:
        if not (isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str)):
            raise FormatError("an OrderedDict with an item that is no pair")
        result[item[0]] = item[1]
    return result


def _parameter(*arguments: Any) -> Any:
    if not arguments:
        return Parameter()
    if not isinstance(arguments[0], Tensor):
        raise FormatError("a Parameter of something that is no tensor")
    return arguments[0]


def _reconstructor(cls: Any, base: Any, state: Any) -> Parameter:
    if cls not in _PARAMETERS or state is not None:
        raise FormatError("its pickle reconstructs something that is no Parameter")
    return Parameter()


def _inert(name: str) -> Constructor:
    return lambda *_: Inert(name)


_PARAMETERS = (
    Global("torch.nn.parameter", "Parameter"),
    Global("torch.autograd.variable", "Variable"),
)

CONSTRUCTORS: dict[Global, Constructor | None] = {
    Global("collections", "OrderedDict"): _ordered_dict,
    **{Global("torch._utils", name): tensor for name in ("_rebuild_tensor", "_rebuild_tensor_v2")},
    Global("torch._utils", "_rebuild_parameter"): _parameter,
    Global("torch._utils", "_rebuild_parameter_with_state"): _parameter,
    **dict.fromkeys(_PARAMETERS, _parameter),
    **{Global(module, "_reconstructor"): _reconstructor for module in ("copy_reg", "copyreg")},
    # Mentioned in storages, never called.
    **{Global("torch", name): None for name in STORAGES},
    Global("torch.storage", "UntypedStorage"): None,
    **{Global(module, "object"): None for module in ("__builtin__", "builtins")},
    # Beside the weights in checkpoints: learning rates, scores, settings.
    Global("torch", "Size"): _inert("torch.Size"),
    Global("torch", "device"): _inert("torch.device"),
    **{
        Global("torch", name): None
        for name in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8", "bool")
    },
    Global("collections", "defaultdict"): lambda *_: {},
    **{
        Global(module, "scalar"): _inert("numpy scalar")
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    },
    Global("numpy", "dtype"): _inert("numpy dtype"),
    Global("_codecs", "encode"): _inert("bytes"),
    **{Global(module, "dict"): None for module in ("__builtin__", "builtins")},
}  # fmt: skip
# The classes of tensors in the oldest files, mentioned only.
CONSTRUCTORS |= {Global("torch", name.replace("Storage", "Tensor")): None for name in STORAGES}
