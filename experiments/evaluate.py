"""How good trained networks are on other data: `python experiments/evaluate.py --help`.

Not for clinical use.
"""

import dataclasses
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import tyro


@dataclasses.dataclass(frozen=True)
class Evaluate:
    """Metrics and report of a trained network on other data; of two, also how they compare.

    NOT FOR CLINICAL USE.
    """

    runs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN [RUN]")]
    """Folder of a finished run, or a weights.safetensors or weights.pth that one wrote; two are
    compared on the same images."""
    data: Path
    """Folder that holds the split."""
    split: str = "test"
    """Which split: test, validation or train; one folder per class in it."""
    patients: tuple[Path, ...] = ()
    """CSV files with the columns class, file, patient."""
    output: Path | None = None
    """Folder for the results; must not exist. Default: evaluations/<run>-<data>-<time>."""
    skip_unreadable: bool = False
    """Go on without unreadable images, and record them."""


def main() -> int:
    """Parses the flags and evaluates; returns the exit code."""
    flags = tyro.cli(Evaluate, description=Evaluate.__doc__)
    # Imported late, so that --help answers at once.
    from jaxcovid.errors import InputError

    try:
        evaluate(flags)
    except InputError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"\n{error.filename or 'disk'}: {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted; nothing was written.", file=sys.stderr)
        return 130
    return 0


def evaluate(flags: Evaluate) -> None:
    """Measures one network or two, and writes the results. Raises InputError."""
    from jaxcovid import external
    from jaxcovid.comparison import compare
    from jaxcovid.errors import check
    from jaxcovid.report import artifacts, files, text

    check(external.problems(flags.runs, flags.split, flags.output))
    networks = external.networks(flags.runs)
    dataset = external.load_data(
        flags.data,
        flags.split,
        networks[0].classes,
        flags.patients,
        flags.skip_unreadable,
        _progress,
    )
    for warning in dataset.warnings:
        print(f"Warning: {warning}")
    first, *others = (external.evaluate(network, dataset, _bar) for network in networks)
    name = "-".join([*(network.name for network in networks), flags.data.resolve().name])
    folder = flags.output or Path("evaluations", f"{name}-{datetime.now():%Y%m%d-%H%M%S}")
    said = [text.summary(results) for results in (first, *others)]
    with files.folder_aside(folder) as aside:
        if not others:
            artifacts.write_results(aside, first, _bar)
        for second in others:
            compared = compare(
                dataset.splits[flags.split].labels,
                first.splits[flags.split].probabilities,
                second.splits[flags.split].probabilities,
                dataset.classes,
                groups=dataset.patients.get(flags.split),
            )
            artifacts.write_comparison(aside, first, second, compared, _bar)
            said.append(text.comparison(first, second, compared))
    print(*said, text.where(folder), sep="\n")


def _bar(items: Any = None, **options: Any) -> Any:
    from tqdm.auto import tqdm

    return tqdm(items, leave=False, **options)


def _progress(items: Any, description: str, length: int) -> Any:
    return iter(_bar(items, desc=description, total=length, delay=0.5))


if __name__ == "__main__":
    sys.exit(main())
