"""SHA-256 of the small files of a folder, kept in the folder: what was changed is noticed."""

import hashlib
from pathlib import Path

# As the command sha256sum writes and checks it.
NAME = "SHA256SUMS"


def write_checksums(folder: Path) -> None:
    """Writes down what all JSON files of a folder are now. Raises OSError."""
    (folder / NAME).write_text(_checksums(folder))


def check_checksums(folder: Path) -> None:
    """Raises ValueError if a JSON file of the folder is another than was written; and OSError."""
    stated, now = (folder / NAME).read_bytes(), _checksums(folder).encode()
    if stated != now:
        lines = {*stated.splitlines()} ^ {*now.splitlines()}
        names = sorted({line.decode(errors="replace").split("  ")[-1] for line in lines})
        raise ValueError(f"not what was written: {', '.join(names[:3]) or NAME}")


def _checksums(folder: Path) -> str:
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*.json"))
    )
