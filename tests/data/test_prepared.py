"""Prepared images in the cache: whole or not at all, made anew if damaged, for their owner alone."""

import json
import stat
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from PIL import Image

from jaxcovid.data import images
from jaxcovid.data import prepared as module
from jaxcovid.data.disk import Entry
from jaxcovid.errors import InputError
from tests.data.image_files import load_folder


def test_an_interrupted_preparation_leaves_nothing(image_folder, tmp_path, monkeypatch):
    def interrupt(path, view):
        raise KeyboardInterrupt

    monkeypatch.setattr(images, "read_described", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_folder(image_folder, tmp_path / "cache")
    monkeypatch.undo()
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(load_folder(image_folder, tmp_path / "cache").splits["train"].labels) == 12


def records(prepared, content):
    (shard,) = prepared.rglob("*train*array_record*")
    shard.write_bytes(shard.read_bytes()[:100] + content)


def relabelled(prepared):
    index = json.loads((prepared / "index.json").read_text())
    index["train"][0][1] = 1
    (prepared / "index.json").write_text(json.dumps(index))


def described(prepared):
    (path,) = prepared.rglob("features.json")
    path.write_text(path.read_text().replace("uint8", "int32", 1))


def gone(name):
    return lambda prepared: next(prepared.rglob(name)).unlink()


DAMAGE = {
    "records cut short": lambda prepared: records(prepared, b""),
    "records overwritten": lambda prepared: records(prepared, bytes(100_000)),
    "another label": relabelled,
    "another type": described,
    "no information": gone("dataset_info.json"),
    "no index": gone("index.json"),
    "no checksums": gone("SHA256SUMS"),
    "other checksums": lambda prepared: (prepared / "SHA256SUMS").write_bytes(b"\xff  x\n"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_what_is_damaged_in_the_cache_is_made_anew(case, image_folder, tmp_path):
    first = load_folder(image_folder, tmp_path / "cache")
    (prepared,) = (tmp_path / "cache" / "prepared").iterdir()
    DAMAGE[case](prepared)
    again = load_folder(image_folder, tmp_path / "cache")
    warning, *others = again.warnings
    assert "are damaged" in warning and warning.endswith("; they were prepared again")
    np.testing.assert_equal(again._replace(warnings=tuple(others))._asdict(), first._asdict())
    assert load_folder(image_folder, tmp_path / "cache").warnings == first.warnings
    assert list(prepared.parent.iterdir()) == [prepared]


def test_what_was_just_prepared_is_what_is_read_later(image_folder, tmp_path, monkeypatch):
    """The first time pixels are taken as they were made, without reading them back."""
    (image_folder / "train/covid/broken.png").write_bytes(b"\x89PNG broken")
    monkeypatch.setattr(module.records.StoredRecords, "__getitem__", None)
    first = load_folder(image_folder, tmp_path / "cache", skip=True)
    monkeypatch.undo()
    again = load_folder(image_folder, tmp_path / "cache", skip=True)
    np.testing.assert_equal(again._asdict(), first._asdict())


def test_pixels_that_do_not_fit_are_not_kept_in_memory():
    entries, made, room = [], {"train": [None], "test": []}, [100_000.0]
    record = images.prepare(Image.new("L", (224, 224)), 0, "x", 0)
    entry = Entry("x", 0, 0, 0, 1, "")
    stored = module._noted([(entry, record)] * 3, "test", entries, made, room)
    assert len(next(stored)) > 50_000 and made == {"train": [None], "test": [record]}
    assert next(stored) and made == {"train": [], "test": []}
    assert next(stored) and made == {"train": [], "test": []}
    assert len(entries) == 3 and room[0] < 0


def test_what_cannot_be_read_now_stays(image_folder, tmp_path, monkeypatch):
    load_folder(image_folder, tmp_path / "cache")
    (prepared,) = (tmp_path / "cache" / "prepared").iterdir()
    inode = prepared.stat().st_ino

    def stale(*_):
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(module, "check_checksums", stale)
    with pytest.raises(InputError, match=r"cannot be read .Stale file handle.; try again"):
        load_folder(image_folder, tmp_path / "cache")
    assert prepared.stat().st_ino == inode


def test_only_their_owner_may_look_at_prepared_images(image_folder, tmp_path):
    load_folder(image_folder, tmp_path / "cache")
    (prepared,) = (tmp_path / "cache" / "prepared").iterdir()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (prepared, prepared.parent)] == [
        0o700
    ] * 2


def test_nothing_is_left_in_the_folder_for_temporary_files(image_folder, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for _ in range(2):
        load_folder(image_folder, tmp_path / "cache")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_two_runs_may_prepare_the_same_images_at_once(image_folder, tmp_path):
    command = [
        sys.executable,
        "-c",
        "import sys; from pathlib import Path; from jaxcovid.data.sources import load_dataset; "
        "print(len(load_dataset(sys.argv[1], Path(sys.argv[2])).splits['train'].labels))",
        image_folder,
        tmp_path / "cache",
    ]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [run.communicate()[0].strip() for run in runs] == ["12"] * 3
    (prepared,) = (tmp_path / "cache" / "prepared").iterdir()
    assert not prepared.name.startswith(".")
