"""Files that appear whole or not at all."""

import contextlib
import csv
import io
import json
import os
import shutil
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from weights_convert.files import written_aside


@contextlib.contextmanager
def folder_aside(folder: Path) -> Iterator[Path]:
    """A folder beside the target, renamed to it at the end if all went well."""
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
    """Writes beside the target, then renames over it."""
    with written_aside(path) as stream:
        stream.write(content)


def also_as(path: Path, name: str) -> None:
    """The same file under another name beside it: a link if the file system can, else a copy."""
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
    """Indented JSON; a number that is not finite is an error."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    write_bytes(path, (text + "\n").encode())


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Comma-separated values with a header line."""
    with written_aside(path) as stream:
        text = io.TextIOWrapper(stream, "utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        text.flush()
        text.detach()


def picture_bytes(figure: Figure) -> bytes:
    """A chart as PNG, the same bytes for the same picture."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The page's text has the names that the charts' font lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()
