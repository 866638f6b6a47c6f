"""`jaxcovid predict`: class and probabilities of images, by a trained network."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from jaxcovid.cli.exits import exit_code
from jaxcovid.cli.flags import Predict
from jaxcovid.cli.parsing import parsed
from jaxcovid.errors import check
from weights_convert.errors import LONGEST
from weights_convert.printable import printable
from weights_convert.terminal import tell

if TYPE_CHECKING:
    from jaxcovid.inference.inference_model import InferenceModel
    from jaxcovid.inference.predict import Answer


# What `csv` calls that, as other programs do.
STANDARD_OUTPUT = Path("-")


def main(arguments: Sequence[str] | None = None, program: str = "jaxcovid predict") -> int:
    """Parses the flags and predicts; returns the exit code. `program` is how a user calls it."""
    flags = parsed(Predict, sys.argv[1:] if arguments is None else arguments, program)
    return exit_code(lambda: _predict(flags), program)


def _predict(flags: Predict) -> int:
    """Writes or prints what the network says of every file that can be read."""
    # Imported late, so that --help and wrong flags answer at once.
    from jaxcovid.cli.kept_programs import keep_programs
    from jaxcovid.data import blank
    from jaxcovid.inference import inference_model, predict
    from jaxcovid.inference.out_of_place import of_remarks
    from jaxcovid.report import DISCLAIMER
    from jaxcovid.runs.progress import bar

    keep_programs()
    paths, unlisted = predict.image_files(flags.images)
    check(_problems(flags, paths))
    network = inference_model.load(flags.run)
    thresholds = predict.thresholds_of(network, flags.operating_point)
    if flags.explain is not None:
        flags.explain.mkdir(parents=True, exist_ok=True)
    explain = flags.explain is not None
    answers = chain(predict.predict(network, paths, explain, thresholds), unlisted)
    total = len(paths) + len(unlisted)
    watched = bar(answers, desc="Predicting", total=total, unit="image", delay=0.5)
    counts: Counter[str] = Counter()
    problems: list[str] = []
    levels: dict[str, int] = {}
    remarks: dict[str, str] = {}

    def rows() -> Iterator[list[str]]:
        for number, answer in enumerate(watched, start=1):
            row = _row(network, answer, thresholds)
            name, predicted, *_, problem, _ = row
            if predicted:
                counts[predicted] += 1
                levels[name], remarks[name] = answer.few_levels, answer.remark
            else:
                problems.append(printable(f"{name}: {problem}", LONGEST))
            if flags.explain is not None and predicted:
                _write_explanation(flags.explain, number, answer, network, thresholds)
            yield row

    _write_rows(flags, network, rows())
    about = sys.stderr if flags.csv == STANDARD_OUTPUT else sys.stdout
    listed = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    print(f"{len(paths)} file(s): {listed or 'none could be read'}. {DISCLAIMER}", file=about)
    for target in (flags.csv, flags.explain):
        if target not in (None, STANDARD_OUTPUT):
            print(f"Written: {printable(str(target))}", file=about)
    warnings = [*network.changes, blank.warning(levels, "images"), of_remarks(remarks)]
    for warning in filter(None, warnings):
        tell(f"Warning: {warning}")
    if problems:
        first = "\n  ".join(problems[:20]) + ("\n  ..." if len(problems) > 20 else "")
        kind = "file(s) or folder(s)" if unlisted else "file(s)"
        tell(f"\n{len(problems)} {kind} could not be read:\n  {first}")
    return 2 if problems else 0


def _write_rows(flags: Predict, network: "InferenceModel", rows: Iterator[list[str]]) -> None:
    """Writes the table, or prints a line for each row."""
    from jaxcovid import csv_file
    from jaxcovid.runs import files

    if flags.csv is None:
        _print_rows(rows, network.classes)
        return
    numbers = [f"prob_{name}" for name in network.classes]
    if network.codes is not None:
        numbers += [f"finding_{name}" for name in network.classes]
    header = ["path", "prediction", *numbers, "problem", "note"]
    if flags.csv == STANDARD_OUTPUT:
        if sys.stdout.isatty():  # a terminal would obey what names of files hold
            rows = ([printable(cell) for cell in row] for row in rows)
            header = [printable(name) for name in header]
        csv_file.write_rows(sys.stdout.buffer, header, rows)
    else:
        files.write_csv(flags.csv, header, rows)


def _row(
    network: "InferenceModel", answer: "Answer", thresholds: Sequence[tuple[int, float]]
) -> list[str]:
    """The line of a file in the table: path, prediction, numbers, problem, note."""
    from jaxcovid.data import blank, finding_codes, layout
    from jaxcovid.inference.predict import called

    name = layout.path_text(answer.path)
    if answer.probabilities is None:
        columns = len(network.classes) * (1 if network.codes is None else 2)
        return [name, "", *[""] * columns, answer.problem, ""]
    predicted = network.classes[called(answer.probabilities, thresholds)]
    if network.independent:
        shares = dict(zip(network.classes, map(float, answer.probabilities > 0.5), strict=True))
        predicted = finding_codes.combination_of(shares)
    values = (*answer.probabilities, *(() if answer.findings is None else answer.findings))
    numbers = [f"{value:.6f}" for value in values]
    notes = [blank.remark(answer.few_levels), answer.remark]
    return [name, predicted, *numbers, "", "; ".join(filter(None, notes))]


def _write_explanation(
    folder: Path,
    number: int,
    answer: "Answer",
    network: "InferenceModel",
    thresholds: Sequence[tuple[int, float]],
) -> None:
    """The image with where the network looked, beside it; numbered as the images are given.

    Named for what it looked for: the class that is answered, or the likeliest finding.
    """
    from jaxcovid.inference.predict import called
    from jaxcovid.report import gallery
    from jaxcovid.runs import files

    assert answer.pixels is not None and answer.heat is not None
    assert answer.probabilities is not None
    answered = network.classes[called(answer.probabilities, thresholds)]
    stem = gallery.file_name([f"{number:05d}", answer.path.stem, answered])
    picture = gallery.beside(answer.pixels, answer.heat)
    files.write_bytes(folder / f"{stem}.png", gallery.png(picture))


def _print_rows(rows: Iterator[list[str]], classes: Sequence[str]) -> None:
    """A line for each file, above the progress bar."""
    from tqdm.auto import tqdm

    for name, predicted, *numbers, problem, note in rows:
        probabilities = ", ".join(
            f"{label} {float(number):.3f}"
            for label, number in zip(classes, numbers[: len(classes)], strict=True)
            if number
        )
        answer = f"{predicted} ({probabilities})" if predicted else problem
        tqdm.write(printable(f"{name}: {answer}" + (f"; {note}" if note else ""), LONGEST))


def _problems(flags: Predict, paths: list[Path]) -> list[str]:
    """What speaks against writing where the flags say: better known before the work than after."""
    problems = []
    if flags.csv not in (None, STANDARD_OUTPUT):
        if flags.csv.resolve() in {path.resolve() for path in paths}:
            problems.append(f"`csv`: {flags.csv} is one of the images; name another file")
        elif flags.csv.exists() and (flags.csv.is_symlink() or not flags.csv.is_file()):
            problems.append(f"`csv`: {flags.csv} is no ordinary file; name a new one, or -")
        elif not flags.csv.absolute().parent.is_dir():
            parent = flags.csv.absolute().parent
            problems.append(f"`csv`: there is no folder {parent}; make it first")
    if flags.explain is not None and flags.explain.exists() and not flags.explain.is_dir():
        problems.append(f"`explain`: {flags.explain} is not a folder; name a new one")
    return problems
