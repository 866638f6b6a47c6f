"""A zip file is read only if every reader sees the same in it."""

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest

from tests.weights_convert import assemble as a
from weights_convert import FormatError, read
from weights_convert.zip_archive import directory, open_archive

GOOD = a.zipped()
END, FIRST = GOOD.index(b"PK\x05\x06"), GOOD.index(b"PK\x01\x02")


def changed(position, value, content=GOOD):
    return content[:position] + value + content[position + len(value) :]


def with_end(start, size, count=3, comment=0):
    return GOOD[:END] + struct.pack(
        "<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, size, start, comment
    )


def with_comment(comment):
    stream = io.BytesIO(GOOD)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.comment = comment
    return stream.getvalue()


def hidden_record():
    """A record that the directory does not list; who reads from the front sees it."""
    record = a.zipped(data__0=bytes(24))
    hidden = record[: record.index(b"PK\x01\x02")]
    return hidden + GOOD[:FIRST] + moved(GOOD[FIRST:END], len(hidden)) + with_end(
        len(hidden) + FIRST, END - FIRST
    )[END:]  # fmt: skip


def moved(entries, distance):
    """The directory's entries for records that lie so many bytes further back."""
    position, result = 0, b""
    while position < len(entries):
        names, extras = struct.unpack("<HH", entries[position + 28 : position + 32])
        (start,) = struct.unpack("<I", entries[position + 42 : position + 46])
        end = position + 46 + names + extras
        result += entries[position : position + 42] + struct.pack("<I", start + distance)
        result += entries[position + 46 : end]
        position = end
    return result


def letters_of_another_case():
    return a.zipped(DATA__0=bytes(24))


def streamed(descriptor=None):
    """As written to a pipe: size and checksum stand behind the data."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.content = b""

        def writable(self):
            return True

        def write(self, content):
            self.content += bytes(content)
            return len(content)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, value in (
            ("a/data.pkl", a.STATE),
            ("a/data/0", a.ARRAY.tobytes()),
            ("a/version", b"3"),
        ):
            archive.writestr(zipfile.ZipInfo(name), value)
    if descriptor is None:
        return pipe.content
    at = pipe.content.index(b"PK\x07\x08")
    return changed(at + 4, descriptor, pipe.content)


TWO_WAYS = {
    "bytes before the first record": (b"x" * 9 + GOOD, "not where its end says|its content is unknown"),
    "a zip before it": (a.zipped(data__0=bytes(24)) + GOOD, "not where its end says"),
    "a record that is not listed": (hidden_record(), "before its first record"),
    "bytes behind its end": (GOOD + b"x", "bytes follow"),
    "a zip behind its end": (GOOD + a.zipped(data__0=bytes(24)), "not where its end says"),
    "a comment": (with_comment(b"hello"), "bytes follow"),
    "a zip as its comment": (with_comment(a.zipped(data__0=bytes(24))), "not where|bytes follow"),
    "directory elsewhere": (with_end(FIRST - 46, END - FIRST), "not where its end says"),
    "fewer records than listed": (with_end(FIRST, END - FIRST, 2), "more than its records"),
    "more records than listed": (with_end(FIRST, END - FIRST, 4), "directory is damaged"),
    "on several disks": (changed(END + 4, b"\x01"), "end of its directory is damaged"),
    "another size in its header": (changed(18, struct.pack("<I", 9)), "differs between"),
    "another checksum in its header": (changed(14, b"abcd"), "differs between"),
    "another method in its header": (changed(8, b"\x08"), "differs between"),
    "text of another encoding": (changed(7, b"\x08"), "differs between"),
    "letters of another case": (letters_of_another_case(), "twice"),
    "a name with NUL": (GOOD.replace(b"archive/data/0", b"archive/data/\0"), "is called"),
    "two names": (a.archive({"b" * 4: b"x"}).replace(b"bbbb", b"\0\0\0\0"), "is called"),
    "other sizes behind the data": (streamed(b"\0\0\0\0"), "belong to none"),
}  # fmt: skip


@pytest.mark.parametrize("case", TWO_WAYS)
def test_what_can_be_read_in_two_ways_is_refused(case, tmp_path):
    content, message = TWO_WAYS[case]
    assert content != GOOD
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read(tmp_path / "file")


def savez():
    stream = io.BytesIO()
    np.savez(stream, weight=a.ARRAY)
    return stream.getvalue()


def long_ends():
    """As torch ends its files: sizes of the directory in 64 bits."""
    size, start, count = END - FIRST, FIRST, 3
    end64 = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, END, 1)
    return GOOD[:END] + end64 + locator + GOOD[END:]


SOUND = {
    "torch's": GOOD,
    "NumPy's": savez(),
    "streamed": streamed(),
    "64 bits": long_ends(),
    "64 bits, short ones all ones": changed(
        len(long_ends()) - 22 + 8, b"\xff" * 12, long_ends()
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SOUND)
def test_sound_files_are_read(case, tmp_path):
    (tmp_path / "file").write_bytes(SOUND[case])
    np.testing.assert_array_equal(read(tmp_path / "file").arrays["weight"], a.ARRAY)


def test_members_are_those_that_zipfile_reads():
    for content in SOUND.values():
        view = memoryview(content)
        ours = open_archive(view, directory(view)).members
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            theirs = {name: archive.read(name) for name in archive.namelist()}
        assert {name: bytes(member) for name, member in ours.items()} == theirs
        assert all(zlib.crc32(member) for member in ours.values())
