"""SHA-256 of files of a folder, kept in the folder: what was changed is noticed."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from jaxcovid.regular_file import opened, read_bytes
from weights_convert.aside import written_aside

# As the command sha256sum writes and checks it.
NAME = "SHA256SUMS"

# Tables of a run that are read back; its records in JSON hold a digest themselves (see `seal`).
TABLES = ("history.csv", "predictions.csv", "split.csv")
# The last is there only if the run drew its splits.
_ALWAYS = TABLES[:2]


def write_checksums(folder: Path, names: Iterable[str]) -> None:
    """Writes down what these files of the folder are now. Raises OSError."""
    with written_aside(folder / NAME) as stream:
        stream.write(_checksums(folder, names))


def tables_of(run: Path) -> list[str]:
    """The names of those tables that a run wrote."""
    return [name for name in TABLES if (run / name).is_file()]


def check_checksums(folder: Path, names: Iterable[str]) -> None:
    """Raises ValueError if these files are not those that were written down; and OSError."""
    stated, now = read_bytes(folder / NAME), _checksums(folder, names)
    if stated != now:
        lines = {*stated.splitlines()} ^ {*now.splitlines()}
        changed = sorted({line.decode(errors="replace").split("  ")[-1] for line in lines})
        raise ValueError(f"not what was written: {', '.join(changed[:3]) or NAME}")


def check_tables(run: Path) -> None:
    """Raises ValueError if a run's tables are not those that it wrote; and OSError.

    Those of a run without checksums, as earlier versions left it, are taken as they are.
    """
    if (run / NAME).is_file():
        names = [name for name in TABLES if name in _ALWAYS or os.path.lexists(run / name)]
        check_checksums(run, names)


def _checksums(folder: Path, names: Iterable[str]) -> bytes:
    return "".join(f"{_sha256(folder / name)}  {name}\n" for name in names).encode()


def _sha256(path: Path) -> str:
    with opened(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
