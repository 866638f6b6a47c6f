"""Spoiled files of weights, each made from a number: the same number gives the same bytes."""

import functools
import io
import json
import pickletools
import random
import struct
import tarfile

import numpy as np

from tests.weights_convert import assemble as a
from weights_convert import table
from weights_convert.pth.dialect import CONSTRUCTORS

# Numbers at which programs go wrong.
EDGES = (0, 1, 2, 6, 7, 63, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**48,
         2**61 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 10**12, -1, -2, -6, -(2**31), -(2**63))  # fmt: skip
NAMES = ("weight", "module.weight", "conv1.weight", "model.fc.0.bias", "__metadata__", "../x", "",
         "a\x1b[31m", "module." * 200, "é\u202e", "fc." + "1" * 80, "total_ops", "ema", "state_dict")  # fmt: skip
FORBIDDEN = (("posix", "system"), ("builtins", "eval"), ("os", "getcwd"), ("torch", "load"),
             ("torch.nn.modules.linear", "Linear"), ("__main__", "Net"), ("", ""), ("a\x1b", "b"))  # fmt: skip


def mutant(seed: int) -> bytes:
    """The input of that number."""
    rng = random.Random(seed)
    content = rng.choice(CONTAINERS)(rng)
    if rng.random() < 0.25:
        content = spoiled_bytes(rng, content)
    return content or b"\0"


def spoiled_bytes(rng: random.Random, content: bytes) -> bytes:
    """Bytes changed, doubled, left out, put in, or cut off, without regard to what they mean."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5))):
        if not data:
            break
        at, length = rng.randrange(len(data)), rng.choice((1, 2, 4, 8, 64))
        kind = rng.randrange(5)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = data[at : at + length]
        elif kind == 2:
            del data[at : at + length]
        elif kind == 3:
            number = rng.choice(EDGES) % 2**64
            data[at : at + length] = number.to_bytes(8, "little")[:length]
        else:
            del data[at:]
    return bytes(data)


def edge(rng: random.Random) -> bytes:
    """A number as a pickle holds it."""
    return a.number(rng.choice(EDGES))


def a_global(rng: random.Random) -> bytes:
    """A name: mostly one from the list, sometimes one that must not be called."""
    if rng.random() < 0.05:
        return a.name(*rng.choice(FORBIDDEN))
    return a.name(*rng.choice(_LISTED))


def a_value(rng: random.Random, depth: int = 0, older: bool = False) -> bytes:
    """Any value that a pickle can hold, nested up to a few levels."""
    if depth > 3 or rng.random() < 0.3:
        plain = (a.NONE, a.TRUE, edge(rng), a.text(rng.choice(NAMES)), a.EMPTY_LIST, a.EMPTY_DICT,
                 b"G" + struct.pack(">d", rng.choice((0.5, 2.0**200, float("nan"), float("inf")))),
                 b"h" + bytes([rng.randrange(4)]), b"U\x03a\xff\x00")  # fmt: skip
        return rng.choice(plain)
    inner = functools.partial(a_value, rng, depth + 1, older)
    some = [inner() for _ in range(rng.randrange(4))]
    kind = rng.randrange(7)
    if kind == 0:
        return a.group(*some)
    if kind == 1:
        return a.EMPTY_LIST + a.MARK + b"".join(some) + b"e"
    if kind == 2:
        return a.mapping({rng.choice(NAMES): value for value in some})
    if kind == 3:
        return a.call(a_global(rng), *some)
    if kind == 4:
        return a_tensor(rng, older)
    if kind == 5:
        return inner() + b"q" + bytes([rng.randrange(4)])
    return a.call(a_global(rng), *some) + inner() + rng.choice((a.BUILD, a.APPEND, b"\x85"))


def a_tensor(rng: random.Random, older: bool = False) -> bytes:
    """A tensor whose numbers may be beyond its storage."""
    kinds = ("FloatStorage", "LongStorage", "QInt8Storage", "UntypedStorage", "ComplexFloatStorage")
    elements = rng.choice((*[6] * 12, 24, rng.choice(EDGES)))
    # The view, which the older container has as a sixth item.
    view = a.NONE if rng.random() < 0.7 else a.group(a.text("v"), edge(rng), edge(rng))
    more = (view,) if older else ()
    kind = kinds[0] if rng.random() < 0.7 else rng.choice(kinds)
    reference = a.storage("1" if rng.random() < 0.05 else "0", kind, elements, *more)
    size, stride = [2, 3], [3, 1]
    for numbers in (size, stride):
        while rng.random() < 0.2:
            numbers[rng.randrange(len(numbers))] = rng.choice(EDGES)
        if rng.random() < 0.03:
            numbers.append(rng.choice(EDGES))
    offset = rng.choice((*[0] * 9, rng.choice(EDGES)))
    return a.tensor(reference, offset, tuple(size), tuple(stride))


def a_pickle(rng: random.Random, good: bytes = a.STATE, older: bool = False) -> bytes:
    """A good pickle with instructions changed, or one made of nothing but such."""
    if rng.random() < 0.5:
        values = {rng.choice(NAMES): a_value(rng, 0, older) for _ in range(rng.randrange(1, 5))}
        return a.pickled(a.mapping({"weight": a_tensor(rng, older), **_REMEMBERED, **values}))
    steps = instructions(good)
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(steps))
        kind = rng.randrange(5)
        if kind == 0:
            del steps[at]
        elif kind == 1:
            steps.insert(at, steps[rng.randrange(len(steps))])
        elif kind == 2:
            steps[at] = a_value(rng, depth=3)
        elif kind == 3:
            steps.insert(at, bytes([rng.randrange(256)]))
        else:
            steps[at : at + 3] = steps[at : at + 3] * rng.choice((2, 30, 300))
        steps = steps or [b"."]
    return b"".join(steps)


def instructions(pickle: bytes) -> list[bytes]:
    """A pickle's instructions with their arguments, one by one."""
    starts = [position for _, _, position in pickletools.genops(pickle)]
    ends = [*starts[1:], len(pickle)]
    return [pickle[start:end] for start, end in zip(starts, ends, strict=True)]


