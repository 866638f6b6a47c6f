"""The zip container: its byte order, and what others may have put beside the arrays."""

import json

import numpy as np
import pytest

from tests.weights_convert import assemble
from weights_convert import FormatError, read
from weights_convert.pth.zip_file import MAX_METADATA, is_pickle
from weights_convert.zip_archive import directory, open_archive

FOREIGN = {
    "text": b"hello",
    "empty": b"",
    "a list": b'["a"]',
    "numbers": b'{"epoch": 3}',
    "nested": b'{"a": {"b": "c"}}',
    "deep nesting": b"[" * 100_000,
    "a huge number": b"9" * 100_000,
    "other encoding": b"\xff\xfe\x00\xd8",
    "half a character": b'{"a": "\\ud800"}',
    "too long": json.dumps({"a": "x" * MAX_METADATA}).encode(),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_foreign_record_of_that_name_is_ignored(case, tmp_path):
    (tmp_path / "file.pth").write_bytes(assemble.zipped(**{"extra/metadata.json": FOREIGN[case]}))
    assert read(tmp_path / "file.pth").metadata == {}


def test_a_good_record_in_the_same_place_is_read(tmp_path):
    content = assemble.zipped(**{"extra/metadata.json": b'{"a": "b"}'})
    (tmp_path / "file.pth").write_bytes(content)
    assert read(tmp_path / "file.pth").metadata == {"a": "b"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("archive/data.pkl", True), ("data.pkl", False), ("a/b/data.pkl", False), ("a/data", False)],
)
def test_the_pickle_lies_in_the_one_folder(name, expected):
    assert is_pickle(name) == expected


def test_members_are_views_of_the_file():
    content = memoryview(assemble.zipped())
    member = open_archive(content, directory(content)).members["archive/data/0"]
    assert member.obj is content.obj and bytes(member) == assemble.ARRAY.tobytes()


def test_big_endian_data_are_read_as_numbers(tmp_path):
    big = assemble.ARRAY.astype(">f4").tobytes()
    (tmp_path / "file.pth").write_bytes(assemble.zipped(byteorder=b"big", data__0=big))
    np.testing.assert_array_equal(read(tmp_path / "file.pth").arrays["weight"], assemble.ARRAY)


def test_an_unknown_byte_order_is_refused(tmp_path):
    (tmp_path / "file.pth").write_bytes(assemble.zipped(byteorder=b"mixed"))
    with pytest.raises(FormatError, match="its byte order is"):
        read(tmp_path / "file.pth")
