"""Zip files whose content is the same for every reader: no byte of them is open to two readings.

Own code, since Python's zipfile reads what others read otherwise: it searches for the directory,
and shifts it by what stands before the first record.
"""

import itertools
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from weights_convert.errors import FormatError
from weights_convert.printable import brief

MAX_RECORD = 64 * 2**20  # bytes of a record that is read as a whole
MAX_MEMBERS = 100_000

_END, _END64, _LOCATOR = (
    struct.Struct("<4s4H2IH"),
    struct.Struct("<4sQ2H2I4Q"),
    struct.Struct("<4sIQI"),
)
_CENTRAL, _LOCAL = struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s5H3I2H")
_ENCRYPTED, _DESCRIPTOR, _UTF8 = 0x1 | 0x40 | 0x2000, 0x8, 0x800
_OTHERS = "another program could see another content in it; save the weights anew"


class Archive(NamedTuple):
    """The members of a zip file by name, as views of the file."""

    members: dict[str, memoryview]

    def get(self, name: str, limit: int = MAX_RECORD) -> bytes:
        """A small member's content."""
        if name not in self.members:
            raise FormatError(f"it lacks the record {brief(name)}")
        if len(self.members[name]) > limit:
            raise FormatError(f"its record {brief(name)} is {len(self.members[name]):,} bytes long")
        return bytes(self.members[name])


class Record(NamedTuple):
    """What the directory says of a member."""

    name: str
    raw: bytes
    flags: int
    method: int
    checksum: int
    packed: int
    size: int
    position: int


def directory(data: memoryview) -> list[Record]:
    """What the directory at the end of a zip file lists. Raises FormatError."""
    start, end, count = _bounds(data)
    if count > MAX_MEMBERS:
        raise FormatError(f"it has {count:,} records")
    records = list(_records(data[start:end], count))
    names: set[str] = set()
    for record in records:
        # Some readers, torch's among them, do not distinguish letters by their case.
        if record.name.casefold() in names:
            raise FormatError(f"its record {brief(record.name)} occurs twice")
        names.add(record.name.casefold())
    return records


def open_archive(data: memoryview, records: list[Record]) -> Archive:
    """The members that the directory lists.

    Raises FormatError unless every one is sound and stored, and no byte belongs to none.
    """
    start, _, _ = _bounds(data)
    in_order = sorted(records, key=lambda record: record.position)
    if in_order and in_order[0].position != 0:
        raise FormatError(f"it has bytes before its first record; {_OTHERS}")
    ends = [record.position for record in in_order[1:]] + [start]
    contents = {
        record.name: _content(data, record, end) for record, end in zip(in_order, ends, strict=True)
    }
    return Archive({record.name: contents[record.name] for record in records})


def _bounds(data: memoryview) -> tuple[int, int, int]:
    """Where the directory begins and ends, and how many records it lists."""
    last = len(data) - _END.size
    if last < 0 or bytes(data[last : last + 4]) != b"PK\x05\x06":
        if b"PK\x05\x06" in bytes(data[-(2**16 + 100) :]):
            raise FormatError(f"bytes follow the end of its directory; {_OTHERS}")
        raise FormatError(
            "it begins like a zip file but is cut short or damaged (no directory at its end); if "
            "it was downloaded, get it again"
        )
    _, *disks, in_all, size, start, comment = _END.unpack(data[last:])
    disk, directory_disk, count = disks
    if disk or directory_disk or comment or count != in_all:
        raise FormatError(f"the end of its directory is damaged; {_OTHERS}")
    end = last
    locator = last - _LOCATOR.size
    if locator >= 0 and bytes(data[locator : locator + 4]) == b"PK\x06\x07":
        _, _, end, _ = _LOCATOR.unpack(data[locator:last])
        if end + _END64.size != locator or bytes(data[end : end + 4]) != b"PK\x06\x06":
            raise FormatError(f"the end of its directory is damaged; {_OTHERS}")
        short = (count, size, start)
        _, length, _, _, disk, directory_disk, count, in_all, size, start = _END64.unpack(
            data[end:locator]
        )
        agree = all(
            one in (other, limit)
            for one, other, limit in zip(
                short, (count, size, start), (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF), strict=True
            )
        )
        if length != _END64.size - 12 or disk or directory_disk or count != in_all or not agree:
            raise FormatError(f"the end of its directory is damaged; {_OTHERS}")
    if start + size != end:
        raise FormatError(f"its directory is not where its end says; {_OTHERS}")
    return start, end, count