def a_torch_zip(rng: random.Random) -> bytes:
    """Torch's newer container around a spoiled pickle, with other records beside."""
    beside: dict[str, bytes | None] = {"version": rng.choice((*[b"3"] * 20, b"99", b"", None))}
    if rng.random() < 0.3:
        beside["byteorder"] = rng.choice((b"little", b"big", b"x"))
    if rng.random() < 0.2:
        beside["extra__metadata.json"] = rng.choice((b'{"a": "b"}', b"[" * 5000, b'{"a": 1e999}'))
    if rng.random() < 0.2:
        beside["data__1"] = bytes(rng.choice((0, 24, 100)))
    return a.zipped(a_pickle(rng), **beside)


def a_stacked(rng: random.Random) -> bytes:
    """Torch's older container with a spoiled pickle, list of keys or data."""
    good = a.pickled(a.mapping({"weight": a.tensor(a.storage("0", "FloatStorage", 6, a.NONE))}))
    length = rng.choice((6, 6, 6, rng.choice(EDGES))) % 2**64
    data = struct.pack("<Q", length) + a.ARRAY.tobytes()
    keys = rng.choice((("0",), ("0",), ("0", "1"), ("0", "0"), ()))
    return a.stacked(a_pickle(rng, good, older=True), keys=keys, data=data)


def a_tar(rng: random.Random) -> bytes:
    """Torch's oldest container with spoiled members, of other kinds and sizes than they say."""
    with tarfile.open(fileobj=io.BytesIO(a.tarred())) as good:
        members = {info.name: good.extractfile(info).read() for info in good}  # type: ignore
    name = rng.choice(list(members))
    if name == "pickle":
        members[name] = a_pickle(rng, members[name])
    else:
        members[name] = spoiled_bytes(rng, members[name])
    content = b""
    for key, value in members.items():
        info = tarfile.TarInfo(key)
        info.size = len(value)
        if rng.random() < 0.15:
            info.type = rng.choice((b"x", b"g", b"L", b"S", b"1", b"2", b"5", b"6", b"0", b"\0"))
        if rng.random() < 0.1:
            info.size = rng.choice((0, 1, 511, 512, 513, 10**9, 2**40, -1, -512))
        content += info.tobuf(tarfile.GNU_FORMAT) + value + bytes(-len(value) % 512)
        if rng.random() < 0.1:
            content *= 2
    return content + bytes(rng.choice((0, 512, 1024, 10240)))


def a_zip_directory(rng: random.Random) -> bytes:
    """A zip file whose headers, directory and end say something else than is there."""
    content = bytearray(rng.choice((a.zipped(), good_npz())))
    marks = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06")
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = [at for mark in marks for at in _positions(content, mark)]
        if not places:
            break
        at = rng.choice(places) + 2 * rng.randrange(2, 23)
        width = rng.choice((2, 4, 8))
        old = int.from_bytes(content[at : at + width], "little")
        new = rng.choice((*EDGES, old + 1, old - 1, old ^ 1, old ^ 8, old ^ 0x800, len(content)))
        content[at : at + width] = (new % 2 ** (8 * width)).to_bytes(width, "little")
    kind = rng.randrange(6)
    if kind == 0:
        return bytes(rng.randrange(1, 200)) + content
    if kind == 1:
        return bytes(content) + bytes(content)
    if kind == 2:
        return bytes(content) + bytes(rng.randrange(1, 30))
    if kind == 3:  # the end of a larger directory before it
        end64 = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0,
                            *(rng.choice(EDGES) % 2**64 for _ in range(4)))  # fmt: skip
        locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, max(len(content) - 22, 0), 1)
        return bytes(content[:-22]) + end64 + locator + bytes(content[-22:])
    return bytes(content)


