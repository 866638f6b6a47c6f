"""Downloads against a local server: resume, verification, and what to do when there is none."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from weights_convert.__main__ import main
from weights_convert.fetch import FetchError, fetch
from weights_convert.names import ARCHITECTURES, WeightsFile

CONTENT = np.random.default_rng(0).bytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `content` up to `cut`; `ranges` says whether it can continue a download."""

    content, ranges, cut, stated, requests, delay = CONTENT, True, None, True, [], 0.0

    def do_GET(self):
        wanted = self.headers.get("Range")
        Handler.requests.append(wanted)
        if self.path != "/weights.pth":
            self.send_error(404)
            return
        start, length = 0, len(self.content)
        if wanted and self.ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= length:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{length}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{length - 1}/{length}")
        if self.stated:
            self.send_header("Content-Length", str(length - start))
        self.end_headers()
        time.sleep(self.delay)
        self.wfile.write(self.content[start : self.cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(Handler, "content", CONTENT)
    monkeypatch.setattr(Handler, "cut", None)
    monkeypatch.setattr(Handler, "requests", [])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def source(server, name="weights.pth", digest=DIGEST):
    return WeightsFile(name, digest, server)


def test_downloads_once(server, tmp_path, monkeypatch):
    path = fetch(source(server), tmp_path)
    assert path.read_bytes() == CONTENT and path.name == "weights.pth"
    monkeypatch.setattr(Handler, "content", b"gone")
    assert fetch(source(server), tmp_path) == path
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pth"]


# The whole digest, and what torchvision publishes of it.
@pytest.mark.parametrize("digest", [DIGEST, DIGEST[:8]])
def test_the_digest_may_be_known_by_its_beginning(digest, server, tmp_path, monkeypatch):
    assert fetch(source(server, digest=digest), tmp_path).read_bytes() == CONTENT
    assert fetch(source(server, digest=digest), tmp_path).read_bytes() == CONTENT
    assert Handler.requests == [None]
    monkeypatch.setattr(Handler, "content", b"another")
    (tmp_path / "weights.pth").write_bytes(b"damaged")
    with pytest.raises(FetchError, match=f"not the file with SHA-256 {digest};"):
        fetch(source(server, digest=digest), tmp_path)


# What an interruption left -> the requests that follow, the last of which sends the file.
LEFT = {
    "all of it": (CONTENT, ["bytes=300000-"]),
    "more than it": (CONTENT + b"more", ["bytes=300004-", None]),
    "nothing": (b"", [None]),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_was_left_is_complete_or_too_long(case, server, tmp_path):
    left, requests = LEFT[case]
    (tmp_path / ".weights.pth.partial").write_bytes(left)
    assert fetch(source(server), tmp_path).read_bytes() == CONTENT
    assert Handler.requests == requests
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pth"]


def test_a_server_need_not_state_the_length(server, tmp_path, monkeypatch):
    monkeypatch.setattr(Handler, "stated", False)
    assert fetch(source(server), tmp_path).read_bytes() == CONTENT


def test_what_was_left_of_another_file_is_thrown_away(server, tmp_path):
    (tmp_path / ".weights.pth.partial").write_bytes(b"another")
    with pytest.raises(FetchError, match="not the file with SHA-256"):
        fetch(source(server), tmp_path)
    assert fetch(source(server), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("ranges", [True, False])
def test_goes_on_where_it_was_interrupted(server, tmp_path, monkeypatch, ranges):
    monkeypatch.setattr(Handler, "cut", 100_000)
    with pytest.raises(FetchError, match=r"connection|ended"):
        fetch(source(server), tmp_path)
    assert not (tmp_path / "weights.pth").exists()
    kept = (tmp_path / ".weights.pth.partial").stat().st_size
    assert 0 < kept <= 100_000
    monkeypatch.setattr(Handler, "cut", None)
    monkeypatch.setattr(Handler, "ranges", ranges)
    assert fetch(source(server), tmp_path).read_bytes() == CONTENT
    assert Handler.requests == [None, f"bytes={kept}-"]


def test_another_file_never_appears_under_the_name(server, tmp_path, monkeypatch):
    monkeypatch.setattr(Handler, "content", b"<html>" + CONTENT[6:])
    with pytest.raises(FetchError, match="not the file with SHA-256"):
        fetch(source(server), tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(Handler, "content", CONTENT)
    assert fetch(source(server), tmp_path).read_bytes() == CONTENT


def test_a_damaged_file_in_the_cache_is_replaced(server, tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"damaged")
    assert fetch(source(server), tmp_path).read_bytes() == CONTENT


UNREACHABLE = {
    "nobody listens": ("http://127.0.0.1:9", "weights.pth", "no connection"),
    "not found": (None, "other.pth", "the server answered 404"),
}


@pytest.mark.parametrize("case", UNREACHABLE)
def test_offline_says_which_file_to_put_where(case, server, tmp_path):
    base, name, reason = UNREACHABLE[case]
    with pytest.raises(FetchError) as error:
        fetch(source(base or server, name=name), tmp_path)
    message = str(error.value)
    assert reason in message and f"/{name}" in message and str(tmp_path / name) in message


@pytest.mark.parametrize("model", ["resnet18", "resnet34"])
def test_command_line(model, server, tmp_path, capsys, monkeypatch):
    row = ARCHITECTURES[model]
    file = source("http://127.0.0.1:9", digest=DIGEST[: len(row.weights.sha256)])
    monkeypatch.setitem(ARCHITECTURES, model, row._replace(weights=file))
    flags = ["fetch", model, "--folder", str(tmp_path), "--mirror", server]
    assert main(flags) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "weights.pth")
    assert main([*flags[:4], "--mirror", "http://127.0.0.1:9"]) == 0  # it is there already
    (tmp_path / "weights.pth").unlink()
    assert main([*flags[:4], "--mirror", "http://127.0.0.1:9"]) == 2


FETCHING = """
import sys
from pathlib import Path
from weights_convert.fetch import fetch
from weights_convert.names import WeightsFile
print(fetch(WeightsFile("weights.pth", sys.argv[1], sys.argv[2]), Path(sys.argv[3])))
"""


def test_of_several_at_once_one_downloads_and_the_others_wait(server, tmp_path, monkeypatch):
    monkeypatch.setattr(Handler, "delay", 2.0)
    command = [sys.executable, "-c", FETCHING, DIGEST, server, tmp_path / "cache"]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) for _ in range(3)]
    ended = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0] * 3, ended
    assert Handler.requests == [None]
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["weights.pth"]
    assert sum("Another process is downloading weights.pth" in err for _, err in ended) == 2


def test_without_locks_everyone_has_a_file_of_its_own(server, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refuse)
    (tmp_path / ".weights.pth.partial").write_bytes(b"another's")
    assert fetch(source(server), tmp_path).read_bytes() == CONTENT
    assert (tmp_path / ".weights.pth.partial").read_bytes() == b"another's"
    assert len(list(tmp_path.iterdir())) == 2


def linked(path, elsewhere):
    path.symlink_to(elsewhere)


def queued(path, _):
    os.mkfifo(path)


@pytest.mark.parametrize("plant", [linked, queued])
def test_nothing_is_written_through_what_was_planted(plant, server, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    (tmp_path / "cache").mkdir()
    plant(tmp_path / "cache" / ".weights.pth.partial", elsewhere)
    with pytest.raises(FetchError, match=r"\.weights\.pth\.partial"):
        fetch(source(server), tmp_path / "cache")
    assert elsewhere.read_bytes() == b"precious" and Handler.requests == []
