"""What a trained network says of images: `python experiments/predict.py --help`.

Not for clinical use.
"""

import dataclasses
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import tyro
from exits import exit_code


@dataclasses.dataclass(frozen=True)
class Predict:
    """Class and probabilities of images, by a trained network. NOT FOR CLINICAL USE."""

    run: tyro.conf.Positional[Path]
    """Folder of a finished run, or a weights.safetensors or weights.pth that one wrote."""
    images: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IMAGE|FOLDER...")
    ]
    """Image files, and folders of them: PNG, JPEG, DICOM."""
    csv: Path | None = None
    """Where to write the answers; a file that is there is replaced."""
    explain: Path | None = None
    """Folder for pictures of where the network looked (Grad-CAM)."""


def main() -> int:
    """Parses the flags and predicts; returns the exit code."""
    flags = tyro.cli(Predict, description=Predict.__doc__)
    return exit_code(lambda: predict(flags))


def predict(flags: Predict) -> int:
    """Writes or prints what the network says of every file that can be read."""
    from tqdm.auto import tqdm

    from jaxcovid.data.layout import shown
    from jaxcovid.errors import check
    from jaxcovid.inference import inference_model, predict
    from jaxcovid.report import DISCLAIMER, gallery
    from jaxcovid.runs import files
    from jaxcovid.runs.progress import bar

    paths = predict.files(flags.images)
    check(_targets(flags, paths))
    network = inference_model.load(flags.run)
    if flags.explain is not None:
        flags.explain.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    problems: list[str] = []

    numbers = [f"prob_{name}" for name in network.classes]
    if network.codes is not None:
        numbers += [f"finding_{name}" for name in network.classes]

    def rows() -> Iterator[list[Any]]:
        found = predict.answers(network, paths, explain=flags.explain is not None)
        seen = bar(found, desc="Predicting", total=len(paths), unit="image", delay=0.5)
        for number, answer in enumerate(seen, start=1):
            name = shown(answer.path)
            if answer.probabilities is None or answer.pixels is None:
                problems.append(f"{name}: {answer.problem}")
                yield [name, "", *("" for _ in numbers), answer.problem]
                continue
            predicted = network.classes[int(answer.probabilities.argmax())]
            counts[predicted] += 1
            if flags.explain is not None and answer.heat is not None:
                stem = gallery.file_name([f"{number:05d}", answer.path.stem, predicted])
                picture = gallery.beside(answer.pixels, answer.heat)
                files.write_bytes(flags.explain / f"{stem}.png", gallery.png(picture))
            findings = () if answer.findings is None else answer.findings
            values = (*answer.probabilities, *findings)
            yield [name, predicted, *(f"{value:.6f}" for value in values), ""]

    header = ["path", "prediction", *numbers, "problem"]
    if flags.csv is not None:
        files.write_csv(flags.csv, header, rows())
    else:
        for name, predicted, *values, problem in rows():
            shares = values[: len(network.classes)]
            said = ", ".join(
                f"{label} {float(share):.3f}"
                for label, share in zip(network.classes, shares, strict=True)
                if share
            )
            tqdm.write(f"{name}: {predicted} ({said})" if predicted else f"{name}: {problem}")
    listed = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    print(f"{len(paths)} file(s): {listed or 'none could be read'}. {DISCLAIMER}")
    for where in (flags.csv, flags.explain):
        if where is not None:
            print(f"Written: {where}")
    if problems:
        first = "\n  ".join(problems[:20]) + ("\n  ..." if len(problems) > 20 else "")
        print(f"\n{len(problems)} file(s) could not be read:\n  {first}", file=sys.stderr)
        return 2
    return 0


def _targets(flags: Predict, paths: list[Path]) -> list[str]:
    """What speaks against writing where the flags say: better known before the work than after."""
    found = []
    if flags.csv is not None:
        if flags.csv.resolve() in {path.resolve() for path in paths}:
            found.append(f"--csv: {flags.csv} is one of the images; name another file")
        elif flags.csv.exists() and (flags.csv.is_symlink() or not flags.csv.is_file()):
            found.append(f"--csv: {flags.csv} is no ordinary file; name a new one")
        elif not flags.csv.absolute().parent.is_dir():
            found.append(f"--csv: there is no folder {flags.csv.absolute().parent}; make it first")
    if flags.explain is not None and flags.explain.exists() and not flags.explain.is_dir():
        found.append(f"--explain: {flags.explain} is not a folder; name a new one")
    return found


if __name__ == "__main__":
    sys.exit(main())
