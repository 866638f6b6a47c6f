"""Which images lie below a folder: nothing is passed over in silence, and nothing waits for ever."""

import errno
import os
from pathlib import Path

import pytest

from jaxcovid.data import listing
from jaxcovid.data.images import UnreadableError, read_image
from jaxcovid.data.listing import list_images
from tests.data.test_layout import make


def names(paths, root):
    return [path.relative_to(root).as_posix() for path in paths]


def test_images_and_other_files_are_told_apart(tmp_path):
    make(
        tmp_path, "b.PNG", "a.jpeg", "deep/er/c.dcm", "v.dicom", "d.txt", ".hidden/e.png",
        "deep/.f.png", "folder.png/g.jpg", "Thumbs.db", "$RECYCLE.BIN/h.png", "lost+found/i.png",
        ".ipynb_checkpoints/j.png", "__MACOSX/._a.jpeg", "sub/__macosx/k.png", "@eaDir/a.jpeg/l.jpg",
    )  # fmt: skip
    images, others, unlisted, _ = list_images(tmp_path)
    assert names(images, tmp_path) == [
        "a.jpeg", "b.PNG", "deep/er/c.dcm", "folder.png/g.jpg", "v.dicom",
    ]  # fmt: skip
    assert (names(others, tmp_path), unlisted) == (["d.txt"], ())


def test_files_with_the_mark_of_dicom_are_images_by_any_name(tmp_path):
    marked = bytes(128) + b"DICM" + bytes(8)
    for name in ("IM-0001-0001", "1.2.840.7", "scan.ima", "DICOMDIR"):
        (tmp_path / name).write_bytes(marked)
    for name, content in (("short", b"x"), ("text", bytes(200)), ("none", b"")):
        (tmp_path / name).write_bytes(content)
    images, others, _, _ = list_images(tmp_path)
    assert names(images, tmp_path) == ["1.2.840.7", "IM-0001-0001", "scan.ima"]
    assert names(others, tmp_path) == ["DICOMDIR", "none", "short", "text"]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ENOENT, errno.ESTALE])
def test_folders_that_cannot_be_listed_are_each_named(number, tmp_path, monkeypatch):
    make(tmp_path, "a/1.png", "b/c/2.png", "d/3.png")
    scan = os.scandir

    def scandir(folder):
        if Path(folder).name in ("a", "c"):
            raise OSError(number, os.strerror(number), str(folder))
        return scan(folder)

    monkeypatch.setattr(listing.os, "scandir", scandir)
    listed = list_images(tmp_path)
    assert names(listed.images, tmp_path) == ["d/3.png"]
    assert [(path, reason) for path, reason in listed.unlisted] == [
        (tmp_path / name, f"cannot be listed ({os.strerror(number)})") for name in ("a", "b/c")
    ]


def test_folders_too_deep_to_be_named_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(25):
        Path("x" * 200).mkdir()
        os.chdir("x" * 200)
    Path("1.png").touch()
    ((path, reason),) = list_images(tmp_path).unlisted
    assert reason == "cannot be listed (File name too long)" and len(str(path)) > 4000


def test_loops_end_and_other_links_are_followed(tmp_path):
    make(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to(tmp_path / "a")
    (tmp_path / "b/a").symlink_to(tmp_path / "a")
    assert names(list_images(tmp_path).images, tmp_path) == ["a/1.png", "b/2.png", "b/a/1.png"]


def test_links_that_double_at_every_level_come_to_an_end(tmp_path):
    make(tmp_path, *(f"{level}/x.png" for level in range(30)))
    for level in range(29):
        for side in "ab":
            (tmp_path / str(level) / side).symlink_to(tmp_path / str(level + 1))
    listed = list_images(tmp_path / "0")
    assert len(listed.images) < 30 * listing.MOST_LINKS
    assert listed.unlisted and all("links lead to" in reason for _, reason in listed.unlisted)


def test_pipes_and_dead_links_are_listed_by_suffix_and_never_waited_for(tmp_path):
    for name in ("pipe.png", "pipe.dcm", "pipe", "pipe.txt"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    for name in ("dead.png", "dead.txt", "dead"):
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    images, others, unlisted, _ = list_images(tmp_path)
    assert names(images, tmp_path) == ["dead.png", "loop.png", "pipe.dcm", "pipe.png", "zero.png"]
    assert names(others, tmp_path) == ["dead.txt", "pipe", "pipe.txt"]
    assert [path.name for path, _ in unlisted] == ["dead"]
    for path in images:
        with pytest.raises(UnreadableError, match=r"a device or a pipe|leads nowhere|Too many"):
            read_image(path)
    with pytest.raises(UnreadableError, match="a device or a pipe"):
        read_image(tmp_path / "pipe")
