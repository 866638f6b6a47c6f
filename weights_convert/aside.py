"""Files and folders that appear whole or not at all: written beside their place, then renamed.

What is being written has a random name, made anew (no link of that name is followed), and is locked
while its writer lives. The lock goes with the process, however it ends, so that the next who writes
beside knows what is left over and removes it.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from weights_convert.errors import FormatError

# Locks of some network disks hold on one machine only: what another left is judged by its age.
ABANDONED = 24 * 3600  # seconds

_LEFT_OVER = re.compile(r"\..+\.([0-9a-f]{6})-[0-9a-f]{12}\.partial")


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[BinaryIO]:
    """A stream to a file beside `path`, renamed over it at the end if all went well, else removed.

    A link in the place of `path` is replaced, and what it leads to stays as it is. Raises
    FormatError if `path` is a folder, OSError.
    """
    if path.is_dir():
        raise FormatError(f"{path} is a folder; name a file")
    remove_left_over(path.parent)
    partial, descriptor = new_file(path)
    try:
        with _named_in_errors(path), os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            partial.replace(path)  # while the lock keeps others from removing it
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_aside(folder: Path, mode: int = 0o777) -> Iterator[Path]:
    """A folder beside `folder`, renamed to it at the end if all went well, else removed.

    Folders above are made where they are missing. `mode` are its permissions, less what the umask
    takes. Raises OSError, also if `folder` is there and not empty.
    """
    with _named_in_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    remove_left_over(folder.parent)
    aside, descriptor = _new_folder(folder, mode)
    try:
        yield aside
        with _named_in_errors(folder):
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        os.close(descriptor)


def new_file(path: Path) -> tuple[Path, int]:
    """A file beside `path` to write to and to rename, and its locked descriptor. Raises OSError."""
    while True:
        partial = _partial(path)
        with _named_in_errors(path):
            descriptor = os.open(
                partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666
            )
        if _locked(descriptor, partial):
            return partial, descriptor


def second_name(path: Path, name: str) -> None:
    """Gives a file a second name beside it: a link if the file system can, else a copy.

    What had that name before is replaced. Raises OSError.
    """
    partial = _partial(path.with_name(name))
    try:
        partial.hardlink_to(path)
        partial.replace(path.with_name(name))
    except OSError:
        with path.open("rb") as source, written_aside(path.with_name(name)) as stream:
            shutil.copyfileobj(source, stream)
    finally:
        partial.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Removes a folder as a whole: no one sees a part of it. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):  # another was faster
        aside = _partial(folder)
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def private_folder(folder: Path) -> None:
    """Makes a folder that no other user may look into, unless there is one. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def remove_left_over(folder: Path) -> None:
    """Removes what writers that are gone left half-written in a folder.

    Nothing else goes: only this user's files and folders of such names that no process has locked.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if match := _LEFT_OVER.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    _remove_if_left(Path(entry.path), match[1] == _machine())


def _remove_if_left(path: Path, of_this_machine: bool) -> None:
    status = path.lstat()
    kind = stat.S_IFMT(status.st_mode)
    if status.st_uid != os.geteuid() or kind not in (stat.S_IFREG, stat.S_IFDIR):
        return
    abandoned = time.time() - status.st_mtime > ABANDONED
    if not (of_this_machine or abandoned):
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # its writer lives
            return
        except OSError:  # of file systems that know no locks
            if not abandoned:
                return
        if kind == stat.S_IFDIR:
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _new_folder(folder: Path, mode: int) -> tuple[Path, int]:
    """A folder to fill beside `folder`, and its locked descriptor."""
    while True:
        aside = _partial(folder)
        with _named_in_errors(folder):
            aside.mkdir(mode=mode)
            descriptor = os.open(aside, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        if _locked(descriptor, aside):
            return aside, descriptor


def _locked(descriptor: int, path: Path) -> bool:
    """Locks what was just made; False if another took it for left over before, and closes it."""
    with contextlib.suppress(OSError):  # of file systems that know no locks
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            return True
    os.close(descriptor)
    return False


@contextlib.contextmanager
def _named_in_errors(path: Path) -> Iterator[None]:
    """While it lasts, errors of what lies beside a path, or of a stream, name that path."""
    try:
        yield
    except OSError as error:
        of_stream = error.errno is not None and error.filename is None
        if of_stream or _LEFT_OVER.fullmatch(Path(str(error.filename)).name):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def _partial(path: Path) -> Path:
    # Cut, as names have at most 255 bytes.
    stem = os.fsdecode(os.fsencode(path.name)[:200])
    return path.with_name(f".{stem}.{_machine()}-{secrets.token_hex(6)}.partial")


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]
