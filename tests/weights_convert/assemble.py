"""Builds .pth files opcode by opcode, good and hostile, without torch."""

import io
import struct
import tarfile
import zipfile

import numpy as np

MARK, STOP, EMPTY_DICT, EMPTY_LIST = b"(", b".", b"}", b"]"
TUPLE, REDUCE, BUILD, SETITEM, SETITEMS, APPEND = b"t", b"R", b"b", b"s", b"u", b"a"
PERSISTENT, NONE, FALSE, TRUE = b"Q", b"N", b"\x89", b"\x88"
PROTO = b"\x80\x02"


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number(value: int) -> bytes:
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    encoded = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def group(*items: bytes) -> bytes:
    return MARK + b"".join(items) + TUPLE


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + group(*arguments) + REDUCE


def pickled(*parts: bytes) -> bytes:
    return PROTO + b"".join(parts) + STOP


def mapping(items: dict[str, bytes]) -> bytes:
    pairs = b"".join(text(key) + value for key, value in items.items())
    return EMPTY_DICT + MARK + pairs + SETITEMS


KINDS = {"float32": "FloatStorage", "int64": "LongStorage", "float16": "HalfStorage"}


def storage(key="0", kind="FloatStorage", elements=6, *more: bytes) -> bytes:
    """A persistent reference to a storage; `more` is the view in the older container."""
    items = (text("storage"), name("torch", kind), text(key), text("cpu"),
             elements if isinstance(elements, bytes) else number(elements))  # fmt: skip
    return group(*items, *more) + PERSISTENT


def tensor(reference=None, offset=0, size=(2, 3), stride=(3, 1)) -> bytes:
    def numbers(values):
        return group(*(value if isinstance(value, bytes) else number(value) for value in values))

    return call(
        name("torch._utils", "_rebuild_tensor_v2"),
        storage() if reference is None else reference,
        offset if isinstance(offset, bytes) else number(offset),
        numbers(size),
        numbers(stride),
        FALSE,
        call(name("collections", "OrderedDict")),
    )


ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)
STATE = pickled(mapping({"weight": tensor()}))


def zipped(pickle: bytes = STATE, /, root="archive", **records: bytes | None) -> bytes:
    """The newer container; a record given as None is left out."""
    members = {
        "data.pkl": pickle,
        "data/0": ARRAY.tobytes(),
        "version": b"3\n",
        **{key.replace("__", "/").replace("data_pkl", "data.pkl"): value
           for key, value in records.items()},
    }  # fmt: skip
    return archive({f"{root}/{key}": value for key, value in members.items() if value is not None})


def archive(members: dict[str, bytes], compression=zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as target:
        for key, value in members.items():
            target.writestr(zipfile.ZipInfo(key), value, compression)
    return stream.getvalue()


def stacked(
    pickle: bytes | None = None,
    magic=0x1950A86A20F9469CFC6C,
    protocol=1001,
    little=TRUE,
    keys=("0",),
    data: bytes | None = None,
) -> bytes:
    """The older container: five pickles, then the data."""
    if pickle is None:
        pickle = pickled(mapping({"weight": tensor(storage("0", "FloatStorage", 6, NONE))}))
    if data is None:
        data = struct.pack("<q", 6) + ARRAY.tobytes()
    system = mapping({"protocol_version": number(protocol), "little_endian": little})
    listed = EMPTY_LIST + MARK + b"".join(map(text, keys)) + b"e"
    heads = pickled(number(magic)), pickled(number(protocol)), pickled(system)
    return b"".join((*heads, pickle, pickled(listed), data))


def parameter(reference: bytes) -> bytes:
    """How the oldest files hold a Parameter: made empty, then given its tensor."""
    made = name("torch.nn.parameter", "Parameter") + b")" + b"\x81"
    return made + group(reference, NONE, EMPTY_DICT, TRUE, FALSE) + BUILD


def tarred(
    arrays: dict[str, np.ndarray] | None = None,
    pickle: bytes | None = None,
    views: bytes = EMPTY_LIST,
    storage_count: int | None = None,
    dimensions: int | None = None,
    **members: bytes | None,
) -> bytes:
    """The oldest container: storages, tensors and the object that refers to them by number."""
    arrays = {"weight": ARRAY} if arrays is None else arrays
    storages = pickled(number(len(arrays) if storage_count is None else storage_count))
    tensors = pickled(number(len(arrays)))
    for index, array in enumerate(arrays.values()):
        kind = KINDS[array.dtype.name]
        storages += pickled(group(number(100 + index), text("cpu"), name("torch", kind)))
        storages += struct.pack("<q", array.size) + array.tobytes()
        tensors += pickled(
            group(
                number(index), number(100 + index), name("torch", kind.replace("Storage", "Tensor"))
            )
        )
        count = array.ndim if dimensions is None else dimensions
        strides = [step // array.itemsize for step in np.ascontiguousarray(array).strides]
        tensors += struct.pack("<ii", count, 0)
        tensors += struct.pack(f"<{2 * array.ndim}q", *array.shape, *strides)
        tensors += struct.pack("<q", 0)
    storages += pickled(views)
    if pickle is None:
        items = {key: parameter(text(str(index)) + PERSISTENT) for index, key in enumerate(arrays)}
        pickle = pickled(mapping(items))
    content = {"storages": storages, "tensors": tensors, "pickle": pickle, **members}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as target:
        for key, value in content.items():
            if value is not None:
                info = tarfile.TarInfo(key)
                info.size = len(value)
                target.addfile(info, io.BytesIO(value))
    return stream.getvalue()
