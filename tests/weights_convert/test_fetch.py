"""Downloads against a local server: resume, verification, and what to do when there is none."""

import hashlib
import http.server
import threading

import numpy as np
import pytest

from weights_convert.__main__ import main
from weights_convert.fetch import SOURCES, FetchError, Source, fetch

CONTENT = np.random.default_rng(0).bytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    content, ranges, cut, asked = CONTENT, True, None, None

    def do_GET(self):
        start = 0
        Handler.asked = self.headers.get("Range")
        if self.path != "/weights.pth":
            self.send_error(404)
            return
        if self.asked and self.ranges:
            start = int(self.asked.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        self.wfile.write(self.content[start : self.cut])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(Handler, "content", CONTENT)
    monkeypatch.setattr(Handler, "cut", None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def source(base, name="weights.pth"):
    return Source(name, DIGEST, len(CONTENT), base)


def test_downloads_once(server, tmp_path, monkeypatch):
    path = fetch(source(server), tmp_path)
    assert path.read_bytes() == CONTENT and path.name == "weights.pth"
    monkeypatch.setattr(Handler, "content", b"gone")
    assert fetch(source(server), tmp_path) == path
    assert [each.name for each in tmp_path.iterdir()] == ["weights.pth"]


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
    assert Handler.asked == f"bytes={kept}-"


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


def test_command_line(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(SOURCES, "resnet18", source("http://127.0.0.1:9"))
    flags = ["fetch", "resnet18", "--folder", str(tmp_path), "--mirror", server]
    assert main(flags) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "weights.pth")
    assert main([*flags[:4], "--mirror", "http://127.0.0.1:9"]) == 0  # it is there already
    (tmp_path / "weights.pth").unlink()
    assert main([*flags[:4], "--mirror", "http://127.0.0.1:9"]) == 2


def test_the_published_names_carry_the_digest():
    for known in SOURCES.values():
        assert known.name.endswith(f"-{known.sha256[:8]}.pth") and len(known.sha256) == 64
