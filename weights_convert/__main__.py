"""The command `weights-convert convert|inspect|fetch`, also `python -m weights_convert`."""

import argparse
import sys
from pathlib import Path

from weights_convert.convert import check
from weights_convert.detection import architecture_of, detect, most_alike
from weights_convert.errors import LONGEST, ConversionError, FormatError
from weights_convert.files import SUFFIXES, Weights, read, save
from weights_convert.names import ARCHITECTURES
from weights_convert.printable import printable
from weights_convert.terminal import BROKEN_PIPE, on_standard_streams, tell
from weights_convert.trained import WORDS, look

ENTRY = "the key or prefix of the weights, where a file holds several networks, such as ema"


def main(arguments: list[str] | None = None) -> int:
    """Runs the command that `arguments`, by default the process's, ask for.

    Returns the exit code: 0 done, 2 bad input, 130 interrupted, 141 if nobody reads on.
    """
    if arguments is None:
        return on_standard_streams(lambda: _main(sys.argv[1:]))
    return _main(arguments)


def _main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except ConversionError as error:
        problems = "\n  ".join(error.problems)
        tell(f"{printable(str(getattr(options, 'source', '')))}: does not fit:\n  {problems}")
    except BrokenPipeError:
        return BROKEN_PIPE
    except (FormatError, OSError) as error:
        tell(printable(_message(error), LONGEST))
    except KeyboardInterrupt:
        tell("Interrupted.")
        return 130
    return 2


def _convert(options: argparse.Namespace) -> int:
    weights = read(options.source, options.entry, mapped=True)
    try:
        entries = detect(weights.arrays, options.model)
        check(weights.arrays, entries, options.allow_missing)
    except ConversionError as error:
        raise ConversionError([*error.problems, *_advice(weights, options)]) from None
    save(options.target, weights.arrays, weights.metadata)
    for note in weights.notes:
        print(note)
    print(f"{_shown(options.source)} -> {_shown(options.target)}: {_summary(weights)}")
    return 0


def _advice(weights: Weights, options: argparse.Namespace) -> list[str]:
    alike = most_alike(weights.arrays)
    if alike is None:
        return ["give the state_dict of one of these networks"]
    if options.model is None and not _is_recognised(weights):
        return [f"if it is part of {alike}, give --model {alike}"]
    return ["names that may be missing are given with --allow-missing, such as 'fc.*'"]


def _is_recognised(weights: Weights) -> bool:
    try:
        architecture_of(weights.arrays)
    except ConversionError:
        return False
    return True


def _inspect(options: argparse.Namespace) -> int:
    weights = read(options.source, options.entry, mapped=True)
    print(f"{_shown(options.source)}: {weights.container}, {_summary(weights)}")
    print(f"model: {_model(weights)}")
    seen = look(weights.arrays)
    print(f"{WORDS[seen.verdict]}: {seen.reason}")
    for key, value in sorted(weights.metadata.items()):
        print(f"metadata: {printable(key)} = {printable(value, 1000)}")
    for note in weights.notes:
        print(f"note: {note}")
    names = [printable(name) for name in weights.arrays]
    width = max(map(len, names), default=0)
    for name, array in zip(names, weights.arrays.values(), strict=True):
        print(f"{name:<{width}}  {array.dtype!s:<9} {tuple(array.shape)}")
    return 0


def _model(weights: Weights) -> str:
    """What the network is, with how many classes; or why that cannot be said."""
    try:
        model = architecture_of(weights.arrays)
        head = ARCHITECTURES[model].head
        entries = detect(weights.arrays, model)
        if any(name.startswith(f"{head}.") for name in weights.arrays):
            check(weights.arrays, entries)
            return f"{model}, {entries[-1].shape[0]} classes"
        check(weights.arrays, entries, [f"{head}.*"])
        return f"{model}, a backbone without a head ({head}.*)"
    except ConversionError as error:
        return error.problems[0]


def _fetch(options: argparse.Namespace) -> int:
    from weights_convert.fetch import fetch

    file = ARCHITECTURES[options.model].weights
    if options.mirror:
        file = file._replace(server=options.mirror.rstrip("/"))
    print(fetch(file, options.folder))
    return 0


def _summary(weights: Weights) -> str:
    values = sum(array.size for array in weights.arrays.values())
    size = sum(array.nbytes for array in weights.arrays.values())
    count = len(weights.arrays)
    return f"{count:,} array{'s' * (count != 1)}, {values:,} values, {size / 1e6:,.1f} MB"


def _shown(path: Path) -> str:
    return printable(str(path), 1000)


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{printable(str(error.filename), 1000)}: {error.strerror}"
    return printable(str(error), 2000)


def _parser() -> argparse.ArgumentParser:
    as_module = Path(sys.argv[0]).name == Path(__file__).name
    parser = argparse.ArgumentParser(
        prog="python -m weights_convert" if as_module else "weights-convert",
        description="Moves weights between PyTorch and Flax without PyTorch, executing nothing "
        "that a file contains. Not for clinical use.",
    )
    commands = parser.add_subparsers(required=True, metavar="convert|inspect|fetch")

    convert = commands.add_parser("convert", help="write weights in another format")
    convert.add_argument("source", type=Path, help="a file, or a run's folder")
    convert.add_argument("target", type=Path, help=f"a name in {', '.join(SUFFIXES)}")
    convert.add_argument("--model", choices=tuple(ARCHITECTURES), help="detected if not given")
    convert.add_argument(
        "--allow-missing",
        action="append",
        default=[],
        metavar="GLOB",
        help="names that may be missing or of another shape, such as 'fc.*'",
    )
    convert.add_argument("--entry", metavar="NAME", help=ENTRY)
    convert.set_defaults(command=_convert)

    inspect = commands.add_parser("inspect", help="show what is in a file")
    inspect.add_argument("source", type=Path, metavar="FILE")
    inspect.add_argument("--entry", metavar="NAME", help=ENTRY)
    inspect.set_defaults(command=_inspect)

    fetch = commands.add_parser("fetch", help="download ImageNet weights into the cache")
    fetch.add_argument("model", choices=tuple(ARCHITECTURES))
    fetch.add_argument("--folder", type=Path, help="instead of the cache folder")
    fetch.add_argument("--mirror", metavar="URL", help="a server with the same files")
    fetch.set_defaults(command=_fetch)
    return parser


if __name__ == "__main__":
    sys.exit(main())
