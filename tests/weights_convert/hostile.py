"""Files that must be refused: name -> (content, part of the message).

Those that would run a command would create the file `sentinel` in the current folder.
"""

import gzip
import io
import json
import struct
import zipfile

import numpy as np

from tests.weights_convert import assemble as a

COMMAND = a.text("touch sentinel")


def pickle(*parts: bytes) -> bytes:
    return a.zipped(a.pickled(*parts))


def state(tensor: bytes, **records) -> bytes:
    return a.zipped(a.pickled(a.mapping({"weight": tensor})), **records)


def flip(content: bytes, position: int, value: int = 0xFF) -> bytes:
    return content[:position] + bytes([content[position] ^ value]) + content[position + 1 :]


def npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def object_npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, weight=np.array([{}], object))
    return stream.getvalue()


def duplicate_member() -> bytes:
    content = a.zipped(a.STATE, data__1=b"x")
    return content.replace(b"archive/data/1", b"archive/data/0")


def overlapping() -> bytes:
    """A directory whose two entries lead to the same place."""
    content = a.archive(
        {"archive/data.pkl": a.STATE, "archive/data.pkm": a.STATE, "archive/version": b"3"}
    )
    directory = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", directory + 4)
    return (
        content[: second + 42] + content[directory + 42 : directory + 46] + content[second + 46 :]
    )


def local_name_differs() -> bytes:
    return a.zipped().replace(b"archive/data/0", b"archive/data/9", 1)


def encrypted() -> bytes:
    content = a.zipped()
    directory = content.index(b"PK\x01\x02")
    content = flip(content, directory + 8, 1)
    return flip(content, 6, 1)


