"""A digest within JSON records that are read back: what was changed in the file is noticed."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxcovid.errors import check
from jaxcovid.json_file import Shape, read_json

KEY = "sha256"


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with the SHA-256 of its content, whatever the order of names and the spaces."""
    return {**record, KEY: _digest(record)}


def unsealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as it was before it was sealed."""
    return {name: value for name, value in record.items() if name != KEY}


def read_sealed(path: Path, shape: Shape = dict) -> Any:
    """The value in a JSON file of that shape, without the seal.

    Raises InputError if it is not what was written; ValueError and OSError as `read_json` does.
    """
    value = read_json(path, shape)
    if not isinstance(value, dict):
        return value
    check([change] if (change := changed(path, value)) else [])
    return unsealed(value)


def changed(path: Path, record: Mapping[str, Any]) -> str | None:
    """A sentence if the record that was read from there is not what was written, else None.

    A record without a seal, as earlier versions or people write it, is taken as it is; one whose
    seal has another name is not what was written either.
    """
    if KEY in record:
        damaged = record[KEY] != _digest(unsealed(record))
    else:
        damaged = any(_is_digest_of_the_others(name, record) for name in record)
    if not damaged:
        return None
    return (
        f"{path} is not what was written: it is damaged, or was edited; look at it, and delete its "
        f"line {KEY} to use it as it is"
    )


def _is_digest_of_the_others(name: str, record: Mapping[str, Any]) -> bool:
    digest, others = record[name], {key: value for key, value in record.items() if key != name}
    return isinstance(digest, str) and len(digest) == 64 and digest == _digest(others)


def _digest(record: Mapping[str, Any]) -> str:
    # As it is after writing and reading: names are text, tuples are lists.
    value = json.loads(json.dumps(record))
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
