"""The files that a run leaves in its folder."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxcovid import report
from jaxcovid.inference import inference_model
from jaxcovid.report import DISCLAIMER
from jaxcovid.results import Epoch, Results
from jaxcovid.runs import files
from jaxcovid.training.evaluation import Bar
from jaxcovid.training.setup import Task
from jaxcovid.training.step import TrainState
from weights_convert import flax_to_torch, save


def write_results(folder: Path, results: Results, bar: Bar = lambda items, **_: items) -> None:
    """Writes predictions.csv, plots/, report.html and, last, metrics.json.

    If metrics.json is there, so is all of the run that there will be. `bar` follows the drawing of
    pictures. Raises OSError.
    """
    header = ["split", "path", "label", "prediction", "correct"]
    header += [f"prob_{name}" for name in results.classes]
    if any(split.findings is not None for split in results.splits.values()):
        header += [f"finding_{name}" for name in results.classes]
    files.write_csv(folder / "predictions.csv", header, _prediction_rows(results))
    drawings = dict(bar(report.run_pictures(results), desc="Drawing", unit="picture", delay=0.5))
    _write_plots(folder, drawings)
    # metrics.json is written last, so that it tells whether all is there.
    beside = [*(path.name for path in folder.iterdir()), "metrics.json"]
    page = report.run_page(results, drawings, files=beside)
    files.write_bytes(folder / "report.html", page.encode())
    result = {
        name: split.metrics for name, split in results.splits.items() if split.metrics is not None
    }
    if results.training is not None:
        result["freeze_audit"] = results.training.audit._asdict()
    files.write_json(folder / "metrics.json", {**result, "disclaimer": DISCLAIMER})


def write_evaluation(folder: Path, results: Results, bar: Bar = lambda items, **_: items) -> None:
    """Writes config.json and what `write_results` does, of a network on other data.

    Raises OSError.
    """
    write_config(folder, results.settings)
    write_results(folder, results, bar)


def write_comparison(
    folder: Path,
    first: Results,
    second: Results,
    compared: Mapping[str, Any],
    bar: Bar = lambda items, **_: items,
) -> None:
    """Writes first/ and second/ with the results of each, report.html of both, comparison.json.

    `compared` is what `statistics.compare` found of them. Raises OSError.
    """
    for name, results in (("first", first), ("second", second)):
        (folder / name).mkdir()
        write_evaluation(folder / name, results, bar)
    drawings = dict([report.comparison_picture(first, second, compared)])
    _write_plots(folder, drawings)
    page = report.comparison_page(first, second, compared, drawings, files=["comparison.json"])
    files.write_bytes(folder / "report.html", page.encode())
    networks = [results.settings["network"] for results in (first, second)]
    record = {"networks": networks, **compared, "disclaimer": DISCLAIMER}
    files.write_json(folder / "comparison.json", record)


def write_config(folder: Path, record: Mapping[str, Any]) -> None:
    """Writes config.json: settings, versions, device, data. Raises OSError."""
    files.write_json(folder / "config.json", record)


def write_history(folder: Path, history: Sequence[Epoch]) -> None:
    """Writes history.csv: a line for every epoch, times in seconds. Raises OSError."""
    files.write_csv(folder / "history.csv", Epoch._fields, history)


def write_weights(
    folder: Path,
    task: Task,
    state: TrainState,
    thresholds: Mapping[str, Mapping[str, float | None]],
) -> None:
    """Writes weights.pth and weights.safetensors, with torchvision's names and layouts of arrays.

    Their metadata hold all that prediction needs, also the `thresholds` of
    `statistics.operating_points`. The setting `weights_file` gives the first a second name. Raises
    OSError.
    """
    config = task.config
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    arrays = flax_to_torch(variables, task.network.entries)
    metadata = inference_model.weights_metadata(
        config.model,
        config.head,
        config.dropout,
        task.dataset.classes,
        task.targets.answer_codes,
        config.merge,
        thresholds,
        DISCLAIMER,
    )
    for suffix in (".pth", ".safetensors"):
        save(folder / f"weights{suffix}", arrays, metadata)
    if config.weights_file is not None:
        files.also_as(folder / "weights.pth", config.weights_file)


def _write_plots(folder: Path, drawings: Mapping[str, "report.Picture"]) -> None:
    (folder / "plots").mkdir(exist_ok=True)
    for name, picture in drawings.items():
        files.write_bytes(folder / "plots" / f"{name}.png", picture.content)


def _prediction_rows(results: Results) -> Iterator[list[Any]]:
    for name, split in results.splits.items():
        findings = split.findings if split.findings is not None else [()] * len(split.labels)
        rows = zip(split.paths, split.labels, split.probabilities, findings, strict=True)
        for path, label, probabilities, of_outputs in rows:
            predicted = int(probabilities.argmax())
            truth = [results.classes[label], bool(label == predicted)] if label >= 0 else ["", ""]
            numbers = [f"{value:.6f}" for value in (*probabilities, *of_outputs)]
            yield [name, path, truth[0], results.classes[predicted], truth[1], *numbers]
