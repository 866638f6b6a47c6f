"""The names that weights need, each with the inert data that it builds."""

from collections.abc import Callable
from typing import Any

from weights_convert.errors import FormatError
from weights_convert.printable import printable
from weights_convert.pth.beside import BESIDE, UNREAD, Inert
from weights_convert.pth.machine import Constructor, Dialect, Global
from weights_convert.pth.tensors import (
    MAX_KEY,
    STORAGES,
    UNREAD_STORAGES,
    Storage,
    Tensor,
    Unread,
    natural,
    storage_type,
    tensor,
    typed_tensor,
)


class Parameter:
    """A torch Parameter under construction: old files hand it its tensor after making it."""

    tensor: Tensor | None = None


def torch_dialect(persistent: Callable[[Any], Any]) -> Dialect:
    """What torch.save writes for state_dicts and checkpoints around them."""
    return Dialect(CONSTRUCTORS, persistent, refuse, build)


def refuse(mentioned: Global) -> FormatError:
    """Why a global is not accepted, and what to do."""
    path = printable(f"{mentioned.module}.{mentioned.name}")
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
    if not (isinstance(kind, Global) and isinstance(key, str) and len(key) <= MAX_KEY):
        raise FormatError("its pickle has a storage without type or key")
    dtype, unread_type = storage_type(kind.name)
    return Storage(key, dtype, natural(elements, "a storage's length"), 0, unread_type)


def no_reference(_: Any) -> Any:
    """Persistent ids of a pickle that needs none."""
    raise FormatError("its pickle refers to a storage where there is none")


def build(target: Any, state: Any) -> Any:
    """Applies state to an object: only a Parameter takes any, of the rest it is dropped."""
    if isinstance(target, Parameter):
        if not (type(state) is tuple and state and isinstance(state[0], Tensor | Unread)):
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
        if not (type(item) in (list, tuple) and len(item) == 2 and isinstance(item[0], str)):
            raise FormatError("an OrderedDict with an item that is no pair")
        result[item[0]] = item[1]
    return result


def _parameter(*arguments: Any) -> Any:
    if not arguments:
        return Parameter()
    if not isinstance(arguments[0], Tensor | Unread):
        raise FormatError("a Parameter of something that is no tensor")
    return arguments[0]


def _from_type(function: Any, _type: Any, arguments: Any, *_: Any) -> Any:
    """A tensor that has attributes of its own; they are dropped."""
    constructor = CONSTRUCTORS.get(function) if isinstance(function, Global) else None
    if (
        constructor is None
        or constructor not in (tensor, typed_tensor, _parameter)
        or type(arguments) is not tuple
    ):
        raise FormatError("its pickle rebuilds something that is no tensor")
    return constructor(*arguments)


def _reconstructor(cls: Any, base: Any, state: Any) -> Parameter:
    if cls not in _PARAMETERS or state is not None:
        raise FormatError("its pickle reconstructs something that is no Parameter")
    return Parameter()


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
    **{Global("torch._utils", name): make for name, make in UNREAD.items()},
    Global("torch._utils", "_rebuild_tensor_v3"): typed_tensor,
    **{Global("torch._tensor", name): _from_type for name in ("_rebuild_from_type_v2",)},
    # Mentioned in storages and as the types of tensors, never called.
    **{Global("torch", name): None for name in (*STORAGES, *UNREAD_STORAGES, "Tensor")},
    **{Global("torch", name.replace("Storage", "Tensor")): None for name in STORAGES},
    Global("torch.storage", "UntypedStorage"): None,
    **BESIDE,
}