def safetensors(header: dict, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def gadget(module: str, attribute: str, *arguments: bytes) -> tuple[bytes, str]:
    return pickle(
        a.call(a.name(module, attribute), *(arguments or (COMMAND,)))
    ), f"asks for {module}"


def offset_beyond() -> bytes:
    content = a.zipped()
    directory = content.index(b"PK\x01\x02")
    return content[: directory + 42] + struct.pack("<I", 2**31) + content[directory + 46 :]


LAUGHS = b")" + b"q\x01h\x01\x86" * 40
SYSTEM = a.name("posix", "system")

FILES: dict[str, tuple[bytes, str]] = {
    # What asks to be run.
    "posix.system": gadget("posix", "system"),
    "os.system": gadget("os", "system"),
    "nt.system": gadget("nt", "system"),
    "eval": gadget("builtins", "eval", a.text("open('sentinel', 'w')")),
    "exec": gadget("builtins", "exec", a.text("open('sentinel', 'w')")),
    "python 2 eval": gadget("__builtin__", "eval", a.text("open('sentinel', 'w')")),
    "open": gadget("builtins", "open", a.text("sentinel"), a.text("w")),
    "getattr": gadget("builtins", "getattr", a.text("x"), a.text("y")),
    "subprocess": gadget("subprocess", "check_call", COMMAND),
    "methodcaller": gadget("operator", "methodcaller", a.text("system"), COMMAND),
    "attrgetter": gadget("operator", "attrgetter", a.text("system")),
    "pydoc.locate": gadget("pydoc", "locate", a.text("os.system")),
    "runpy": gadget("runpy", "_run_code", a.text("open('sentinel', 'w')"), a.EMPTY_DICT),
    "import_module": gadget("importlib", "import_module", a.text("antigravity")),
    "webbrowser": gadget("webbrowser", "open", a.text("http://localhost")),
    "pickle in a pickle": gadget("pickle", "loads", a.text("x")),
    "torch.load": gadget("torch", "load", a.text("other.pth")),
    "torch.hub": gadget("torch.hub", "load", a.text("x")),
    "numpy.load": gadget("numpy", "load", a.text("x.npy")),
    "dotted attribute": gadget("collections", "OrderedDict.fromkeys", a.EMPTY_LIST),
    "dotted torch": gadget("torch", "_utils._rebuild_tensor_v2"),
    "name on the list, other case": gadget("Collections", "OrderedDict"),
    "name with a space": (pickle(b"cposix system\nx\n"), "asks for"),
    "model object": (pickle(a.call(a.name("torchvision.models.resnet", "ResNet"))), "model object"),
    "own class": (pickle(a.call(a.name("__main__", "Net"))), "model object"),
    "system by NEWOBJ": (pickle(SYSTEM, a.group(COMMAND), b"\x81"), "asks for posix.system"),
    "system by BUILD": (pickle(a.EMPTY_DICT, SYSTEM, a.BUILD), "asks for posix.system"),
    "INST": (pickle(a.MARK, COMMAND, b"iposix\nsystem\n"), "INST"),
    "OBJ": (pickle(a.MARK, SYSTEM, COMMAND, b"o"), "asks for posix.system"),
    "STACK_GLOBAL": (pickle(a.text("posix"), a.text("system"), b"\x93"), "STACK_GLOBAL"),
    "NEWOBJ_EX": (pickle(a.NONE, a.NONE, a.NONE, b"\x92"), "NEWOBJ_EX"),
    "extension registry": (pickle(b"\x82\x01"), "EXT1"),
    "out-of-band buffer": (pickle(b"\x97"), "NEXT_BUFFER"),
    "protocol 0 reference": (pickle(b"P0\n"), "PERSID"),
    "framed": (a.zipped(b"\x80\x04\x95" + struct.pack("<Q", 2) + b"N."), "FRAME"),
    # Pickles that do not hold together.
    "empty pickle": (a.zipped(b""), "broken|cut short"),
    "no STOP": (a.zipped(a.PROTO + a.EMPTY_DICT), "broken|cut short"),
    "unknown opcode": (pickle(b"\xff"), "broken"),
    "unknown protocol": (a.zipped(b"\x80\x63N."), "unknown protocol"),
    "objects left over": (pickle(a.NONE, a.NONE), "left over"),
    "empty stack": (pickle(a.REDUCE), "empty stack"),
    "missing mark": (pickle(a.NONE, a.TUPLE), "lacks a mark"),
    "mark taken as an object": (pickle(a.MARK, a.MARK, b"\x85"), "empty stack"),
    "unknown memo": (pickle(b"h\x07"), "never stored"),
    "call of a text": (pickle(a.text("x"), b")", a.REDUCE), "calls something"),
    "call of a result": (pickle(a.call(a.call(a.name("collections", "OrderedDict")))), "calls something"),
    "call of a storage class": (pickle(a.call(a.name("torch", "FloatStorage"), a.number(10**12))), "calls something"),
    "arguments that are no tuple": (pickle(a.name("collections", "OrderedDict"), a.text("x"), a.REDUCE), "calls something"),
    "wrong number of arguments": (pickle(a.call(a.name("torch._utils", "_rebuild_tensor_v2"))), "wrong arguments"),
    "items into a list": (pickle(a.EMPTY_LIST, a.text("k"), a.NONE, a.SETITEM), "no dict"),
    "items into a text": (pickle(a.text("x"), a.MARK, a.text("k"), a.NONE, a.SETITEMS), "no dict"),
    "key without value": (pickle(a.EMPTY_DICT, a.MARK, a.text("k"), a.SETITEMS), "without a value"),
    "append to a dict": (pickle(a.EMPTY_DICT, a.NONE, a.APPEND), "no list"),
    "key is a list": (pickle(a.EMPTY_DICT, a.EMPTY_LIST, a.NONE, a.SETITEM), "neither text nor"),
    "key is a tuple": (pickle(a.EMPTY_DICT, b")", a.NONE, a.SETITEM), "no state_dict"),
    "state of a text": (pickle(a.text("x"), a.EMPTY_DICT, a.BUILD), "sets the state"),
    "parameter without tensor": (pickle(a.parameter(a.text("x"))), "without a tensor"),
    "text longer than the file": (pickle(b"X\xff\xff\xff\xff"), "longer than weights need"),
    "long number": (pickle(b"\x8b\xff\xff\xff\x7f"), "broken|longer|LONG4"),
    "deep nesting": (pickle(b"(" * 20_000), "beyond reason"),
    "deep tuples": (pickle(a.NONE, b"\x85" * 5_000), "no state_dict|holds"),
    "many objects": (pickle(a.NONE * 20_000), "beyond reason"),
    "many memos": (pickle(a.NONE, b"".join(b"r" + struct.pack("<I", i) for i in range(100_001))), "more than|beyond"),
    "itself as its item": (pickle(a.EMPTY_DICT, b"q\x00", a.text("k"), b"h\x00", a.SETITEM), "no state_dict"),
    # Storages and tensors that do not fit.
    "no state_dict": (pickle(a.mapping({"epoch": a.number(3)})), "no state_dict"),
    "a list": (pickle(a.EMPTY_LIST), "not a state_dict"),
    "a lone tensor": (pickle(a.tensor()), "not a state_dict"),
    "empty dict": (pickle(a.EMPTY_DICT), "no state_dict"),
    "names that are numbers": (pickle(a.EMPTY_DICT, a.number(1), a.tensor(), a.SETITEM), "no state_dict"),
    "unknown element type": (state(a.tensor(a.storage(kind="QInt3Storage"))), "asks for torch.QInt3"),
    "storage type not a class": (state(a.tensor(a.group(a.text("storage"), a.text("Float"), a.text("0"), a.text("cpu"), a.number(6)) + a.PERSISTENT)), "without type"),
    "global that is no storage": (state(a.tensor(a.group(a.text("storage"), a.name("torch", "Size"), a.text("0"), a.text("cpu"), a.number(6)) + a.PERSISTENT)), "torch.Size are not"),
    "reference of another kind": (state(a.tensor(a.group(a.text("module"), a.NONE, a.NONE, a.NONE, a.NONE) + a.PERSISTENT)), "no storage"),
    "reference is a number": (state(a.number(7) + a.PERSISTENT), "no storage"),
    "negative length": (state(a.tensor(a.storage(elements=-6))), "no possible number"),
    "huge length": (state(a.tensor(a.storage(elements=2**60))), "no possible number"),
    "longer than its record": (state(a.tensor(a.storage(elements=7))), "24 bytes"),
    "shorter than its record": (state(a.tensor(a.storage(elements=5))), "24 bytes"),
    "record is missing": (state(a.tensor(), data__0=None), "lacks the record"),
    "key that climbs": (state(a.tensor(a.storage(key="../../../etc/passwd"))), "lacks the record"),
    "tensor without storage": (state(a.tensor(a.text("x"))), "no storage"),
    "negative offset": (state(a.tensor(offset=-1)), "no natural number"),
    "offset outside": (state(a.tensor(offset=1)), "reaches outside"),
    "huge offset": (state(a.tensor(offset=2**61)), "reaches outside"),
    "offset beyond 64 bits": (state(a.tensor(offset=2**70)), "no natural number"),
    "offset is true": (state(a.tensor(offset=a.TRUE)), "no natural number"),
    "negative size": (state(a.tensor(size=(-2, 3))), "no natural number"),
    "size outside": (state(a.tensor(size=(3, 3))), "reaches outside"),
    "huge size without strides": (state(a.tensor(size=(2**40, 2**20), stride=(0, 0))), "beyond any memory"),
    "overlapping": (state(a.tensor(size=(4, 3), stride=(1, 1))), "several times"),
    "negative stride": (state(a.tensor(stride=(-3, 1))), "no natural number"),
    "huge stride": (state(a.tensor(stride=(2**61, 1))), "reaches outside"),
    "size and stride of different length": (state(a.tensor(size=(2,))), "do not belong"),
    "too many dimensions": (state(a.tensor(size=(1,) * 40, stride=(1,) * 40)), "dimensions"),
    # Zip files.
    "version missing": (a.zipped(version=None), "lacks the record"),
    "version 99": (a.zipped(version=b"99"), "format version"),
    "version is text": (a.zipped(version=b"new"), "format version"),
    "unknown byte order": (a.zipped(byteorder=b"middle"), "byte order"),
    "TorchScript": (a.zipped(**{"constants.pkl": b"x"}), "TorchScript"),
    "two pickles": (a.archive({"a/data.pkl": a.STATE, "b/data.pkl": a.STATE}), "without weights"),
    "zip of other files": (a.archive({"readme.txt": b"x"}), "without weights"),
    "empty zip": (a.archive({}), "empty or split zip"),
    "compressed": (a.archive({"archive/data.pkl": a.STATE * 9}, zipfile.ZIP_DEFLATED), "compressed"),
    "encrypted": (encrypted(), "encrypted"),
    "duplicate record": (duplicate_member(), "twice"),
    "overlapping records": (overlapping(), "another name|overlap"),
    "two names for a record": (local_name_differs(), "another name"),
    "damaged data": (flip(a.zipped(), a.zipped().index(a.ARRAY.tobytes()) + 5), "damaged"),
    "record beyond the end": (offset_beyond(), "before its first record"),
    "cut short": (a.zipped()[:-30], "cut short"),
    "download that stopped": (a.zipped()[:100], "cut short"),
    "zip header alone": (b"PK\x03\x04", "cut short"),
    # The older containers.
    "stacked: other magic": (a.stacked(magic=1), "not one that torch.save wrote"),
    "stacked: any pickle": (a.pickled(a.text("hello")), "not one that torch.save wrote"),
    "stacked: system": (a.stacked(pickle=a.pickled(a.call(SYSTEM, COMMAND))), "asks for posix"),
    "stacked: other protocol": (a.stacked(protocol=7), "unknown protocol"),
    "stacked: big-endian": (a.stacked(little=a.FALSE), "big-endian"),
    "stacked: keys do not match": (a.stacked(keys=("1",)), "does not match"),
    "stacked: key twice": (a.stacked(keys=("0", "0")), "does not match"),
    "stacked: other length": (a.stacked(data=struct.pack("<q", 7) + bytes(28)), "another length"),
    "stacked: negative length": (a.stacked(data=struct.pack("<q", -1)), "another length"),
    "stacked: cut short": (a.stacked()[:-1], "cut short"),
    "stacked: model": (a.stacked(pickle=a.pickled(a.group(a.text("module"), a.NONE, a.NONE, a.NONE) + a.PERSISTENT)), "model object"),
    "stacked: view outside": (a.stacked(pickle=a.pickled(a.mapping({"w": a.tensor(a.storage("0", "FloatStorage", 6, a.group(a.text("v"), a.number(3), a.number(6))))}))), "view reaches outside"),
    "tar: pickle missing": (a.tarred(storages=None), "without storages"),
    "tar: system": (a.tarred(pickle=a.pickled(a.call(SYSTEM, COMMAND))), "asks for posix"),
    "tar: unknown tensor": (a.tarred(pickle=a.pickled(a.text("9") + a.PERSISTENT)), "not there"),
    "tar: too many storages": (a.tarred(storage_count=10**4), "broken|cut short"),
    "tar: storages beyond reason": (a.tarred(storage_count=10**6), "more than weights need"),
    "tar: bytes behind it": (a.tarred() + b"x", "bytes follow"),
    "tar: absurd dimensions": (a.tarred(dimensions=10**6), "dimensions"),
    "tar: negative dimensions": (a.tarred(dimensions=-1), "dimensions"),
    # What takes time or memory.
    "laughs: a tuple that doubles, as a length": (state(a.tensor(a.storage(elements=LAUGHS))), "is a tuple"),
    "laughs: as an offset": (state(a.tensor(offset=LAUGHS)), "no natural number"),
    "laughs: as a dict key": (pickle(a.EMPTY_DICT, LAUGHS, a.NONE, a.SETITEM), "no state_dict"),
    "laughs: as a value": (pickle(a.mapping({"w": LAUGHS})), "no state_dict"),
    "laughs: as the version": (a.stacked(magic=0) + LAUGHS, "not one that torch"),
    "laughs: as the list of keys": (a.stacked().replace(a.EMPTY_LIST + a.MARK + a.text("0") + b"e", LAUGHS), "list of storages is broken"),
    "a long list taken apart many times": (pickle(a.EMPTY_LIST, a.MARK, a.group(a.text("a"), a.NONE) * 3000, b"eq\x00", (a.name("collections", "OrderedDict") + b"h\x00\x85R") * 3000), "more than"),
    "numbers of one hash": (pickle(a.EMPTY_DICT, b"".join(a.number(i * (2**61 - 1)) + b"Ns" for i in range(1, 9000))), "no state_dict"),
    "a prefix again and again": (a.zipped(a.pickled(a.mapping({"module." * 20_000: a.tensor()}))), "140,000 characters long"),
    "a tensor shown many times": (a.zipped(a.pickled(a.mapping({"a": a.tensor(size=(2**23,), stride=(0,)) + b"q\x00", **{str(i): b"h\x00" for i in range(20)}}))), "again and again"),
    "tar: view of nothing": (a.tarred(views=a.EMPTY_LIST + a.group(*map(a.number, (1, 2, 0, 1))) + a.APPEND), "view reaches outside"),
    "tar: cut short": (a.tarred()[:1200], "cut short|damaged|without"),
    # Other files by the name of weights.
    "empty": (b"", "empty"),
    "web page": (b"<!DOCTYPE html><html><body>Not Found</body></html>", "web page"),
    "web page, capitals": (b"\n  <HTML>", "web page"),
    "error as JSON": (b'{"error": "not found"}', "JSON"),
    "git-lfs pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git-lfs"),
    "gzip": (gzip.compress(a.zipped()), "gzip"),
    "Keras": (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "picture"),
    "text": (b"hello world, these are no weights", "unknown"),
    "zeros": (bytes(2048), "unknown"),
    "safetensors: huge header": (struct.pack("<Q", 2**62) + b'{"a":1}', "cut short"),
    "safetensors: no JSON": (struct.pack("<Q", 10) + b"{not json}", "damaged"),
    "safetensors: data missing": (safetensors({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}), "damaged"),
    "safetensors: overlap": (safetensors({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "v": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}, bytes(12)), "damaged"),
    "safetensors: unknown type": (safetensors({"w": {"dtype": "X9", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)), "damaged"),
    "npz: objects": (object_npz(), "Python objects"),
    "npz: more than there is": (a.archive({"w.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}", bytes(8))}), "damaged"),
    "npz: less than there is": (a.archive({"w.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", bytes(8))}), "another size"),
    "npz: header is code": (a.archive({"w.npy": npy("open('sentinel', 'w')", bytes(8))}), "damaged"),
    "npz: elements of no size": (a.archive({"w.npy": npy("{'descr': '<U0', 'fortran_order': False, 'shape': (-1,)}")}), "none of NumPy's"),
    "npz: no size, many of them": (a.archive({"w.npy": npy("{'descr': '<U0', 'fortran_order': False, 'shape': (9,)}")}), "another size"),
    "npz: shape that overflows": (a.archive({"w.npy": npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({2**62}, 4, 0)}}")}), "beyond any|its shape is"),
    "npz: shape is a number": (a.archive({"w.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2)}", bytes(8))}), "its shape is"),
    "npz: shape is true": (a.archive({"w.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (True, 2)}", bytes(8))}), "none of NumPy's"),
    "npz: brackets without end": (a.archive({"w.npy": npy("{'descr': '<f4', 'shape': " + "(" * 5000)}), "damaged"),
    "npz: fields": (a.archive({"w.npy": npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}", bytes(8))}), "records of several fields"),
    "npz: complex": (a.archive({"w.npy": npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", bytes(8))}), "<c8"),
    "npz: weights of dates": (a.archive({"a.weight.npy": npy("{'descr': '<M8[s]', 'fortran_order': False, 'shape': (1,)}", bytes(8))}), "which is not read"),
    "npz: unknown version": (a.archive({"w.npy": b"\x93NUMPY\x04\x00" + bytes(100)}), "not in NumPy's format"),
    "npz: metadata are no text": (a.archive({"__metadata__.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", bytes(8))}), "metadata are damaged"),
    "npz: no header": (a.archive({"w.npy": b"xx"}), "damaged"),
}  # fmt: skip
