"""Features outlive the process that computed them, and are computed anew where they cannot be."""

import os
import stat
import time

import jax
import numpy as np
import pytest

from jaxcovid.runs import feature_files, kept_arrays
from jaxcovid.training.frozen_features import Features, kept_or_new

KEY = ("fingerprint", ("train", ("a.png",)), 5, True, None)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXCOVID_CACHE", str(tmp_path))
    return tmp_path / "features"


def features(views=2, kind=np.float32):
    values = np.arange(6, dtype=kind).reshape(2, 3)
    return Features(values, np.stack([values + view for view in range(views)]))


def assert_equal(one, other):
    for values, others in zip(one, other, strict=True):
        assert values.dtype == others.dtype
        np.testing.assert_array_equal(values, others)


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_another_process_reads_what_one_wrote(kind, capsys):
    made = features(kind=kind)
    kept_or_new({}, KEY, lambda: made, 1e9, feature_files.feature_store())
    assert capsys.readouterr().out == ""
    store = feature_files.feature_store()
    for _ in range(2):  # what is said is said once
        assert_equal(kept_or_new({}, KEY, lambda: pytest.fail("anew"), 1e9, store), made)
    assert capsys.readouterr().out == "Outputs of the frozen part are kept from an earlier run\n"


@pytest.mark.parametrize("position", range(len(KEY)))
def test_what_depends_on_anything_else_is_another_file(position):
    store = feature_files.feature_store()
    store.write(KEY, features())
    other = (*KEY[:position], "another", *KEY[position + 1 :])
    assert store.read(KEY) is not None
    assert store.read(other) is None


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", slice(0, -30), slice(0, 300)], ids=str)
def test_a_damaged_file_is_written_anew(damage, folder, capsys):
    store = feature_files.feature_store()
    store.write(KEY, features())
    (file,) = folder.iterdir()
    file.write_bytes(damage if isinstance(damage, bytes) else file.read_bytes()[damage])
    assert store.read(KEY) is None
    assert f"kept in {file} is damaged, and made anew" in capsys.readouterr().out
    assert_equal(kept_or_new({}, KEY, features, 1e9, store), features())
    assert_equal(store.read(KEY), features())


def test_the_oldest_go(folder, monkeypatch):
    store = feature_files.feature_store()
    for age, key in ((10, "first"), (20, "second")):
        store.write(key, features())
        (newest,) = [file for file in folder.iterdir() if file.stat().st_mtime > time.time() - 5]
        os.utime(newest, (time.time() - age,) * 2)
    assert store.read("second") is not None  # used, so the newest
    monkeypatch.setattr(kept_arrays, "KEPT_BYTES", 2 * newest.stat().st_size)
    store.write("third", features())
    kept = [store.read(key) is not None for key in ("first", "second", "third")]
    assert kept == [False, True, True]


def test_what_is_too_large_is_not_kept(folder, monkeypatch):
    monkeypatch.setattr(kept_arrays, "LARGEST_BYTES", 10)
    feature_files.feature_store().write(KEY, features())
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_to_keeps_nothing(folder):
    folder.write_text("a file")
    store = feature_files.feature_store()
    assert_equal(kept_or_new({}, KEY, features, 1e9, store), features())
    assert store.read(KEY) is None


def test_a_folder_in_the_place_of_a_file_stays(folder):
    store = feature_files.feature_store()
    store.write(KEY, features())
    (file,) = folder.iterdir()
    file.unlink()
    file.mkdir()
    assert_equal(kept_or_new({}, KEY, features, 1e9, store), features())
    assert file.is_dir()


def test_several_processes_compute_together(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    assert feature_files.feature_store() is None


def test_a_flipped_bit_is_told_or_changes_nothing(folder, capsys):
    store = feature_files.feature_store()
    store.write(KEY, features())
    (file,) = folder.iterdir()
    content, told = file.read_bytes(), 0
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        file.write_bytes(changed)
        got = store.read(KEY)
        if got is None:
            told += "is damaged, and made anew" in capsys.readouterr().out
        else:
            assert_equal(got, features())
    assert told > len(content) / 2


def test_only_their_owner_may_look_at_features(folder):
    feature_files.feature_store().write(KEY, features())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
