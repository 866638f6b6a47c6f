"""Downloads torchvision's ImageNet weights into the cache, verified.

Own code, since torchvision publishes no more than the first eight digits of most of its hashes, and
pooch compares whole ones.
"""

import hashlib
import re
from http import HTTPStatus
from pathlib import Path

import requests

from weights_convert.cache import cache_folder
from weights_convert.names import WeightsFile
from weights_convert.progress import bar

TIMEOUT = (5, 30)  # seconds to connect, and between two pieces
PARTIAL = ".partial"  # ends the name of what an interruption left
PIECE = 2**16  # bytes: what an interruption loses at most


class FetchError(OSError):
    """A file that could not be had, and what to do instead."""


def fetch(file: WeightsFile, folder: Path | None = None) -> Path:
    """The path of the file in the cache folder, downloaded if it is not there yet.

    It is verified every time, and appears under its name only after that. An interrupted download
    is continued the next time. Raises FetchError.
    """
    folder = weights_folder() if folder is None else folder
    target, url = folder / file.name, f"{file.server}/{file.name}"
    advice = f"get the file elsewhere and put it at {target}"
    try:
        if target.is_file() and _is_verified(target, file):
            return target
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{file.name}{PARTIAL}"
        _download(url, partial)
        verified = _is_verified(partial, file)
        if verified:
            partial.replace(target)
        else:
            partial.unlink()
    except requests.RequestException as error:
        raise FetchError(f"cannot download {url} ({_reason(error)}); {advice}") from None
    except OSError as error:
        raise FetchError(f"cannot write to {folder} ({error.strerror or error})") from None
    if not verified:
        raise FetchError(
            f"what {url} sent is not the file with SHA-256 {file.sha256}; try again, or {advice}"
        )
    return target


def weights_folder() -> Path:
    """The folder in which downloaded weights are kept."""
    return cache_folder() / "weights"


def _is_verified(path: Path, file: WeightsFile) -> bool:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest().startswith(file.sha256)


def _download(url: str, partial: Path) -> None:
    """Appends to `partial` what it lacks of the file at `url`."""
    size = partial.stat().st_size if partial.exists() else 0
    # Lengths and ranges then count the file's own bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={size}-"} if size else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if size and response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            complete = _total(response, size) == size
        else:
            response.raise_for_status()
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                size = 0  # the server sends everything again
            _receive(response, partial, size)
            complete = True
    if not complete:  # longer than the file, so no part of it
        partial.unlink()
        _download(url, partial)


def _receive(response: requests.Response, partial: Path, size: int) -> None:
    """Writes what the server sends behind the first `size` bytes."""
    total = _total(response, size)
    title = f"Downloading {partial.name.removeprefix('.').removesuffix(PARTIAL)}"
    with (
        partial.open("ab" if size else "wb") as stream,
        bar(
            total=total, initial=size, unit="B", unit_scale=True, desc=title, leave=True
        ) as watched,
    ):
        for piece in response.iter_content(PIECE):
            stream.write(piece)
            watched.update(len(piece))
            size += len(piece)
    if total is not None and size < total:
        raise requests.ConnectionError(f"the connection ended at {size:,} bytes")


def _total(response: requests.Response, size: int) -> int | None:
    """The whole file's bytes, if the server states them; it was asked for those behind `size`."""
    stated = re.fullmatch(r"bytes .*/(\d+)", response.headers.get("Content-Range", ""))
    if stated:
        return int(stated[1])
    if not response.ok or "Content-Length" not in response.headers:
        return None
    return size + int(response.headers["Content-Length"])


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"the server answered {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    text = str(error)
    return text if text.startswith("the connection ended") else "no connection"