def _records(directory: memoryview, count: int) -> Iterator[Record]:
    position = 0
    for _ in range(count):
        head = directory[position : position + _CENTRAL.size]
        if len(head) < _CENTRAL.size or bytes(head[:4]) != b"PK\x01\x02":
            raise FormatError("its directory is damaged; get the file again")
        (_, _, _, flags, method, _, _, checksum, packed, size, name_length, extra_length, comment,
         disk, _, _, start) = _CENTRAL.unpack(head)  # fmt: skip
        body = directory[position + _CENTRAL.size :][: name_length + extra_length]
        if comment or disk not in (0, 0xFFFF) or len(body) < name_length + extra_length:
            raise FormatError(f"its directory is damaged or has comments; {_OTHERS}")
        raw = bytes(body[:name_length])
        size, packed, start = _long(body[name_length:], size, packed, start)
        yield Record(_decoded(raw, flags), raw, flags, method, checksum, packed, size, start)
        position += _CENTRAL.size + len(body)
    if position != len(directory):
        raise FormatError(f"its directory holds more than its records; {_OTHERS}")


def _decoded(raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8" if flags & _UTF8 or raw.isascii() else "cp437")
    except UnicodeDecodeError:
        raise FormatError("the name of a record is no text") from None
    if not name or "\0" in name:
        raise FormatError(f"a record is called {brief(name)}; {_OTHERS}")
    return name


def _long(extra: memoryview, *numbers: int) -> list[int]:
    """The numbers, from the zip64 field where they are too large for 32 bits."""
    fields: dict[int, memoryview] = {}
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack("<HH", extra[position : position + 4])
        if kind in fields or position + 4 + length > len(extra):
            raise FormatError("the extra fields of a record are damaged")
        fields[kind] = extra[position + 4 : position + 4 + length]
        position += 4 + length
    if 0x7075 in fields:
        raise FormatError(f"a record has two names; {_OTHERS}")
    long = fields.get(1, memoryview(b""))
    result = []
    for number in numbers:
        if number == 0xFFFFFFFF and len(long) >= 8:
            (number,) = struct.unpack("<Q", long[:8])
            long = long[8:]
        result.append(number)
    return result


def _content(data: memoryview, record: Record, end: int) -> memoryview:
    """A member's data; `end` is where the next record or the directory begins."""
    name = brief(record.name)
    if record.flags & _ENCRYPTED:
        raise FormatError("it is encrypted; save the weights without a password")
    if record.method or record.packed != record.size:
        raise FormatError(
            f"its record {name} is compressed; save the weights uncompressed, with torch.save or "
            "numpy.savez"
        )
    head = data[record.position : record.position + _LOCAL.size]
    if len(head) < _LOCAL.size or bytes(head[:4]) != b"PK\x03\x04":
        raise FormatError(f"its record {name} has no header where the directory says")
    _, _, flags, method, _, _, checksum, packed, size, name_length, extra_length = _LOCAL.unpack(
        head
    )
    start = record.position + _LOCAL.size + name_length + extra_length
    if bytes(data[record.position + _LOCAL.size :][:name_length]) != record.raw:
        raise FormatError(f"its record {name} has another name in its own header")
    size, packed = _long(data[start - extra_length : start], size, packed)
    stated, described = (checksum, packed, size), (record.checksum, record.size, record.size)
    follows = bool(flags & _DESCRIPTOR)  # size and checksum may then stand behind the data alone
    if (
        flags != record.flags
        or method
        or not (
            stated == described
            or (follows and all(a in (0, b) for a, b in zip(stated, described, strict=True)))
        )
    ):
        raise FormatError(f"its record {name} differs between directory and header; {_OTHERS}")
    if start + record.size > end:
        raise FormatError(f"its record {name} reaches beyond its end, or its records overlap")
    between = bytes(data[start + record.size : end][:32])
    if between not in (_descriptors(described) if follows else (b"",)):
        raise FormatError(f"bytes behind its record {name} belong to none; {_OTHERS}")
    content = data[start : start + record.size]
    if zlib.crc32(content) != record.checksum:
        raise FormatError(f"its record {name} is damaged (checksum); get the file again")
    return content


def _descriptors(described: tuple[int, int, int]) -> tuple[bytes, ...]:
    """How checksum and sizes may stand behind a record's data."""
    numbers = [struct.pack("<IQQ", *described)]
    if described[1] < 2**32:
        numbers.append(struct.pack("<III", *described))
    return tuple(mark + text for mark, text in itertools.product((b"PK\x07\x08", b""), numbers))
