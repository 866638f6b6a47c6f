"""What people give for weights by mistake, recognised by its first bytes, with what to do."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from weights_convert.printable import listed

_TORCHSCRIPT = (
    "it is a TorchScript archive, a program; load it with torch.jit.load and save its state_dict()"
)
_ONLY = "only PyTorch's formats, safetensors and NumPy's are read"
_SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors", ".npz", ".bin")  # of weights
_ARCHIVE = "; unpack it first and give the file inside"


def _begins(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda start: start.startswith(marks)


def _begins_text(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda start: start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(marks)


def _fits(pattern: bytes) -> Callable[[bytes], bool]:
    compiled = re.compile(pattern, re.DOTALL)
    return lambda start: compiled.match(start) is not None


_SIGNS: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (
        _begins_text(b"<!doctype", b"<html", b"<?xml", b"<head", b"<body"),
        "it is a web page, not weights; the download link led to a page: get the file itself",
    ),
    (
        _begins(b"version https://git-lfs", b"version https://hawser"),
        "it is a git-lfs pointer, not the file itself; run `git lfs pull`",
    ),
    (_begins(b"/annex/objects/"), "it is a git-annex pointer, not the file itself"),
    (_begins(b"\x1f\x8b"), f"it is compressed with gzip{_ARCHIVE}"),
    (_begins(b"7z\xbc\xaf\x27\x1c"), f"it is a 7z archive{_ARCHIVE}"),
    (_begins(b"\xfd7zXZ\0"), f"it is compressed with xz{_ARCHIVE}"),
    (_fits(rb"BZh[1-9]"), f"it is compressed with bzip2{_ARCHIVE}"),
    (_begins(b"\x28\xb5\x2f\xfd"), f"it is compressed with zstd{_ARCHIVE}"),
    (_begins(b"Rar!\x1a\x07"), f"it is a RAR archive{_ARCHIVE}"),
    (_begins(b"PK\x05\x06", b"PK\x07\x08"), "it is an empty or split zip file, not weights"),
    (_begins(b"\x89HDF"), f"it is an HDF5 file, as Keras writes; {_ONLY}"),
    (_begins(b"GGUF", b"lmgg", b"ggjt", b"tjgg", b"fmgg"), f"it is a GGUF file; {_ONLY}"),
    (_begins(b"\x93NUMPY"), "it is a single array (.npy); weights are a .npz of named arrays"),
    (_begins(b"MATLAB 5.0"), f"it is a MATLAB file; {_ONLY}"),
    (_fits(rb".{4}TFL3"), f"it is a TensorFlow Lite model; {_ONLY}"),
    # A message of protocol buffers: its version, then the name of what wrote it, or the graph.
    (_fits(rb"\x08\x01\x12.{1,5}\x0a"), f"it is a TensorFlow SavedModel; {_ONLY}"),
    (_fits(rb"\x08[\x01-\x20][\x12\x1a\x22\x28\x32\x3a\x42]"), f"it is an ONNX model; {_ONLY}"),
    (_begins_text(b"model_checkpoint_path:"), f"it is an index of TensorFlow checkpoints; {_ONLY}"),
    # A map of msgpack whose first key is a text.
    (_fits(rb"(?:[\x81-\x8f]|\xde..|\xdf....)(?:[\xa1-\xbf]|\xd9.)[ -~]"),
     f"it is a msgpack file, as Flax writes; {_ONLY}"),
    (
        _begins(b"\x89PNG", b"\xff\xd8\xff", b"%PDF", b"GIF8", b"RIFF", b"BM\x00"),
        "it is a picture or document, not weights",
    ),
    (
        _fits(rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"'}]|\[\s*[\[\]{\"'\d-])"),
        "it is a JSON text, perhaps a server's error message, not weights",
    ),
)  # fmt: skip


def what_else(data: memoryview) -> str | None:
    """What the file is instead of weights, in words; None if it may hold weights."""
    start = bytes(data[:512])
    if start.lstrip()[:1] == b"{" and len(data) < 2**24 and (shards := _shards(bytes(data))):
        return (
            "it is an index of shards, which holds no weights itself; give the files that it names "
            f"({listed(shards, len(shards))}), joined into one if there are several"
        )
    if bytes(data[-8:]) == b"\x57\xfb\x80\x8b\x24\x75\x47\xdb":
        return f"it is the index of a TensorFlow checkpoint; {_ONLY}"
    return next((what for applies, what in _SIGNS if applies(start)), None)


def what_else_zipped(names: Sequence[str]) -> str | None:
    """What a zip file with such records is instead of weights; None if it may hold weights."""
    ends = {name.rsplit("/", 1)[-1] for name in names}
    if "constants.pkl" in ends:
        return _TORCHSCRIPT
    if "model.weights.h5" in ends:
        return f"it is a Keras model; {_ONLY}"
    if "[Content_Types].xml" in ends or "AndroidManifest.xml" in ends:
        return "it is a document or program, not weights"
    inside = [name for name in names if name.lower().endswith((*_SUFFIXES, ".tar"))]
    if inside:
        return f"it is a zip file that holds {listed(inside, len(inside))}{_ARCHIVE}"
    return None


def what_else_in_folder(folder: Path) -> str:
    """What a folder is that is no run's, and what to give instead."""
    names = sorted(path.name for path in folder.iterdir())
    weights = [name for name in names if name.lower().endswith(_SUFFIXES)]
    if "saved_model.pb" in names:
        return f"a TensorFlow SavedModel; {_ONLY}"
    if "_METADATA" in names or "_CHECKPOINT_METADATA" in names or "checkpoints" in names:
        return "a folder of Orbax checkpoints without weights.safetensors, not a finished run"
    runs = [name for name in names if (folder / name / "weights.safetensors").is_file()]
    if runs:
        return f"a folder of several networks; give one of them: {listed(runs, len(runs))}"
    if weights:
        return (
            "a folder without weights.safetensors, not a finished run; give one of its files: "
            f"{listed(weights, len(weights))}"
        )
    return "a folder without weights.safetensors, not a finished run"


def _shards(text: bytes) -> Sequence[str]:
    """The files that an index of shards names."""
    try:
        names: Iterable[object] = set(json.loads(text.decode())["weight_map"].values())
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return ()
    return sorted(name for name in names if isinstance(name, str))
