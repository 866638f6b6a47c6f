"""The installed command `jaxcovid`: finds the command that its first argument names."""

import difflib
import importlib
import os
import sys
from collections.abc import Callable, Sequence

from jaxcovid.cli.huge_pages import use_huge_pages
from weights_convert.printable import printable
from weights_convert.terminal import on_standard_streams, tell

# Each is a module beside this one.
COMMANDS = {
    "train": "fine-tune a network on chest X-rays and measure the result",
    "predict": "class and probabilities of images, by a trained network",
    "evaluate": "metrics and report of a trained network on other data; or two compared",
    "audit": "what may mislead in a set of images: leaks, shortcuts, what a network goes by",
    "sweep": "train many settings and seeds at once, and compare them",
    "reproduce": "every experiment of the assignment, reported against ours",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Hands the other arguments to the command; returns its exit code, 2 if there is none."""
    if arguments is None:
        return on_standard_streams(lambda: _in_own_process(lambda: _main(sys.argv[1:])))
    return _main(arguments)


def _main(arguments: Sequence[str]) -> int:
    first, *others = [*arguments, ""]
    if first in ("-h", "--help"):
        print(help_text())
        return 0
    if first in COMMANDS:
        return _command(first)(others[:-1], f"jaxcovid {first}")
    tell(f"{_problem(first)}\n\n{help_text()}")
    return 2


def script(name: str, program: str) -> int:
    """The command of that name for a script of its own; returns the exit code.

    The flags are those of this process. `program` is how a user calls the script.
    """
    return on_standard_streams(lambda: _in_own_process(lambda: _command(name)(None, program)))


def _in_own_process(command: Callable[[], int]) -> int:
    # Charts go to files alone: matplotlib is to look for no window, nor refuse an odd name of one.
    os.environ.pop("MPLBACKEND", None)
    use_huge_pages()
    return command()


def help_text() -> str:
    """What there is to call, a line for each command."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {about}" for name, about in COMMANDS.items()]
    return "\n".join(
        [
            "usage: jaxcovid COMMAND [OPTIONS]",
            "",
            "Fine-tune networks on chest X-rays, and tell how good they are. Not for clinical use.",
            "",
            *lines,
            "",
            "jaxcovid COMMAND --help lists what a command takes.",
        ]
    )


def _command(name: str) -> Callable[[Sequence[str] | None, str], int]:
    # Imported late, so that `use_huge_pages` starts nothing twice.
    return importlib.import_module(f"jaxcovid.cli.{name}").main


def _problem(name: str) -> str:
    if not name:
        return "COMMAND: none is given"
    close = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"COMMAND: there is no '{printable(name)}'{hint}"
