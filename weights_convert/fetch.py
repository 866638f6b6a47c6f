"""Downloads torchvision's ImageNet weights into the cache, verified."""

import os
from pathlib import Path
from typing import Any, NamedTuple, cast

import pooch
import requests
from tqdm.auto import tqdm

from weights_convert.cache import cache_folder

TIMEOUT = (5, 30)  # seconds to connect, and between two pieces
PIECE = 2**16  # what an interruption loses at most


class Source(NamedTuple):
    """Where a file comes from and how it is known."""

    name: str
    sha256: str
    size: int  # bytes
    base: str = "https://download.pytorch.org/models"


SOURCES = {
    "resnet18": Source(
        "resnet18-f37072fd.pth",
        "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
        46_830_571,
    ),
    "vgg16": Source(
        "vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        553_433_881,
    ),
}


class FetchError(OSError):
    """A file that could not be had, and what to do instead."""


def fetch(source: Source, folder: Path | None = None) -> Path:
    """The file in the cache folder, downloaded if it is not there yet.

    It appears under its name only after its SHA-256 was verified; an interrupted download is
    continued the next time. Raises FetchError.
    """
    folder = weights_folder() if folder is None else folder
    pooch.get_logger().setLevel("WARNING")
    target, url = folder / source.name, f"{source.base}/{source.name}"
    advice = f"get the file elsewhere and put it at {target}"
    try:
        found = pooch.retrieve(
            url,
            known_hash=f"sha256:{source.sha256}",
            fname=source.name,
            path=folder,
            downloader=cast(Any, _Resuming(folder / f".{source.name}.partial", source.size)),
        )
    except requests.RequestException as error:
        raise FetchError(f"cannot download {url} ({_reason(error)}); {advice}") from None
    except ValueError:  # pooch's word for another hash
        raise FetchError(
            f"what {url} sent is not the file with SHA-256 {source.sha256}; try again, or {advice}"
        ) from None
    except OSError as error:
        raise FetchError(f"cannot write to {folder} ({error.strerror or error})") from None
    return Path(found)


def weights_folder() -> Path:
    """Where downloaded weights are kept."""
    return cache_folder() / "weights"


class _Resuming:
    """pooch's downloader that keeps what an interruption left and asks for the rest."""

    def __init__(self, partial: Path, size: int):
        self._partial, self._size = partial, size

    def __call__(self, url: str, output_file: str, _: object) -> None:
        have = self._partial.stat().st_size if self._partial.exists() else 0
        if have > self._size:
            have = 0
        if have < self._size:
            self._continue(url, have)
        # pooch verifies this file and only then gives it the final name.
        os.replace(self._partial, output_file)  # noqa: PTH105

    def _continue(self, url: str, have: int) -> None:
        headers = {"Range": f"bytes={have}-"} if have else {}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                have = 0  # the server sends everything again
            with (
                self._partial.open("ab" if have else "wb") as stream,
                tqdm(
                    total=self._size,
                    initial=have,
                    unit="B",
                    unit_scale=True,
                    desc=f"Downloading {url.rsplit('/', 1)[1]}",
                ) as bar,
            ):
                for piece in response.iter_content(PIECE):
                    stream.write(piece)
                    bar.update(len(piece))
                    have += len(piece)
                    if have > self._size:
                        break  # not the file; the hash will say so
        if have < self._size:
            raise requests.ConnectionError(f"the connection ended at {have:,} bytes")


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"the server answered {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    text = str(error)
    return text if text.startswith("the connection ended") else "no connection"
