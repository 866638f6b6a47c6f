"""How good trained networks are on other data: `python experiments/evaluate.py --help`.

Not for clinical use.
"""

import dataclasses
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import tyro
from exits import exit_code


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
    return exit_code(lambda: evaluate(flags), "Interrupted; nothing was written.")


def evaluate(flags: Evaluate) -> None:
    """Measures one network or two, and writes the results. Raises InputError."""
    from jaxcovid.errors import check
    from jaxcovid.report import text
    from jaxcovid.runs import artifacts, evaluate, files
    from jaxcovid.runs.progress import bar, progress
    from jaxcovid.statistics.comparison import compare

    check(evaluate.problems(flags.runs, flags.split, flags.output))
    networks = evaluate.networks(flags.runs)
    dataset = evaluate.load_data(
        flags.data,
        flags.split,
        networks[0].classes,
        tuple(dict.fromkeys(each for network in networks for each in network.merge)),
        flags.patients,
        flags.skip_unreadable,
        progress,
    )
    for warning in dataset.warnings:
        print(f"Warning: {warning}")
    names = [Path(network.name).name for network in networks]
    name = "-".join([*names, flags.data.resolve().name])
    folder = flags.output or Path("evaluations", f"{name}-{datetime.now():%Y%m%d-%H%M%S}")
    settings = dataclasses.asdict(dataclasses.replace(flags, output=folder))
    with files.folder_aside(folder) as aside:
        first, *others = (
            evaluate.evaluate(network, dataset, settings, bar) for network in networks
        )
        said = [text.summary(results) for results in (first, *others)]
        if not others:
            artifacts.write_evaluation(aside, first, bar)
        for second in others:
            compared = compare(
                dataset.splits[flags.split].labels,
                first.splits[flags.split].probabilities,
                second.splits[flags.split].probabilities,
                dataset.classes,
                groups=dataset.patients.get(flags.split),
            )
            artifacts.write_comparison(aside, first, second, compared, bar)
            said.append(text.comparison(first, second, compared))
    print(*said, text.where(folder), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
