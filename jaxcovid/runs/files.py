"""Files that appear whole or not at all."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jaxcovid.csv_file import write_rows
from weights_convert.aside import written_aside


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file beside the target, then renames it over that. Raises OSError."""
    with written_aside(path) as stream:
        stream.write(content)


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
