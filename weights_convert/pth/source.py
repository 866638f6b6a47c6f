"""A file's bytes, in memory or mapped, and a cursor over them."""

import io
import mmap
import struct
from pathlib import Path

from weights_convert.errors import FormatError


def file_content(path: Path, mapped: bool) -> memoryview:
    """The file's content as a read-only view: a copy in memory, or mapped, which needs no memory.

    A mapped file must stay as it is: who looks at a part that was cut off meanwhile is killed.
    """
    if path.exists() and not path.is_file():
        raise FormatError("it is no regular file")
    with path.open("rb") as stream:
        stream.seek(0, io.SEEK_END)
        if stream.tell() == 0:
            raise FormatError("the file is empty")
        if mapped:
            return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
        stream.seek(0)
        return memoryview(stream.read())


class Cursor(io.RawIOBase):
    """Reads a view from front to back, as a stream and by structure."""

    def __init__(self, data: memoryview, position: int = 0):
        self._data, self._position = data, position

    def tell(self) -> int:
        """The position in bytes."""
        return self._position

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves and returns the position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._data)}[whence]
        if start + offset < 0:
            raise ValueError("a position before the beginning")
        self._position = start + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """The next bytes, fewer at the end."""
        end = len(self._data) if size < 0 else self._position + size
        chunk = bytes(self._data[self._position : end])
        self._position += len(chunk)
        return chunk

    def readline(self, size: int | None = -1) -> bytes:
        """To the end of the line, but at most `size` bytes."""
        chunk = bytes(self._data[self._position : self._position + (size or 0)])
        end = chunk.find(b"\n") + 1
        line = chunk[:end] if end else chunk
        self._position += len(line)
        return line

    def unpack(self, layout: str) -> tuple:
        """Little-endian numbers by struct's layout letters."""
        content = self.read(struct.calcsize(f"<{layout}"))
        try:
            return struct.unpack(f"<{layout}", content)
        except struct.error:
            raise FormatError("it is cut short") from None

    def take(self, size: int) -> memoryview:
        """A view of the next bytes, without copying."""
        if self._position + size > len(self._data):
            raise FormatError("it is cut short")
        self._position += size
        return self._data[self._position - size : self._position]
