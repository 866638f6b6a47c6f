"""Files appear whole, and a second name is that of the same file."""

import pytest

from jaxcovid.runs import files
from weights_convert.aside import second_name


@pytest.mark.parametrize("links", [True, False])
def test_a_second_name_replaces_what_it_named_before(links, tmp_path, monkeypatch):
    if not links:
        monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    for content in (b"first", b"second", b"second"):
        files.write_bytes(tmp_path / "weights.pth", content)
        second_name(tmp_path / "weights.pth", "other.pth")
        assert (tmp_path / "other.pth").read_bytes() == content
        assert (tmp_path / "other.pth").samefile(tmp_path / "weights.pth") == links
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.pth", "weights.pth"]


def refuse(*_):
    raise OSError(1, "Operation not permitted")
