"""How fast jaxcovid is beside PyTorch: both do the same work in turn, on the same machine.

Each row starts one process of either side, and lets them work alternately, so that a machine that
slows down slows both. PyTorch's side is `torch_side.py`, jaxcovid's `our_side.py`.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
SIDES = ("our", "torch")
SELECTIONS = ("head", "last_conv", "last_block", "all")


class Row(NamedTuple):
    """Work to be compared: `images` is how many there are in all, `batch` how many in a step.

    Images of `size` pixels are drawn for it if that is given. Commands run `script` with `flags`
    for `epochs`, until their first line that starts with `until`, else to the end; `forget` names
    what of the cache folder goes before each.
    """

    kind: str
    model: str = "resnet18"
    trainable: str = "head"
    batch: int = 8
    images: int = 400
    size: int = 0
    script: str = "run"
    flags: tuple[str, ...] = ()
    epochs: int = 1
    until: str = ""
    forget: tuple[str, ...] = ()


def training_rows() -> dict[str, Row]:
    """Epochs with data, and steps on a batch in memory: both networks, four selections."""
    rows = {}
    for kind, prefix in (("train", ""), ("resident", "resident-")):
        for model in ("resnet18", "vgg16"):
            for trainable in SELECTIONS:
                for batch in (8, 64):
                    images = {"resnet18": 400, "vgg16": 64}[model]
                    name = f"{prefix}{model}-{trainable}-{batch}"
                    rows[name] = Row(kind, model, trainable, batch, images)
    return rows


def reading_rows() -> dict[str, Row]:
    """First readings of drawn images: how time and memory grow with their number and size."""
    kinds = {"": (100, 320), "-x4": (400, 320), "-x16": (1600, 320), "-large": (100, 1280)}
    return {
        f"reading{name}": Row("reading", images=images, size=size)
        for name, (images, size) in kinds.items()
    }


GRID = ("--lr", "1e-4", "1e-3", "1e-2", "--momentum", "0.9", "0.95", "--seeds", "5")
VIEWS = ("--views", "5")
EVERYTHING = 1_000_000  # as many images as there are

ROWS = {
    **training_rows(),
    "predict": Row("predict", images=1000),
    "predict-vgg16": Row("predict", "vgg16", images=200),
    # With frozen stages ours would pass them once only.
    "evaluate": Row("evaluate", trainable="all", images=1000),
    "pipeline": Row("pipeline", images=780),
    **reading_rows(),
    "convert": Row("convert"),
    "help": Row("command", flags=("--help",), images=8),
    "start": Row("command", images=8, until="epoch"),
    "start-cold": Row("command", images=8, until="epoch", forget=("",)),
    "command-head": Row("command", images=EVERYTHING, epochs=2),
    "command-views": Row("command", images=EVERYTHING, epochs=5, flags=VIEWS, forget=("features",)),
    "command-again": Row("command", images=EVERYTHING, epochs=5, flags=VIEWS),
    "sweep-30": Row("command", script="sweep", flags=GRID, epochs=2, forget=("features",)),
}

# On an accelerator small batches are what is hard, and whole commands what users wait for.
SUITES = {
    "cpu": tuple(ROWS),
    "gpu": (
        *(name for name in ROWS if name.startswith(("resnet18", "vgg16"))),
        *("predict", "evaluate", "pipeline", "start", "command-head", "command-views"),
    ),
}
QUICK = ("resnet18-head-8", "resnet18-last_block-8", "convert")
QUICK_IMAGES, QUICK_ROUNDS, ROUNDS = 160, 3, 5


class Measured(NamedTuple):
    """A row of the table; times are medians, ratios ours to PyTorch's, memory peaks."""

    row: str
    ours_seconds: float
    torch_seconds: float
    ratio: float
    ratio_low: float
    ratio_high: float
    ours_mb: float
    torch_mb: float


