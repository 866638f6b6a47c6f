"""Small files read whole: only ordinary ones, of a size that they may have, in UTF-8."""

import contextlib
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

# Bytes that a file of ours may have at most.
MOST = 2**28


def read_text(path: Path, most: int = MOST) -> str:
    """The text of a file, without a byte order mark; in UTF-8, whatever the locale.

    Raises as `read_bytes` does, and ValueError at what is no text.
    """
    try:
        return read_bytes(path, most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 from byte {error.start} on") from None


def read_bytes(path: Path, most: int = MOST) -> bytes:
    """The content of a file. Raises as `opened` does, and ValueError at more than `most` bytes."""
    with opened(path) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it has more than {most:,} bytes")
    return content


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """A stream of an ordinary file, as a pipe might never end.

    Raises OSError, and ValueError at other files.
    """
    with open(path, "rb", opener=_without_waiting) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("it is no ordinary file")
        yield stream


def ordinary_files(folder: Path) -> list[Path]:
    """All files below a folder. Raises ValueError if anything there is neither file nor folder."""
    inside = [path for path in folder.rglob("*") if not path.is_dir()]
    if odd := [path.name for path in inside if not path.is_file()]:
        raise ValueError(f"{odd[0]} is no ordinary file")
    return inside


def _without_waiting(path: str, flags: int) -> int:
    """Opens a file; of a pipe it does not wait for who writes into it."""
    return os.open(path, flags | os.O_NONBLOCK)
