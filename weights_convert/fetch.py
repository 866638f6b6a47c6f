"""Downloads torchvision's ImageNet weights into the cache, verified.

Own code, since torchvision publishes no more than the first eight digits of most of its hashes, and
pooch compares whole ones.
"""

import contextlib
import errno
import fcntl
import hashlib
import io
import os
import re
import stat
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import requests

from weights_convert.aside import new_file
from weights_convert.cache import cache_folder
from weights_convert.names import WeightsFile
from weights_convert.progress import bar
from weights_convert.terminal import tell

TIMEOUT = (5, 30)  # seconds to connect, and between two pieces
PARTIAL = ".partial"  # ends the name of what an interruption left
PIECE = 2**16  # bytes: what an interruption loses at most


class FetchError(OSError):
    """A file that could not be had, and what to do instead."""


def fetch(file: WeightsFile, folder: Path | None = None) -> Path:
    """The path of the file in the cache folder, downloaded if it is not there yet.

    It is verified every time, and appears under its name only after that. An interrupted download
    is continued the next time. Of several processes at once one downloads, and the others wait for
    it. Raises FetchError.
    """
    folder = weights_folder() if folder is None else folder
    target, url = folder / file.name, f"{file.server}/{file.name}"
    advice = f"get the file elsewhere and put it at {target}"
    try:
        if _is_there(target, file):
            return target
        folder.mkdir(parents=True, exist_ok=True)
        with _partial_file(target) as (stream, partial):
            verified = _is_there(target, file)  # another made it while this one waited
            if not verified:
                _download(url, stream, file.name)
                stream.seek(0)
                if verified := _is_verified(stream, file):
                    os.fsync(stream.fileno())
                    partial.replace(target)
            partial.unlink(missing_ok=True)
    except requests.RequestException as error:
        raise FetchError(f"cannot download {url} ({_reason(error)}); {advice}") from None
    except OSError as error:
        where = error.filename or folder
        raise FetchError(f"cannot write to {where} ({error.strerror or error})") from None
    if not verified:
        raise FetchError(
            f"what {url} sent is not the file with SHA-256 {file.sha256}; try again, or {advice}"
        )
    return target


def weights_folder() -> Path:
    """The folder in which downloaded weights are kept."""
    return cache_folder() / "weights"


def _is_there(path: Path, file: WeightsFile) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return _is_verified(stream, file)


def _is_verified(stream: io.BufferedReader | io.BufferedRandom, file: WeightsFile) -> bool:
    return hashlib.file_digest(stream, "sha256").hexdigest().startswith(file.sha256)


@contextlib.contextmanager
def _partial_file(target: Path) -> Iterator[tuple[io.BufferedRandom, Path]]:
    """What is there of the target, perhaps nothing, open and for this process alone; and its path.

    Waits while another process downloads it. What is empty at the end is removed.
    """
    path = target.with_name(f".{target.name}{PARTIAL}")
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no ordinary file; remove it", str(path))
        with os.fdopen(descriptor, "r+b") as stream:
            try:
                _wait_for_lock(descriptor, target.name)
            except OSError:  # of file systems that know no locks
                break
            if not _is_still(path, descriptor):  # another finished it or threw it away
                continue
            try:
                yield stream, path
            finally:
                stream.flush()
                if _is_still(path, descriptor) and not os.fstat(descriptor).st_size:
                    path.unlink(missing_ok=True)
        return
    path, descriptor = new_file(target)
    with os.fdopen(descriptor, "r+b") as stream:
        try:
            yield stream, path
        finally:
            path.unlink(missing_ok=True)


def _wait_for_lock(descriptor: int, name: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        tell(f"Another process is downloading {name}; waiting for it")
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is_still(path: Path, descriptor: int) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    return False


def _download(url: str, stream: BinaryIO, name: str) -> None:
    """Appends to the stream what it lacks of the file at `url`."""
    size = stream.seek(0, os.SEEK_END)
    # Lengths and ranges then count the file's own bytes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={size}-"} if size else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if size and response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            complete = _total(response, size) == size
        else:
            response.raise_for_status()
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:
                size = 0  # the server sends everything again
            _receive(response, stream, size, name)
            complete = True
    if not complete:  # longer than the file, so no part of it
        stream.truncate(0)
        _download(url, stream, name)


def _receive(response: requests.Response, stream: BinaryIO, size: int, name: str) -> None:
    """Writes what the server sends behind the first `size` bytes."""
    total = _total(response, size)
    title = f"Downloading {name}"
    stream.truncate(size)
    stream.seek(size)
    with bar(
        total=total, initial=size, unit="B", unit_scale=True, desc=title, leave=True
    ) as watched:
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