def _positions(content: bytearray, mark: bytes) -> list[int]:
    positions, at = [], content.find(mark)
    while at >= 0:
        positions.append(at)
        at = content.find(mark, at + 1)
    return positions


def a_safetensors(rng: random.Random) -> bytes:
    """A header whose types, shapes, places and texts are others than the data's."""
    items: dict[str, object] = {}
    for name in rng.sample(NAMES, rng.randrange(1, 4)):
        shape = rng.choice(([2, 3], [6], [], [rng.choice(EDGES)], [2, rng.choice(EDGES)], None))
        places = rng.choice(([0, 24], [0, 24], [24, 48], [rng.choice(EDGES), 24], [0], "x"))
        kind = rng.choice(("F32", "F32", "BF16", "F8_E4M3", "I64", "BOOL", "F4", "X", None, 3))
        items[name] = rng.choice(
            ({"dtype": kind, "shape": shape, "data_offsets": places}, None, [], 1.5)
        )
    if rng.random() < 0.3:
        items["__metadata__"] = rng.choice(({"a": "b"}, {"a": 1}, [], {"\x1b": "\n"}, None))
    text = json.dumps(items).encode()
    if rng.random() < 0.1:
        text = b"{" + b'"a":' + b"[" * rng.choice((10, 10_000)) + text
    length = rng.choice((len(text), len(text), len(text), rng.choice(EDGES) % 2**64))
    return struct.pack("<Q", length) + text + bytes(rng.choice((0, 24, 48, 100)))


def good_npz() -> bytes:
    """Two arrays as numpy.savez writes them."""
    stream = io.BytesIO()
    np.savez(stream, weight=a.ARRAY, bias=np.asfortranarray(np.zeros((2, 2), ">i8")))
    return stream.getvalue()


def an_npz(rng: random.Random) -> bytes:
    """Arrays whose headers say another type, order or shape."""
    members = {}
    for name in rng.sample(NAMES, rng.randrange(1, 4)):
        kind = rng.choice(("'<f4'", "'<f4'", "'|V0'", "'<U0'", "'|O'", "'>f8'", "'<M8[ns]'", "'|S0'",
                           "[('a', '<f4')]", "'<c8'", "'f4'*9", "None", "'<f4', 'x': '"))  # fmt: skip
        shape = rng.choice(("(2, 3)", "(2, 3)", "(6,)", "()", "(-1,)", "6", "(6)", f"({rng.choice(EDGES)},)",
                            f"({2**40}, {2**40}, 0)", "(2, 3" + ", 1" * rng.choice((2, 70)) + ")",
                            "(True, 6)", "(6.0,)", "(0x6,)", "(" * 200 + "6" + ")" * 200))  # fmt: skip
        order = rng.choice(("False", "False", "True", "1", "x"))
        text = f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
        version = rng.choice((1, 1, 1, 2, 3, 9))
        length = rng.choice((len(text), len(text), len(text), rng.choice(EDGES) % 2**16))
        head = struct.pack("<H" if version == 1 else "<I", length)
        data = a.ARRAY.tobytes() if rng.random() < 0.8 else bytes(rng.choice((0, 23, 48)))
        members[f"{name}.npy"] = b"\x93NUMPY" + bytes([version, 0]) + head + text + data
    return a.archive(members)


def known_network(rng: random.Random) -> bytes:
    """The names of a known network, each one's array the same, behind prefixes and beside others."""
    prefix = rng.choice(("", "module.", "model.", "ema.", "a.b.c.", "module.module."))
    names = [f"{prefix}{entry.torch}" for entry in table("resnet18", 2)]
    tensor = b"h\x00"
    items = dict.fromkeys(names, tensor)
    for _ in range(rng.randrange(6)):
        items[rng.choice((rng.choice(names), *NAMES))] = rng.choice((tensor, a_value(rng, depth=2)))
    if rng.random() < 0.3:
        items |= {f"ema_model.{name}": tensor for name in names}
    state = a.tensor() + b"q\x00"
    root = a.mapping({"first": state, "state_dict": a.mapping(items), "epoch": a_value(rng)})
    return a.zipped(a.pickled(root))


# What `a_value` refers to by its number.
_REMEMBERED = {
    "a": a.group(edge(random.Random(0)), a.NONE) + b"q\x00",
    "b": a.EMPTY_DICT + b"q\x01",
    "c": a.call(a.name("torch", "Size"), a.group()) + b"q\x02",
    "d": a.EMPTY_LIST + b"q\x03",
}
_LISTED = sorted(CONSTRUCTORS)
CONTAINERS = (a_torch_zip, a_torch_zip, a_stacked, a_tar, a_zip_directory, a_safetensors, an_npz,
              known_network)  # fmt: skip
