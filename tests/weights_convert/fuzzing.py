"""Reads spoiled files one after another and stops at the first that does any harm.

`python -m tests.weights_convert.fuzzing FIRST COUNT` reads those of the numbers FIRST to
FIRST + COUNT - 1; with COUNT 1 it replays a single one.
"""

import codecs
import contextlib
import faulthandler
import io
import os
import resource
import signal
import sys
import tempfile
from pathlib import Path

import weights_convert.__main__
from tests.weights_convert.mutators import mutant
from weights_convert import ConversionError, FormatError, read

SECONDS = 2  # of processor time, for each
MEMORY = 2**30  # bytes beyond what the process holds before it reads
# Looked up once, before the watch; whatever is imported after that was asked for by a file.
ENCODINGS = ("unicode_escape", "raw_unicode_escape", "cp437", "latin-1", "ascii", "utf-8")
_HARMLESS = ("object.", "sys._getframe", "builtins.id", "marshal.", "time.", "code.", "gc.")
# Of the audited events, those that reading files needs.
_NEEDED = ("open", "import", "mmap.__new__", "os.listdir", "os.scandir", "array.", "compile")


class TooSlow(BaseException):
    """An input took longer than it may."""


class Watch:
    """Notes what a reader does beyond reading, while `on`."""

    def __init__(self) -> None:
        self.on = False
        self.deeds: list[str] = []
        sys.addaudithook(self.note)

    def note(self, event: str, arguments: tuple) -> None:
        """The audit hook."""
        if not self.on or event.startswith(_HARMLESS):
            return
        if event == "open":
            _, mode, flags = arguments
            writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
            if set(mode or "r") & set("wax+") or flags & writes:
                self.deeds.append(f"opens {arguments[0]!r} for writing")
        elif event == "import":
            if arguments[0] not in sys.modules:
                self.deeds.append(f"imports {arguments[0]}")
        elif not event.startswith(_NEEDED):
            self.deeds.append(f"{event} {arguments!r}"[:200])


def use(path: Path, shown: bool) -> None:
    """Reads the file and touches every number in it; or shows it as `inspect` does."""
    if shown:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = weights_convert.__main__.main(["inspect", str(path)])
        text = out.getvalue() + err.getvalue()
        assert code in (0, 2) and (code == 0 or err.getvalue().count("\n") == 1), text
        assert all(letter.isprintable() or letter == "\n" for letter in text), ascii(text)
        assert max(map(len, text.splitlines())) < 3000, "a long line"
        return
    try:
        weights = read(path)
    except (FormatError, ConversionError) as error:
        assert len(str(error)) < 1000 and str(error).isprintable(), ascii(str(error))
        assert "MemoryError" not in str(error)
        return
    for array in weights.arrays.values():
        array.sum() if array.dtype.kind in "fiu" else array.tobytes()


def main(first: int, count: int) -> int:
    """Reads `count` inputs; names the one that does harm, and what to run to see it again."""
    faulthandler.enable()
    watch = Watch()
    signal.signal(signal.SIGPROF, _too_slow)
    for encoding in ENCODINGS:
        codecs.lookup(encoding)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.pth"
        with contextlib.suppress(FormatError):  # what readers import and keep on first use
            path.write_bytes(mutant(0))
            use(path, shown=True)
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
        for seed in range(first, first + count):
            path.write_bytes(mutant(seed))
            sys.stderr.write(f"{seed}\n")  # the last is the one that killed the process
            try:
                watch.on = True
                signal.setitimer(signal.ITIMER_PROF, SECONDS)
                use(path, shown=seed % 4 == 0)
            except BaseException as error:
                watch.deeds.append(f"{type(error).__name__}: {error!s:.300}")
                if os.environ.get("FUZZING_TRACEBACK"):
                    raise
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
                watch.on = False
            if list(Path(folder).iterdir()) != [path]:
                watch.deeds.append("made a file")
            if watch.deeds:
                sys.stdout.write(f"input {seed}: {'; '.join(watch.deeds)}\n")
                sys.stdout.write(f"replay: python -m tests.weights_convert.fuzzing {seed} 1\n")
                return 1
    return 0


def _too_slow(*_: object) -> None:
    raise TooSlow(f"more than {SECONDS} s")


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
