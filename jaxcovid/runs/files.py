"""Files that appear whole or not at all."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from jaxcovid.csv_file import write_rows
from weights_convert.files import written_aside


@contextlib.contextmanager
def folder_aside(folder: Path) -> Iterator[Path]:
    """Gives a folder beside the target, renamed to it at the end if all went well, else removed.

    Raises OSError if it cannot be made or the target is there and not empty.
    """
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        try:
            aside.mkdir(parents=True)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(folder)) from None
        yield aside
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file beside the target, then renames it over that. Raises OSError."""
    with written_aside(path) as stream:
        stream.write(content)


def also_as(path: Path, name: str) -> None:
    """Gives a file a second name beside it: a link if the file system can, else a copy.

    What had that name before is replaced. Raises OSError.
    """
    partial = path.with_name(f".{name}.{os.getpid()}.partial")
    try:
        try:
            partial.hardlink_to(path)
        except OSError:
            shutil.copyfile(path, partial)
        partial.replace(path.with_name(name))
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON in UTF-8, whole or not at all.

    Raises ValueError at a number that is not finite, TypeError at what JSON has no type for, and
    OSError.
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    write_bytes(path, (text + "\n").encode())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes comma-separated values as `csv_file.write_rows` has them, whole or not at all.

    Raises OSError.
    """
    with written_aside(path) as stream:
        write_rows(stream, header, rows)