def main() -> int:
    """Prints the table as rows are done, and writes it if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="+", choices=ROWS, metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--suite", choices=SUITES, default="cpu", help="the rows of that machine")
    parser.add_argument("--quick", action="store_true", help="three rows, in under five minutes")
    parser.add_argument("--data", help="a folder with train/ and validation/; else phantoms")
    parser.add_argument("--weights", help="a .pth file of ResNet18; else random weights")
    parser.add_argument("--eager", action="store_true", help="do not try torch.compile")
    parser.add_argument(
        "--rounds",
        type=int,
        help=f"how often each side works: {ROUNDS}, or {QUICK_ROUNDS} if quick",
    )
    parser.add_argument("--json", type=Path, help="where to write the table")
    flags = parser.parse_args()
    if wrong := problems(flags):
        parser.error("; ".join(wrong))
    names = flags.rows or (QUICK if flags.quick else SUITES[flags.suite])
    rounds = flags.rounds or (QUICK_ROUNDS if flags.quick else ROUNDS)
    print(f"{'':28}{'ours s':>9}{'torch s':>9}{'ratio':>7}  {'(range)':14}{'ours MB':>9}torch MB")
    table = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            row = ROWS[name]
            if flags.quick:
                row = row._replace(images=min(row.images, QUICK_IMAGES))
            measured = compare(name, row, flags, rounds, Path(scratch))
            table.append(measured._asdict())
            print(line(measured), flush=True)
            if flags.json is not None:
                flags.json.write_text(json.dumps(table, indent=2) + "\n")
    return 0


def problems(flags: argparse.Namespace) -> list[str]:
    """What keeps rows from being measured."""
    missing = [name for name in ("psutil", "torch", "torchvision") if find_spec(name) is None]
    listed = [f"needs {', '.join(missing)}: pip install '.[benchmarks]'"] if missing else []
    if flags.rounds is not None and flags.rounds < 1:
        listed.append(f"--rounds {flags.rounds}: must be at least 1")
    if flags.data is not None:
        listed += [
            f"--data {flags.data}: there is no folder {split}/ in it"
            for split in ("train", "validation")
            if not Path(flags.data, split).is_dir()
        ]
    if flags.weights is not None and not Path(flags.weights).is_file():
        listed.append(f"--weights {flags.weights}: there is no such file")
    if flags.json is not None and not flags.json.absolute().parent.is_dir():
        listed.append(f"--json {flags.json}: there is no such folder")
    return listed


def compare(name: str, row: Row, flags: argparse.Namespace, rounds: int, scratch: Path) -> Measured:
    """Both sides of a row, working in turn."""
    # A command that is timed to its first line needs few images.
    drawn = flags.data is None or bool(row.until) or row.size > 0
    count = 400 if row.images == EVERYTHING else row.images
    size = row.size or 320
    job = {
        **row._asdict(),
        "data": phantoms(scratch / f"{count}-{size}", count, size) if drawn else flags.data,
        "weights": flags.weights if row.model == "resnet18" else None,
        "compile": not flags.eager,
    }
    if row.kind == "convert":
        job["weights"] = flags.weights or random_weights(scratch / "resnet18.pth")
    workers = {
        side: Worker(side, row.kind, {**job, "scratch": str(scratch / f"{side}-{name}.pth")})
        for side in SIDES
    }
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(rounds):
        for side, worker in workers.items():
            seconds[side].append(worker.work())
    ours_mb, torch_mb = (worker.end() for worker in workers.values())
    ratios = [ours / theirs for ours, theirs in zip(*seconds.values(), strict=True)]
    return Measured(
        name,
        ours_seconds=statistics.median(seconds["our"]),
        torch_seconds=statistics.median(seconds["torch"]),
        ratio=statistics.median(ratios),
        ratio_low=min(ratios),
        ratio_high=max(ratios),
        ours_mb=ours_mb,
        torch_mb=torch_mb,
    )


class Worker:
    """A process of one side, and the most memory that it and its own processes took."""

    def __init__(self, side: str, kind: str, job: dict) -> None:
        """Starts it and waits until it is ready."""
        command = [sys.executable, "worker.py", side, kind, json.dumps(job)]
        self.side = side
        self.process = subprocess.Popen(
            command, cwd=HERE, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.peak, self.ended = 0.0, threading.Event()
        self.watcher = threading.Thread(target=self._watch)
        self.watcher.start()
        self._answer("ready")

    def work(self) -> float:
        """Lets it work once; gives the seconds that it took."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self._answer("seconds").split()[1])

    def end(self) -> float:
        """Ends it; gives its peak of memory in megabytes."""
        self.ended.set()
        self.watcher.join()
        self.process.communicate()
        return self.peak / 1e6

    def _answer(self, first_word: str) -> str:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            if text.startswith(first_word):
                return text
        self.ended.set()
        raise SystemExit(f"{self.side}: ended early; its error is above")

    def _watch(self) -> None:
        while not self.ended.wait(1):
            self.peak = max(self.peak, tree_bytes(self.process.pid))


def tree_bytes(pid: int) -> float:
    """Memory of a process and all that it started; what they share counts once."""
    import psutil  # late, so that what is missing can be said

    total = 0.0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.uss)  # Linux alone knows what is shared
    except psutil.Error:  # one of them just ended
        return 0.0
    return total


def phantoms(folder: Path, images: int, size: int) -> str:
    """A folder of so many drawn X-rays to train on, `size` pixels wide and high."""
    if not folder.exists():
        from PIL import Image

        from jaxcovid.data.phantom import draw

        for split, count in (("train", images), ("validation", 24)):
            for number in range(count):
                path = folder / split / f"class{number % 3}" / f"{number}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(draw(number % 3, number, size)).save(path)
    return str(folder)


def random_weights(path: Path) -> str:
    """A .pth file with the arrays of ResNet18."""
    if not path.exists():
        import numpy as np

        from weights_convert import save, table

        random = np.random.default_rng(0)
        save(path, {
            entry.torch: random.normal(size=entry.shape).astype(np.float32)
            for entry in table("resnet18", 1000)
        }, {})  # fmt: skip
    return str(path)


def line(row: Measured) -> str:
    """A row of the table on the terminal."""
    spread = f"({row.ratio_low:.2f} to {row.ratio_high:.2f})"
    return (
        f"{row.row:28}{row.ours_seconds:9.3f}{row.torch_seconds:9.3f}{row.ratio:7.2f}  "
        f"{spread:14}{row.ours_mb:9.0f}{row.torch_mb:9.0f}"
    )


if __name__ == "__main__":
    sys.exit(main())
