"""Files and folders that are no weights are called what they are."""

import json

import pytest

from tests.weights_convert import assemble as a
from weights_convert import FormatError, read

INDEX = {
    "metadata": {"total_size": 1},
    "weight_map": {"a": "x-1.safetensors", "b": "x-2.safetensors"},
}

FILES = {
    "web page": (b"\xef\xbb\xbf <!doctype html>", "web page"),
    "git-lfs pointer": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(20), "7z archive; unpack"),
    "xz": (b"\xfd7zXZ\0" + bytes(20), "xz; unpack"),
    "bzip2": (b"BZh91AY" + bytes(20), "bzip2; unpack"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(20), "zstd; unpack"),
    "GGUF": (b"GGUF\x03\0\0\0" + bytes(20), "GGUF"),
    "ONNX of PyTorch": (b"\x08\x08\x12\x07pytorch\x1a\x062.13.0" + bytes(20), "ONNX"),
    "ONNX without a maker": (b"\x08\x0a\x3a\x90\x01" + bytes(20), "ONNX"),
    "SavedModel": (b"\x08\x01\x12\xc4\x8c\x03\x0a\x5a" + bytes(20), "TensorFlow SavedModel"),
    "TensorFlow checkpoint": (b'model_checkpoint_path: "model.ckpt-1"\n', "TensorFlow"),
    "TensorFlow index": (bytes(100) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "TensorFlow checkpoint"),
    "TensorFlow Lite": (b"\x1c\0\0\0TFL3" + bytes(20), "TensorFlow Lite"),
    "Flax": (b"\x82\xa6params\x81\xa5fc" + bytes(20), "msgpack"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(20), "HDF5"),
    "one array": (b"\x93NUMPY\x01\0" + bytes(20), "single array"),
    "shards": (json.dumps(INDEX, indent=2).encode(), r"index of shards.*x-1.safetensors, x-2"),
    "other JSON": (b'{\n  "error": 1}', "JSON"),
    "JSON list": (b"[1, 2]", "JSON"),
    "TorchScript, compressed": (
        a.archive({"x/data.pkl": b"x" * 999, "x/constants.pkl": b"y" * 999}, 8), "TorchScript"
    ),
    "Keras": (a.archive({"config.json": b"{}", "model.weights.h5": b"x"}), "Keras"),
    "document": (a.archive({"[Content_Types].xml": b"x"}), "document"),
    "zipped weights": (a.archive({"runs/best.pth": b"x" * 99}, 8), "holds runs/best.pth; unpack"),
    "any pickle": (b"\x80\x04\x95\x0a\0\0\0\0\0\0\0}." + bytes(20), "not one that torch.save wrote"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_file_is_called_what_it_is(case, tmp_path):
    content, message = FILES[case]
    (tmp_path / "file.pth").write_bytes(content)
    with pytest.raises(FormatError, match=message) as error:
        read(tmp_path / "file.pth")
    assert "\n" not in str(error.value)


FOLDERS = {
    "SavedModel": ("saved_model.pb", "TensorFlow SavedModel"),
    "Orbax": ("_METADATA", "Orbax"),
    "Hugging Face": ("model.safetensors", "give one of its files: model.safetensors"),
    "several runs": ("seed-0/weights.safetensors", "several networks; give one of them: seed-0$"),
    "any": ("x.txt", "not a finished run$"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_is_called_what_it_is(case, tmp_path):
    name, message = FOLDERS[case]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    with pytest.raises(FormatError, match=message):
        read(tmp_path)
