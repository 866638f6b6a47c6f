"""What a .pth file says beside its arrays, and what others may have put there."""

import json

import numpy as np
import pytest

from tests.weights_convert import assemble
from weights_convert import ConversionError, read, save
from weights_convert.pth.zip_file import MAX_METADATA

METADATA = {f"key {index}": 'Ünïcode \\ " \n' for index in range(9)}


@pytest.mark.parametrize("metadata", [METADATA, {}, None])
def test_reads_back_equal(metadata, tmp_path):
    save(tmp_path / "file.pth", {"weight": assemble.ARRAY}, metadata)
    weights = read(tmp_path / "file.pth")
    assert weights.metadata == (metadata or {})
    np.testing.assert_array_equal(weights.arrays["weight"], assemble.ARRAY)


def test_without_metadata_there_is_no_record(tmp_path):
    save(tmp_path / "file.pth", {"weight": assemble.ARRAY}, {})
    assert b"extra/" not in (tmp_path / "file.pth").read_bytes()


def test_more_than_would_be_read_is_not_written(tmp_path):
    with pytest.raises(ConversionError, match="metadata: "):
        save(tmp_path / "file.pth", {"weight": assemble.ARRAY}, {"key": "x" * MAX_METADATA})
    assert not list(tmp_path.iterdir())


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
